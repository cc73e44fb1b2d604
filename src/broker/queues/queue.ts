import type { Clock } from "../clock.js";
import type { Content, History, Message } from "./message.js";
import { type Consumer, Roster, type Seat, newSeat } from "./roster.js";
import { type QueueLimits, Shelf, type ShelfStats } from "./shelf.js";

export type { QueueLimits } from "./shelf.js";

/** What has happened in a queue. */
export interface QueueStats extends ShelfStats {
  readonly consumers: number;
  /** Whether a consumer ever came. */
  readonly consumed: boolean;
}

/**
 * Messages in the order of their sequences, and the consumers they go to.
 *
 * A message waits, is held by one consumer, and is then acknowledged (gone) or released: back to its
 * place, ahead of everything younger. To try a message again later, its consumer acknowledges it and
 * pushes a copy, which goes to the tail with a new sequence.
 */
export interface Queue {
  readonly name: string;
  readonly consumers: number;
  /** Puts a message at the tail. */
  push(content: Content, history: History): Message;
  /** Lets a consumer take what is there now and, until it leaves or wants no more, what comes. */
  join(consumer: Consumer): Seat;
  /** The consumer takes no more messages. What it holds stays with it. */
  leave(seat: Seat): void;
  /** A held message is done with. False if the queue had been cleared since it was taken. */
  ack(message: Message): boolean;
  /** Whether a held message is from after the queue was last cleared. */
  knows(message: Message): boolean;
  /** A held message has expired in its consumer's hands. */
  expire(message: Message): void;
  /** Held messages return to their places, as if they had never been taken. */
  release(messages: Iterable<Message>): void;
  /** The server restarts: nobody is behind the consumers any more. */
  restart(): void;
  /** Forgets every message, waiting or held. Consumers stay; sequences go on. */
  clear(): void;
  stats(): QueueStats;
}

/** A queue that hands its messages out in order, one each to the consumers that want one, in turn. */
export class TurnQueue implements Queue {
  readonly name: string;
  readonly #shelf: Shelf;
  readonly #roster = new Roster();
  #consumed = false;

  constructor(name: string, clock: Clock, limits: QueueLimits) {
    this.name = name;
    this.#shelf = new Shelf(clock, limits);
  }

  get consumers(): number {
    return this.#roster.size;
  }

  push(content: Content, history: History): Message {
    const message = this.#shelf.push(content, history);
    this.#serve();
    return message;
  }

  join(consumer: Consumer): Seat {
    const seat = newSeat(consumer);
    this.#consumed = true;
    if (consumer.wants()) {
      this.#roster.append(seat);
      this.#serve();
    }
    return seat;
  }

  leave(seat: Seat): void {
    this.#roster.remove(seat);
  }

  ack(message: Message): boolean {
    return this.#shelf.settle(message);
  }

  knows(message: Message): boolean {
    return this.#shelf.knows(message);
  }

  expire(message: Message): void {
    if (this.#shelf.settle(message)) this.#shelf.countExpired();
  }

  release(messages: Iterable<Message>): void {
    for (const message of messages) this.#shelf.putBack(message);
    this.#serve();
  }

  /** The consumers leave by themselves, for their calls end. */
  restart(): void {}

  clear(): void {
    this.#shelf.clear();
  }

  stats(): QueueStats {
    return { ...this.#shelf.stats(), consumers: this.#roster.size, consumed: this.#consumed };
  }

  #serve(): void {
    this.#shelf.dropAged();
    for (let seat = this.#roster.first; seat !== undefined; seat = this.#roster.first) {
      const message = this.#shelf.next();
      if (message === undefined) break;
      this.#roster.remove(seat);
      if (this.#shelf.hold(message)) seat.consumer.take(message);
      else seat.consumer.skip(message);
      if (seat.consumer.wants()) this.#roster.append(seat);
    }
    this.#shelf.trim();
  }
}
