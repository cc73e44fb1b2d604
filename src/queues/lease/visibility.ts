import type { Clock } from "../../support/time/clock.js";

/** Milliseconds to wait for the server's own report after the visibility time has ended here. */
const GRACE_MS = 250;

/**
 * The visibility time of one message, measured by the monotonic clock. `over` runs when the time
 * has ended and the server has not reported it, which it usually does first. `extend` runs at half
 * of the remaining time, until extending is stopped.
 */
export class Visibility {
  readonly #clock: Clock;
  readonly #over: () => void;
  #extend: (() => void) | undefined;
  #endsAt = 0;
  #cancelOver: (() => void) | undefined;
  #cancelExtend: (() => void) | undefined;

  constructor(clock: Clock, over: () => void, extend: (() => void) | undefined) {
    this.#clock = clock;
    this.#over = over;
    this.#extend = extend;
  }

  get until(): Date {
    return new Date(Date.now() + this.#leftMs());
  }

  /** Whether the time has ended, by the clock of this machine. */
  get isOver(): boolean {
    return this.#leftMs() <= 0;
  }

  /**
   * Starts the visibility time: `seconds`, counted from the request at `from`, in clock
   * milliseconds.
   */
  begin(from: number, seconds: number): void {
    this.#endsAt = from + seconds * 1_000;
    this.#cancelOver?.();
    this.#cancelOver = this.#clock.setTimer(Math.max(1, this.#leftMs() + GRACE_MS), this.#over);
    this.resumeExtending();
  }

  /** Pauses extending while the message is being settled. */
  pauseExtending(): void {
    this.#cancelExtend?.();
    this.#cancelExtend = undefined;
  }

  resumeExtending(): void {
    this.pauseExtending();
    if (this.#extend === undefined) return;
    // At half of the time, so that one late answer does no harm.
    this.#cancelExtend = this.#clock.setTimer(Math.max(1, this.#leftMs() / 2), this.#extend);
  }

  stopExtending(): void {
    this.#extend = undefined;
    this.pauseExtending();
  }

  end(): void {
    this.stopExtending();
    this.#cancelOver?.();
  }

  #leftMs(): number {
    return this.#endsAt - this.#clock.now();
  }
}
