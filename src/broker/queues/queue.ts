import type { Clock } from "../clock.js";
import { Fifo } from "./fifo.js";
import { Heap } from "./heap.js";
import { type Content, type History, type Message, isExpired } from "./message.js";
import { type Consumer, Roster, type Seat, newSeat } from "./roster.js";

/** What a queue keeps at most. */
export interface QueueLimits {
  /** Messages that wait; the oldest make room. Messages held by consumers do not count. */
  readonly maxMessages: number;
  /** How long a message waits, in milliseconds, before it is dropped. */
  readonly maxAgeMs: number;
}

/** What has happened in a queue. */
export interface QueueStats {
  /** Messages that wait to be taken. */
  readonly waiting: number;
  /** Messages taken and neither acknowledged nor given back. */
  readonly held: number;
  readonly consumers: number;
  /** Whether a consumer ever came. */
  readonly consumed: boolean;
  /** The first sequence that retention has not dropped, and the last given; 0 before the first message. */
  readonly firstSequence: number;
  readonly lastSequence: number;
  /** The highest sequence ever taken. */
  readonly lastTaken: number;
  readonly sentBytes: number;
  readonly delivered: number;
  readonly deliveredBytes: number;
  readonly expired: number;
  /** Nanoseconds since 1970; 0 before anything happened. */
  readonly lastActivity: bigint;
}

/**
 * Messages in the order of their sequences, and the consumers they go to.
 *
 * A message waits, is held by one consumer, and is then acknowledged (gone) or released: back to its
 * place, ahead of everything younger. To try a message again later, its consumer acknowledges it and
 * pushes a copy, which goes to the tail with a new sequence.
 */
export class Queue {
  readonly name: string;
  readonly #clock: Clock;
  readonly #limits: QueueLimits;
  readonly #maxAge: bigint | undefined;
  // Messages are taken lowest sequence first, so whatever was ever taken is older than all of #fresh:
  // a released message is ahead of them without a look.
  readonly #fresh = new Fifo<Message>();
  readonly #released = new Heap<Message>((a, b) => a.sequence < b.sequence);
  readonly #roster = new Roster();
  #last = 0;
  #lastTaken = 0;
  #droppedThrough = 0;
  #clearedThrough = 0;
  #held = 0;
  #consumed = false;
  #sentBytes = 0;
  #delivered = 0;
  #deliveredBytes = 0;
  #expired = 0;
  #lastActivity = 0n;

  constructor(name: string, clock: Clock, limits: QueueLimits) {
    this.name = name;
    this.#clock = clock;
    this.#limits = limits;
    this.#maxAge = Number.isFinite(limits.maxAgeMs) ? BigInt(Math.round(limits.maxAgeMs * 1e6)) : undefined;
  }

  /** Puts a message at the tail. */
  push(content: Content, history: History): Message {
    const timestamp = this.#clock.now();
    const { deliveries, expiresAt, reroutedFrom } = history;
    const sequence = ++this.#last;
    const message = { content, sequence, timestamp, deliveries, expiresAt, reroutedFrom };
    this.#sentBytes += content.size;
    this.#lastActivity = timestamp;
    this.#fresh.push(message);
    this.#serve();
    return message;
  }

  /** Lets a consumer take what is there now and, until it leaves or wants no more, what comes. */
  join(consumer: Consumer): Seat {
    const seat = newSeat(consumer);
    this.#consumed = true;
    if (consumer.wants()) {
      this.#roster.append(seat);
      this.#serve();
    }
    return seat;
  }

  /** What the consumer holds stays with it. */
  leave(seat: Seat): void {
    this.#roster.remove(seat);
  }

  /** A held message is done with. False if the queue had been cleared since it was taken. */
  ack(message: Message): boolean {
    if (!this.knows(message)) return false;
    this.#held--;
    return true;
  }

  /** Whether a held message is from after the queue was last cleared. */
  knows(message: Message): boolean {
    return message.sequence > this.#clearedThrough;
  }

  /** A held message has expired in its consumer's hands. */
  expire(message: Message): void {
    if (this.ack(message)) this.#expired++;
  }

  /** Held messages return to their places, as if they had never been taken. */
  release(messages: Iterable<Message>): void {
    for (const message of messages) {
      if (this.ack(message)) this.#released.push(message);
    }
    this.#serve();
  }

  /** Forgets every message, waiting or held. Consumers stay; sequences go on. */
  clear(): void {
    this.#fresh.clear();
    this.#released.clear();
    this.#clearedThrough = this.#last;
    this.#droppedThrough = this.#last;
    this.#held = 0;
  }

  get consumers(): number {
    return this.#roster.size;
  }

  stats(): QueueStats {
    this.#dropAged();
    return {
      waiting: this.#waiting,
      held: this.#held,
      consumers: this.#roster.size,
      consumed: this.#consumed,
      firstSequence: this.#last === 0 ? 0 : this.#droppedThrough + 1,
      lastSequence: this.#last,
      lastTaken: this.#lastTaken,
      sentBytes: this.#sentBytes,
      delivered: this.#delivered,
      deliveredBytes: this.#deliveredBytes,
      expired: this.#expired,
      lastActivity: this.#lastActivity,
    };
  }

  get #waiting(): number {
    return this.#fresh.size + this.#released.size;
  }

  #oldest(): Message | undefined {
    return this.#released.peek() ?? this.#fresh.peek();
  }

  #next(): Message | undefined {
    return this.#released.size > 0 ? this.#released.pop() : this.#fresh.shift();
  }

  /** Hands out messages as long as there are any and somebody wants one: one each, in turn. */
  #serve(): void {
    this.#dropAged();
    for (let seat = this.#roster.first; seat !== undefined; seat = this.#roster.first) {
      const message = this.#next();
      if (message === undefined) break;
      this.#roster.remove(seat);
      this.#hand(message, seat.consumer);
      if (seat.consumer.wants()) this.#roster.append(seat);
    }
    while (this.#waiting > this.#limits.maxMessages) this.#drop();
  }

  #hand(message: Message, consumer: Consumer): void {
    if (message.sequence > this.#lastTaken) this.#lastTaken = message.sequence;
    if (message.expiresAt !== 0n && isExpired(message, this.#clock.now())) {
      this.#expired++;
      consumer.skip(message);
      return;
    }
    this.#held++;
    this.#delivered++;
    this.#deliveredBytes += message.content.size;
    this.#lastActivity = this.#clock.now();
    consumer.take(message);
  }

  /** Age is looked at whenever the queue is: what nobody looks at may stay a little longer. */
  #dropAged(): void {
    if (this.#maxAge === undefined) return;
    const oldestAllowed = this.#clock.now() - this.#maxAge;
    for (let oldest = this.#oldest(); oldest !== undefined; oldest = this.#oldest()) {
      if (oldest.timestamp >= oldestAllowed) return;
      this.#drop();
    }
  }

  #drop(): void {
    const dropped = this.#next();
    if (dropped !== undefined) {
      this.#droppedThrough = Math.max(this.#droppedThrough, dropped.sequence);
    }
  }
}
