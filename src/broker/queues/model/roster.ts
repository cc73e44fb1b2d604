import type { Message } from "./message.js";

/** A consumer of a queue. Its methods must not send, release or join. */
export interface Consumer {
  /** Whether it accepts another message. Asked when it joins and after each message. */
  wants(): boolean;
  /** How many messages it may hold at once, in a queue that keeps count. @default 1 */
  readonly limit?: number;
  /**
   * Whether the server still counts it after a restart, when its client has gone. @default false
   */
  readonly survivesRestarts?: boolean;
  /**
   * Whether it only looks at messages and releases each, so that they do not count as delivered.
   * @default false
   */
  readonly peeks?: boolean;
  /**
   * Whether it remains in a durable group although its message is settled, until it leaves.
   * @default false
   */
  lingers?(): boolean;
  /** Gives it a message to hold until it is acknowledged or released. */
  take(message: Message): void;
  /** A message in its turn had expired and was removed. */
  skip(message: Message): void;
}

/** A consumer's place in the order of turns. */
export interface Seat {
  readonly consumer: Consumer;
  before: Seat | undefined;
  after: Seat | undefined;
  seated: boolean;
}

export const newSeat = (consumer: Consumer): Seat => ({
  consumer,
  before: undefined,
  after: undefined,
  seated: false,
});

/**
 * The consumers of a queue in order of their turns.
 *
 * A linked list, because consumers leave from the middle. (To find the first entry of a Set, V8
 * steps over every entry deleted before it.)
 */
export class Roster {
  #first: Seat | undefined;
  #last: Seat | undefined;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get first(): Seat | undefined {
    return this.#first;
  }

  append(seat: Seat): void {
    if (seat.seated) return;
    seat.seated = true;
    seat.before = this.#last;
    if (this.#last === undefined) this.#first = seat;
    else this.#last.after = seat;
    this.#last = seat;
    this.#size++;
  }

  remove(seat: Seat): void {
    if (!seat.seated) return;
    seat.seated = false;
    if (seat.before === undefined) this.#first = seat.after;
    else seat.before.after = seat.after;
    if (seat.after === undefined) this.#last = seat.before;
    else seat.after.before = seat.before;
    seat.before = undefined;
    seat.after = undefined;
    this.#size--;
  }
}
