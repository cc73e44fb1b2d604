import type { Clock } from "../../clock.js";
import { Fifo } from "../../fifo.js";
import { Heap } from "./heap.js";
import { type Content, type History, type Message, isExpired } from "./message.js";

/** The limits of a queue. */
export interface QueueLimits {
  /**
   * Maximum number of waiting messages; beyond it the oldest are removed. Held messages do not
   * count.
   */
  readonly maxMessages: number;
  /** How long a message may wait, in milliseconds, before it is dropped. */
  readonly maxAgeMs: number;
}

/** Statistics of the messages of a queue. */
export interface ShelfStats {
  /** Messages that wait to be taken. */
  readonly waiting: number;
  /** Messages taken and neither acknowledged nor returned. */
  readonly held: number;
  /**
   * The first sequence that retention has kept, and the last one assigned; 0 before the first
   * message.
   */
  readonly firstSequence: number;
  readonly lastSequence: number;
  /** The highest sequence ever taken. */
  readonly lastTaken: number;
  readonly sentBytes: number;
  readonly delivered: number;
  readonly deliveredBytes: number;
  readonly expired: number;
  /** Nanoseconds since 1970; 0 before any activity. */
  readonly lastActivity: bigint;
}

/**
 * The messages of a queue in order of their sequences, without the consumers.
 *
 * A message waits, is held by one consumer, and is then settled (removed) or returned to its place,
 * ahead of all newer ones.
 */
export class Shelf {
  readonly #clock: Clock;
  readonly #limits: QueueLimits;
  readonly #maxAge: bigint | undefined;
  // Messages are taken in order of their sequences, so every message ever taken is older than all
  // of #fresh: a returned message precedes them without a comparison.
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

  /** Appends a message at the tail. */
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

  /** Takes the oldest waiting message, to hand it to a consumer. */
  next(): Message | undefined {
    return this.#returned.size > 0 ? this.#returned.pop() : this.#fresh.shift();
  }

  /** Takes the oldest returned message. */
  nextReturned(): Message | undefined {
    return this.#returned.pop();
  }

  /**
   * Counts a taken message as held and, unless it is only looked at, as delivered. Returns false if
   * it has expired and was removed.
   */
  hold(message: Message, { peeks = false }: { readonly peeks?: boolean }): boolean {
    if (message.sequence > this.#lastTaken) this.#lastTaken = message.sequence;
    if (message.expiresAt !== 0n && isExpired(message, this.#clock.now())) {
      this.#expired++;
      return false;
    }
    this.#held++;
    if (!peeks) {
      this.#delivered++;
      this.#deliveredBytes += message.content.size;
    }
    this.#lastActivity = this.#clock.now();
    return true;
  }

  /** Removes a held message. Returns false if the queue was cleared since it was taken. */
  settle(message: Message): boolean {
    if (!this.knows(message)) return false;
    this.#held--;
    return true;
  }

  /** Whether a held message was taken after the queue was last cleared. */
  knows(message: Message): boolean {
    return message.sequence > this.#clearedThrough;
  }

  /** Counts a held message that was settled because it had expired. */
  countExpired(): void {
    this.#expired++;
  }

  /** Returns a held message to its place, as if it had never been taken. */
  putBack(message: Message): void {
    if (this.settle(message)) this.#returned.push(message);
  }

  /** Removes every message, waiting or held. Sequences continue. */
  clear(): void {
    this.#fresh.clear();
    this.#returned.clear();
    this.#clearedThrough = this.#last;
    this.#droppedThrough = this.#last;
    this.#held = 0;
  }

  /** Drops the oldest messages beyond the limit. */
  trim(): void {
    while (this.#waiting > this.#limits.maxMessages) this.#drop();
  }

  /**
   * Drops messages that are too old. The age is checked at each access, so a message may stay a
   * little longer.
   */
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
