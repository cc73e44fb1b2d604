import type { Clock } from "./clock.js";

/** Tells when nothing has happened for so long. Starting it anew for every message costs no timer. */
export class Quiet {
  readonly #clock: Clock;
  readonly #ms: number;
  readonly #onQuiet: () => void;
  #since: number | undefined;
  #cancelTimer: (() => void) | undefined;

  constructor(clock: Clock, ms: number, onQuiet: () => void) {
    this.#clock = clock;
    this.#ms = ms;
    this.#onQuiet = onQuiet;
  }

  /** Counts from now. */
  begin(): void {
    this.#since = this.#clock.now();
    if (this.#cancelTimer === undefined) this.#arm(this.#ms);
  }

  /** Something happened. */
  interrupt(): void {
    this.#since = undefined;
  }

  /** Lets go of the timer. */
  stop(): void {
    this.#since = undefined;
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
  }

  #arm(ms: number): void {
    this.#cancelTimer = this.#clock.setTimer(ms, () => {
      this.#cancelTimer = undefined;
      if (this.#since === undefined) return;
      const left = this.#since + this.#ms - this.#clock.now();
      if (left > 0) return this.#arm(Math.ceil(left));
      this.#since = undefined;
      this.#onQuiet();
    });
  }
}
