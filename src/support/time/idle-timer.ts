import type { Clock } from "./clock.js";

/** Calls back after `ms` without activity. Restarting it does not touch the timer. */
export class IdleTimer {
  readonly #clock: Clock;
  readonly #ms: number;
  readonly #onIdle: () => void;
  /**
   * Start of the idle period; NaN during activity. A field that can be undefined would hold an
   * object for each number that is no small integer.
   */
  #since = Number.NaN;
  #cancelTimer: (() => void) | undefined;

  constructor(clock: Clock, ms: number, onIdle: () => void) {
    this.#clock = clock;
    this.#ms = ms;
    this.#onIdle = onIdle;
  }

  /** Whether an idle period has started and not ended. */
  get isRunning(): boolean {
    return !Number.isNaN(this.#since);
  }

  /** Starts the idle period now. */
  begin(): void {
    this.#since = this.#clock.now();
    if (this.#cancelTimer === undefined) this.#arm(this.#ms);
  }

  /** Records activity. */
  interrupt(): void {
    this.#since = Number.NaN;
  }

  /** Cancels the timer. */
  stop(): void {
    this.#since = Number.NaN;
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
  }

  #arm(ms: number): void {
    this.#cancelTimer = this.#clock.setTimer(ms, () => {
      this.#cancelTimer = undefined;
      if (!this.isRunning) return;
      const left = this.#since + this.#ms - this.#clock.now();
      if (left > 0) return this.#arm(Math.ceil(left));
      this.#since = Number.NaN;
      this.#onIdle();
    });
  }
}
