import type { Clock } from "../../clock.js";
import { Fifo } from "../../fifo.js";
import { Heap } from "./heap.js";
import { type Content, type History, type Message, isExpired } from "./message.js";

/** What a queue keeps at most. */
export interface QueueLimits {
  /** Messages that wait; the oldest make room. Messages held by consumers do not count. */
  readonly maxMessages: number;
  /** How long a message waits, in milliseconds, before it is dropped. */
  readonly maxAgeMs: number;
}

/** What has happened to the messages of a queue. */
export interface ShelfStats {
  /** Messages that wait to be taken. */
  readonly waiting: number;
  /** Messages taken and neither acknowledged nor given back. */
  readonly held: number;
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
 * The messages of a queue in the order of their sequences, without the consumers.
 *
 * A message waits, is held by one consumer, and is then settled (gone) or put back in its place, ahead of everything younger.
 */
export class Shelf {
  readonly #clock: Clock;
  readonly #limits: QueueLimits;
  readonly #maxAge: bigint | undefined;
  // Messages are taken lowest sequence first, so whatever was ever taken is older than all of #fresh:
  // a message that was put back is ahead of them without a look.
  readonly #fresh = new Fifo<Message>();
  readonly #returned = new Heap<Message>((a, b) => a.sequence < b.sequence);
  #last = 0;
  #lastTaken = 0;
  #droppedThrough = 0;
  #clearedThrough = 0;
  #held = 0;
  #sentBytes = 0;
  #delivered = 0;
  #deliveredBytes = 0;
  #expired = 0;
  #lastActivity = 0n;

  constructor(clock: Clock, limits: QueueLimits) {
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
    return message;
  }

  /** Takes the oldest message that waits, to be handed to a consumer. */
  next(): Message | undefined {
    return this.#returned.size > 0 ? this.#returned.pop() : this.#fresh.shift();
  }

  /** Takes the oldest of the messages that were put back. */
  nextReturned(): Message | undefined {
    return this.#returned.pop();
  }

  /** Counts a message that was taken as held. False: it has expired, and is gone. */
  hold(message: Message): boolean {
    if (message.sequence > this.#lastTaken) this.#lastTaken = message.sequence;
    if (message.expiresAt !== 0n && isExpired(message, this.#clock.now())) {
      this.#expired++;
      return false;
    }
    this.#held++;
    this.#delivered++;
    this.#deliveredBytes += message.content.size;
    this.#lastActivity = this.#clock.now();
    return true;
  }

  /** A held message is done with. False if the queue had been cleared since it was taken. */
  settle(message: Message): boolean {
    if (!this.knows(message)) return false;
    this.#held--;
    return true;
  }

  /** Whether a held message is from after the queue was last cleared. */
  knows(message: Message): boolean {
    return message.sequence > this.#clearedThrough;
  }

  /** Counts a held message that was settled because it had expired. */
  countExpired(): void {
    this.#expired++;
  }

  /** A held message returns to its place, as if it had never been taken. */
  putBack(message: Message): void {
    if (this.settle(message)) this.#returned.push(message);
  }

  /** Forgets every message, waiting or held. Sequences go on. */
  clear(): void {
    this.#fresh.clear();
    this.#returned.clear();
    this.#clearedThrough = this.#last;
    this.#droppedThrough = this.#last;
    this.#held = 0;
  }

  /** Drops the oldest messages that are too many. */
  trim(): void {
    while (this.#waiting > this.#limits.maxMessages) this.#drop();
  }

  /** Drops messages that are too old. Age is looked at whenever the queue is, so a message may stay a little longer. */
  dropAged(): void {
    if (this.#maxAge === undefined) return;
    const oldestAllowed = this.#clock.now() - this.#maxAge;
    for (let oldest = this.#oldest(); oldest !== undefined; oldest = this.#oldest()) {
      if (oldest.timestamp >= oldestAllowed) return;
      this.#drop();
    }
  }

  stats(): ShelfStats {
    this.dropAged();
    return {
      waiting: this.#waiting,
      held: this.#held,
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
    return this.#fresh.size + this.#returned.size;
  }

  #oldest(): Message | undefined {
    return this.#returned.peek() ?? this.#fresh.peek();
  }

  #drop(): void {
    const dropped = this.next();
    if (dropped !== undefined) {
      this.#droppedThrough = Math.max(this.#droppedThrough, dropped.sequence);
    }
  }
}
