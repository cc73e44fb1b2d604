import type { Clock } from "../../support/time/clock.js";

/**
 * Minimum milliseconds that a message waits for its rejection when waiting messages fill the
 * prefetch.
 */
const CROWDED_MS = 1_000;

interface DelayedRejection {
  readonly since: number;
  readonly end: () => void;
}

/**
 * Messages that wait for their rejection. Each occupies one place of the prefetch. When they occupy
 * all places, the message that has waited longest is released after a second, so that the queue
 * continues.
 */
export class DelayedRejections {
  readonly #clock: Clock;
  readonly #places: number;
  /** Ordered by their start. */
  readonly #delayed = new Set<DelayedRejection>();
  #cancelTimer: (() => void) | undefined;
  #areOver = false;

  constructor(clock: Clock, places: number) {
    this.#clock = clock;
    this.#places = places;
  }

  /** Resolves after the delay, or earlier when all places are occupied. */
  wait(delayMs: number): Promise<void> {
    if (this.#areOver || delayMs <= 0) return Promise.resolve(); // promise: thrown-handler-delayed
    return new Promise((resolve) => {
      const delayed: DelayedRejection = {
        since: this.#clock.now(),
        end: () => {
          cancelTimer();
          this.#delayed.delete(delayed);
          this.#watch();
          resolve();
        },
      };
      const cancelTimer = this.#clock.setTimer(delayMs, delayed.end);
      this.#delayed.add(delayed);
      this.#watch();
    });
  }

  /** Ends all current waits. Later waits end immediately. */
  end(): void {
    this.#areOver = true;
    for (const delayed of this.#delayed) delayed.end();
  }

  #watch(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    const [oldest] = this.#delayed;
    if (oldest === undefined || this.#areOver || this.#delayed.size < this.#places) return;
    const leftMs = oldest.since + CROWDED_MS - this.#clock.now();
    this.#cancelTimer = this.#clock.setTimer(Math.max(leftMs, 0), oldest.end);
  }
}
