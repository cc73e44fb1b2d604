import type { Clock } from "../../support/time/clock.js";
import { setImmediate } from "../../support/timers.js";
import type { Transaction } from "./held.js";
import type { Settlements } from "./settlements.js";

/** Maximum milliseconds that leaving a loop waits for the return of its messages. */
const RETURN_MS = 100;

/**
 * The return of messages to the queue when a loop is left. A consumer that begins later must find
 * them in their places, so the calls are ended when the server has answered what was written after
 * the return.
 */
export class Returning {
  readonly #clock: Clock;
  readonly #settlements: Settlements;
  readonly #ended: () => void;
  #isOpen = false;

  /** @param ended is called when the messages are back */
  constructor(clock: Clock, settlements: Settlements, ended: () => void) {
    this.#clock = clock;
    this.#settlements = settlements;
    this.#ended = ended;
  }

  /** Whether the server may still hold messages that are being returned. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  /**
   * Closes transactions after the requested settlements. `isOver`: the end of a call has returned
   * the messages already.
   */
  begin(transactions: ReadonlySet<Transaction>, isOver: () => boolean): void {
    if (transactions.size === 0) return;
    this.#isOpen = true;
    const cancelTimer = this.#clock.setTimer(RETURN_MS, () => this.#end());
    setImmediate(() => {
      const closed = isOver() ? [] : [...transactions].filter(({ call }) => !call.isPolling);
      for (const { call, id } of closed) call.close(id);
      const answered = closed.map((transaction) => this.#settlements.openSequences(transaction));
      const end = () => {
        cancelTimer();
        this.#end();
      };
      // promise: break-awaits-return
      if (answered.length === 0) return end();
      void Promise.all(answered).then(end);
    });
  }

  #end(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#ended();
  }
}
