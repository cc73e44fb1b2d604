import type { Leave } from "../stream/plan.js";
import type { Clock } from "../support/clock.js";

/** How long settlements that were asked for before a `break` may take. */
const BREAK_MS = 1_000;

/** After an abort or a close: how long what was handed out can be settled, once the loop's body is over. */
export const SETTLE_MS = 5_000;

/** How long a body may run on and still settle its message. */
const BODY_MS = 30_000;

/**
 * The time between the leaving of a loop and the end of its calls, in which what was handed out can be settled. Bounded, for a
 * message that nobody settles would be held for ever.
 */
export class Farewell {
  readonly #clock: Clock;
  readonly #isDone: () => boolean;
  #bodyRuns = false;
  /** The body has run on beyond the time for settling, which begins anew at its end. */
  #late = false;
  #resolve: (() => void) | undefined;
  #cancelTimer: (() => void) | undefined;

  /** @param isDone whether nothing is left to wait for */
  constructor(clock: Clock, isDone: () => boolean) {
    this.#clock = clock;
    this.#isDone = isDone;
  }

  /** Undefined when there is nothing to wait for. `patient` waits for what is handed out however long it takes. */
  begin(how: Leave, bodyRuns: boolean, patient: boolean): Promise<void> | undefined {
    if (this.#isDone()) return undefined;
    this.#bodyRuns = bodyRuns;
    const parted = new Promise<void>((resolve) => (this.#resolve = resolve));
    if (how === "return") this.#after(BREAK_MS, () => this.#end());
    else if (!patient) this.#after(SETTLE_MS, () => this.#beLate()); // promise: unsettled-returned-in-the-end
    return parted;
  }

  /** Something was settled, or given up. */
  check(): void {
    if (this.#resolve !== undefined && this.#isDone()) this.#end();
  }

  bodyFinished(): void {
    this.#bodyRuns = false;
    this.check();
    if (this.#late && this.#resolve !== undefined) this.#after(SETTLE_MS, () => this.#end());
  }

  #beLate(): void {
    if (!this.#bodyRuns) return this.#end(); // promise: late-body-settles
    this.#late = true;
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
