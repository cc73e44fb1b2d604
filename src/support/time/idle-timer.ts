import type { Clock } from "./clock.js";

/** Calls back after `ms` without activity. Restarting it does not touch the timer. */
export class IdleTimer {
  readonly #clock: Clock;
  readonly #ms: number;
  readonly #onIdle: () => void;
  #since: number | undefined;
  #cancelTimer: (() => void) | undefined;

  constructor(clock: Clock, ms: number, onIdle: () => void) {
    this.#clock = clock;
    this.#ms = ms;
    this.#onIdle = onIdle;
  }

  /** Whether an idle period has started and not ended. */
  get isRunning(): boolean {
    return this.#since !== undefined;
  }

  /** Starts the idle period now. */
  begin(): void {
    this.#since = this.#clock.now();
    if (this.#cancelTimer === undefined) this.#arm(this.#ms);
  }

  /** Records activity. */
  interrupt(): void {
    this.#since = undefined;
  }

  /** Cancels the timer. */
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
      this.#onIdle();
    });
  }
}
