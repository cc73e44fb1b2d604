import { type Clock, setDeadline } from "../../support/time/clock.js";
import { Fifo } from "../../support/fifo.js";
import { TurnClock } from "../../support/time/turn-clock.js";

/** Something that awaits its outcome until a deadline. */
export interface Timed {
  /** By the clock, in milliseconds. */
  readonly deadline: number;
  readonly isSettled: boolean;
}

/** Above this many entries, settled ones are removed when they are the majority. */
const COMPACT_ABOVE = 1024;

/**
 * Deadlines that follow each other in time, as they do when all time-outs are equal: one timer, for the oldest, serves them all.
 * What is settled is removed when it has become the oldest, or when most entries are settled.
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

  /** The deadline of what starts now. */
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

  /** Forgets every entry. */
  stop(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    this.#timed.drain();
  }

  /** Releases the settled entries before the oldest that is not settled. */
  removeSettled(): void {
    for (let oldest = this.#timed.peek(); oldest?.isSettled === true; oldest = this.#timed.peek()) this.#timed.shift();
  }

  /** One entry that is never answered must not retain all that were answered after it. */
  #compact(): void {
    for (const entry of this.#timed.drain()) if (!entry.isSettled) this.#timed.push(entry);
    this.#compactAt = Math.max(COMPACT_ABOVE, 2 * this.#timed.size);
  }

  #arm(deadline: number): void {
    // The stream on which the answer is awaited keeps the process alive, where it should live.
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
