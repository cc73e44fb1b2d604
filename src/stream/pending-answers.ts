import type { Clock } from "../support/clock.js";
import { Fifo } from "../support/fifo.js";
import { TurnClock } from "../support/turn-clock.js";

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
  readonly #timeoutMs: number;
  readonly #onLate: (late: readonly Sent[]) => void;
  readonly #sent = new Fifo<Sent>();
  readonly #turn: TurnClock;
  #cancelTimer: (() => void) | undefined;

  /** @param onLate gets what was not answered in time, and is not awaited any more */
  constructor(clock: Clock, timeoutMs: number, onLate: (late: readonly Sent[]) => void) {
    this.#clock = clock;
    this.#turn = new TurnClock(() => clock.now());
    this.#timeoutMs = timeoutMs;
    this.#onLate = onLate;
  }

  get size(): number {
    return this.#sent.size;
  }

  /** Of what is sent now. */
  deadline(): number {
    return this.#turn.now() + this.#timeoutMs;
  }

  add(sent: Sent): void {
    this.#sent.push(sent);
    if (this.#cancelTimer === undefined) this.#watch(sent.deadline);
  }

  /** Undefined for what was answered before, or was late. */
  take(id: string): Sent | undefined {
    return this.#sent.take((sent) => sent.id === id); // promise: answer-by-id
  }

  /** Takes this one, which is among them, and all that was sent before it. */
  takeUpTo(last: Sent): Sent[] {
    const taken: Sent[] = [];
    for (let sent = this.#sent.shift(); sent !== undefined; sent = this.#sent.shift()) {
      taken.push(sent);
      if (sent === last) break;
    }
    return taken;
  }

  /** Gives all, which are not awaited any more. */
  drain(): Sent[] {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    return this.#sent.drain();
  }

  #watch(deadline: number): void {
    this.#cancelTimer = this.#clock.setTimer(Math.max(1, deadline - this.#clock.now()), () => {
      this.#cancelTimer = undefined;
      const late: Sent[] = [];
      for (let sent = this.#sent.peek(); sent !== undefined; sent = this.#sent.peek()) {
        if (sent.deadline > this.#clock.now()) {
          this.#watch(sent.deadline);
          break;
        }
        this.#sent.shift();
        late.push(sent);
      }
      if (late.length > 0) this.#onLate(late);
    });
  }
}
