import type { Clock } from "../../support/time/clock.js";

/** How long a message waits for its rejection at least, when waiting messages fill the prefetch. */
const CROWDED_MS = 1_000;

interface Pause {
  readonly since: number;
  readonly end: () => void;
}

/**
 * Messages that wait for their rejection. Each holds one place of the prefetch. When they hold all
 * places, the message that has waited longest is released after a second, so that the queue continues.
 */
export class Pauses {
  readonly #clock: Clock;
  readonly #places: number;
  /** In the order of their beginning. */
  readonly #pauses = new Set<Pause>();
  #cancelTimer: (() => void) | undefined;
  #areOver = false;

  constructor(clock: Clock, places: number) {
    this.#clock = clock;
    this.#places = places;
  }

  /** Resolves after the delay, or earlier for lack of places. */
  wait(delayMs: number): Promise<void> {
    if (this.#areOver || delayMs <= 0) return Promise.resolve(); // promise: thrown-handler-delayed
    return new Promise((resolve) => {
      const pause: Pause = {
        since: this.#clock.now(),
        end: () => {
          cancelTimer();
          this.#pauses.delete(pause);
          this.#watch();
          resolve();
        },
      };
      const cancelTimer = this.#clock.setTimer(delayMs, pause.end);
      this.#pauses.add(pause);
      this.#watch();
    });
  }

  /** Ends all waits, and every later one at once. */
  end(): void {
    this.#areOver = true;
    for (const pause of this.#pauses) pause.end();
  }

  #watch(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    const [oldest] = this.#pauses;
    if (oldest === undefined || this.#areOver || this.#pauses.size < this.#places) return;
    const leftMs = oldest.since + CROWDED_MS - this.#clock.now();
    this.#cancelTimer = this.#clock.setTimer(Math.max(leftMs, 0), oldest.end);
  }
}
