import { type Clock, setDeadline } from "../../support/time/clock.js";
import { Fifo } from "../../support/fifo.js";
import { TurnClock } from "../../support/time/turn-clock.js";

/** An entry that awaits its outcome until a deadline. */
export interface Timed {
  /** Clock time in milliseconds. */
  readonly deadline: number;
  readonly isSettled: boolean;
}

/** Above this many entries, settled ones are removed when they are the majority. */
const COMPACT_ABOVE = 1024;

/**
 * Watches deadlines that are added in order of time, because all time-outs are equal. One timer,
 * for the oldest, serves them all. A settled entry is removed when it is the oldest, or when most
 * entries are settled.
 */
export class Deadlines<T extends Timed> {
  readonly #clock: Clock;
  readonly #timeoutMs: number;
  readonly #onLate: (late: T) => void;
  readonly #turn: TurnClock;
  #timed = new Fifo<T>();
  #cancelTimer: (() => void) | undefined;
  #compactAt = COMPACT_ABOVE;

  /** @param onLate receives each entry that is not settled at its deadline */
  constructor(clock: Clock, timeoutMs: number, onLate: (late: T) => void) {
    this.#clock = clock;
    this.#turn = new TurnClock(() => clock.now());
    this.#timeoutMs = timeoutMs;
    this.#onLate = onLate;
  }

  /** Returns the deadline of a send that starts now, in milliseconds of the clock. */
  next(): number {
    return this.#turn.now() + this.#timeoutMs;
  }

  /** Watches an entry whose deadline is `next()`. */
  add(entry: T): void {
    this.removeSettled();
    this.#timed.push(entry);
    if (this.#timed.size >= this.#compactAt) this.#compact();
    if (this.#cancelTimer === undefined) this.#arm(entry.deadline);
  }

  /** Removes every entry. */
  stop(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    this.#timed.drain();
  }

  /** Removes the settled entries before the oldest unsettled one. */
  removeSettled(): void {
    for (let oldest = this.#timed.peek(); oldest?.isSettled === true; oldest = this.#timed.peek()) this.#timed.shift();
  }

  /**
   * Removes all settled entries: one unanswered entry must not retain those that were answered
   * after it.
   */
  #compact(): void {
    for (const entry of this.#timed.drain()) if (!entry.isSettled) this.#timed.push(entry);
    this.#compactAt = Math.max(COMPACT_ABOVE, 2 * this.#timed.size);
  }

  #arm(deadline: number): void {
    // The stream keeps the process alive where needed, so this timer does not.
    const delayMs = Math.max(1, deadline - this.#clock.now());
    this.#cancelTimer = setDeadline(this.#clock, delayMs, () => this.#expire(), { holdsProcess: false });
  }

  #expire(): void {
    this.#cancelTimer = undefined;
    const late: T[] = [];
    const now = this.#clock.now();
    for (let oldest = this.#timed.peek(); oldest !== undefined; oldest = this.#timed.peek()) {
      if (!oldest.isSettled && oldest.deadline > now) {
        this.#arm(oldest.deadline);
        break;
      }
      this.#timed.shift();
      if (!oldest.isSettled) late.push(oldest);
    }
    for (const entry of late) this.#onLate(entry);
  }
}
