import type { Clock } from "./clock.js";

/** What every message that awaits its answer has. */
export interface Awaited {
  readonly id: string;
  readonly deadline: number;
}

/**
 * What was sent on a stream and awaits its answer, by id, in the order of sending. Servers answer in that order, but for exceptions: so
 * the oldest is looked at first, and there is no index by id, which would cost more than the rest of a send.
 * Deadlines come in the order of sending too, as they do when all time-outs are alike: one timer, for the oldest, serves them all.
 */
export class Unanswered<Sent extends Awaited> {
  readonly #clock: Clock;
  readonly #onLate: (late: readonly Sent[]) => void;
  /** From the oldest on; undefined: answered before its turn. The oldest one is never that. */
  #sent: (Sent | undefined)[] = [];
  #oldest = 0;
  #size = 0;
  #cancelTimer: (() => void) | undefined;

  /** @param onLate gets what was not answered in time, and is not awaited any more */
  constructor(clock: Clock, onLate: (late: readonly Sent[]) => void) {
    this.#clock = clock;
    this.#onLate = onLate;
  }

  get size(): number {
    return this.#size;
  }

  add(sent: Sent): void {
    this.#sent.push(sent);
    this.#size += 1;
    if (this.#cancelTimer === undefined) this.#watch(sent.deadline);
  }

  /** Undefined for what was answered before, or was late. */
  take(id: string): Sent | undefined {
    if (this.#sent[this.#oldest]?.id === id) return this.#takeOldest();
    for (let at = this.#oldest + 1; at < this.#sent.length; at++) {
      const sent = this.#sent[at];
      if (sent?.id !== id) continue;
      this.#sent[at] = undefined;
      this.#size -= 1;
      return sent;
    }
    return undefined;
  }

  /** Takes this one and all that was sent before it. */
  takeUpTo(id: string): Sent[] {
    const taken: Sent[] = [];
    if (!this.#sent.some((sent) => sent?.id === id)) return taken;
    do {
      const sent = this.#takeOldest();
      if (sent === undefined) break;
      taken.push(sent);
    } while (taken.at(-1)?.id !== id);
    return taken;
  }

  /** Gives all, which are not awaited any more. */
  drain(): Sent[] {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    const all = this.#sent.filter((sent) => sent !== undefined);
    this.#sent = [];
    this.#oldest = 0;
    this.#size = 0;
    return all;
  }

  #takeOldest(): Sent | undefined {
    const oldest = this.#sent[this.#oldest];
    if (oldest === undefined) return undefined;
    this.#size -= 1;
    do this.#sent[this.#oldest++] = undefined;
    while (this.#oldest < this.#sent.length && this.#sent[this.#oldest] === undefined);
    if (this.#oldest === this.#sent.length) {
      this.#sent.length = 0;
      this.#oldest = 0;
    } else if (this.#oldest >= 1024 && this.#oldest * 2 >= this.#sent.length) {
      // The dead half is given back, at a cost that the answers before have paid for.
      this.#sent = this.#sent.slice(this.#oldest);
      this.#oldest = 0;
    }
    return oldest;
  }

  #watch(deadline: number): void {
    this.#cancelTimer = this.#clock.setTimer(Math.max(1, deadline - this.#clock.now()), () => {
      this.#cancelTimer = undefined;
      const late: Sent[] = [];
      for (let sent = this.#sent[this.#oldest]; sent !== undefined; sent = this.#sent[this.#oldest]) {
        if (sent.deadline > this.#clock.now()) {
          this.#watch(sent.deadline);
          break;
        }
        this.#takeOldest();
        late.push(sent);
      }
      if (late.length > 0) this.#onLate(late);
    });
  }
}
