import type { Leave } from "../stream/plan.js";
import type { Clock } from "../support/time/clock.js";

/** Milliseconds after a `break` for settlements that were already requested. */
const BREAK_MS = 1_000;

/**
 * Milliseconds after an abort or a close in which handed-out messages can be settled, counted again
 * from the end of the loop body.
 */
const SETTLE_MS = 5_000;

/** Milliseconds that a loop body may run after an abort or a close and still settle its message. */
const BODY_MS = 30_000;

export interface SettlePeriodOwner {
  /** Whether handed-out messages are awaited without a limit, even if their body throws. */
  readonly patient: boolean;
  /** Whether nothing remains to wait for. */
  isDone(): boolean;
  /** Returns the unsettled messages to the queue, after a `break` or a `throw`. */
  returnHeld(): void;
}

/**
 * The time between leaving a loop and ending its calls, in which handed-out messages can still be
 * settled. It is bounded, because the server would hold an unsettled message without end. The end
 * of a body has no effect before the period has begun.
 */
export class SettlePeriod {
  readonly #clock: Clock;
  readonly #owner: SettlePeriodOwner;
  #bodyRuns = false;
  /**
   * Whether the body has outlasted the time for settling. That time starts again when the body
   * ends.
   */
  #isOverdue = false;
  #resolve: (() => void) | undefined;
  #cancelTimer: (() => void) | undefined;

  constructor(clock: Clock, owner: SettlePeriodOwner) {
    this.#clock = clock;
    this.#owner = owner;
  }

  /** Begins the period. Returns undefined when nothing remains to wait for. */
  begin(how: Leave, bodyRuns: boolean): Promise<void> | undefined {
    if (how === "return") this.#owner.returnHeld();
    if (this.#owner.isDone()) return undefined;
    this.#bodyRuns = bodyRuns;
    const over = new Promise<void>((resolve) => (this.#resolve = resolve));
    if (how === "return") this.#after(BREAK_MS, () => this.#end());
    else if (!this.#owner.patient) this.#after(SETTLE_MS, () => this.#onSettleTimeOut()); // promise: unsettled-returned-in-the-end
    return over;
  }

  /**
   * Checks whether the period can end, after a settlement was concluded or a message was released.
   */
  check(): void {
    if (this.#resolve !== undefined && this.#owner.isDone()) this.#end();
  }

  bodyFinished(): void {
    this.#bodyRuns = false;
    this.check();
    if (this.#isOverdue && this.#resolve !== undefined) this.#after(SETTLE_MS, () => this.#end());
  }

  /** The body was left by `break`, `return` or `throw`: the period continues as after a `break`. */
  bodyAbandoned(): void {
    if (this.#resolve === undefined) return;
    if (this.#owner.patient) return this.bodyFinished();
    this.#owner.returnHeld();
    this.#bodyRuns = false;
    this.check();
    if (this.#resolve !== undefined) this.#after(BREAK_MS, () => this.#end());
  }

  #onSettleTimeOut(): void {
    if (!this.#bodyRuns) return this.#end(); // promise: late-body-settles
    this.#isOverdue = true;
    this.#after(BODY_MS - SETTLE_MS, () => this.#end());
  }

  #after(delayMs: number, run: () => void): void {
    this.#cancelTimer?.();
    this.#cancelTimer = this.#clock.setTimer(delayMs, run);
  }

  #end(): void {
    this.#cancelTimer?.();
    const resolve = this.#resolve;
    this.#resolve = undefined;
    resolve?.();
  }
}
