import type { Clock } from "../../clock.js";
import type { Content, History, Message } from "./message.js";
import { type Consumer, Roster, type Seat, newSeat } from "./roster.js";
import { type QueueLimits, Shelf, type ShelfStats } from "./shelf.js";

export type { QueueLimits } from "./shelf.js";

/** Statistics of a queue. */
export interface QueueStats extends ShelfStats {
  readonly consumers: number;
  /** Whether the queue ever had a consumer. */
  readonly consumed: boolean;
}

/**
 * The messages of a queue in order of their sequences, and its consumers.
 *
 * A message waits, is held by one consumer, and is then acknowledged (removed) or released: back to
 * its place, ahead of all newer ones. To retry a message later, its consumer acknowledges it and
 * pushes a copy, which goes to the tail with a new sequence.
 */
export interface Queue {
  readonly name: string;
  readonly consumers: number;
  /** Appends a message at the tail. */
  push(content: Content, history: History): Message;
  /** Gives a consumer the waiting messages and, until it leaves or wants no more, new ones. */
  join(consumer: Consumer): Seat;
  /** The consumer takes no more messages. It keeps the messages that it holds. */
  leave(seat: Seat): void;
  /**
   * A call that holds messages counts as a consumer, though it wants no more, until it lets go of
   * them.
   */
  hold(call: object): void;
  letGo(call: object): void;
  /** Removes a held message. Returns false if the queue was cleared since it was taken. */
  ack(message: Message): boolean;
  /** Whether a held message was taken after the queue was last cleared. */
  knows(message: Message): boolean;
  /** Removes a held message that has expired. */
  expire(message: Message): void;
  /** Returns held messages to their places, as if they had never been taken. */
  release(messages: Iterable<Message>): void;
  /** Called at a restart: the consumers have no clients any more. */
  restart(): void;
  /** Removes every message, waiting or held. Consumers stay; sequences continue. */
  clear(): void;
  stats(): QueueStats;
}

/** A queue that hands out its messages in order, one each to its waiting consumers in turn. */
export class TurnQueue implements Queue {
  readonly name: string;
  readonly #shelf: Shelf;
  readonly #roster = new Roster();
  readonly #holders = new Set<object>();
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

  hold(call: object): void {
    this.#holders.add(call);
  }

  letGo(call: object): void {
    this.#holders.delete(call);
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

  /** The consumers leave by themselves when their calls end. */
  restart(): void {}

  clear(): void {
    this.#shelf.clear();
  }

  stats(): QueueStats {
    return { ...this.#shelf.stats(), consumers: this.#roster.size + this.#holders.size, consumed: this.#consumed };
  }

  #serve(): void {
    this.#shelf.dropAged();
    for (let seat = this.#roster.first; seat !== undefined; seat = this.#roster.first) {
      const message = this.#shelf.next();
      if (message === undefined) break;
      this.#roster.remove(seat);
      if (this.#shelf.hold(message, seat.consumer)) seat.consumer.take(message);
      else seat.consumer.skip(message);
      if (seat.consumer.wants()) this.#roster.append(seat);
    }
    this.#shelf.trim();
  }
}
