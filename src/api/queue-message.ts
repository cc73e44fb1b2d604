import type { KubeMQError } from "./errors.js";
import type { Incoming, OutgoingMessage } from "./message.js";

/** How a queue treats a message. Seconds are the server's resolution. */
export interface QueuePolicy {
  /** Discarded when nobody has received it this many seconds after it became visible: 1 to 43200. Default: never. */
  expirationSeconds?: number;
  /** Visible only after this many seconds: 1 to 43200. The server is up to half a second late. Default: at once. */
  delaySeconds?: number;
  /** Where a message goes that was rejected so often: `maxReceiveCount`, 1 to 1024, counts its deliveries. Default: dropped after 1024. */
  deadLetter?: { queue: string; maxReceiveCount: number };
}

/** A message to send to a queue. */
export type OutgoingQueueMessage<T = unknown> = OutgoingMessage<T> & { policy?: QueuePolicy };

/** A message that is stored. */
export interface SentMessage {
  /** The server stored it; the other outcome has `false` and an `error`. */
  readonly ok: true;
  /** Id of the message. */
  readonly id: string;
  /** When it was stored, by the server's clock. */
  readonly sentAt: Date;
  /** When it expires. */
  readonly expiresAt?: Date;
  /** Until when it is held back. */
  readonly delayedTo?: Date;
}

/** What became of one message of a batch. */
export type SendResult = SentMessage | { readonly ok: false; readonly id: string; readonly error: KubeMQError };

/** A message of a queue. It has no settle methods: it is acknowledged already, or only looked at. */
export interface QueueMessage<T = Uint8Array> extends Incoming<T> {
  /** Position in its queue, from 1. A rejected message gets a new one. */
  readonly sequence: bigint;
  /** When it became visible in its queue, by the server's clock. */
  readonly timestamp: Date;
  /** The same in nanoseconds since 1970. */
  readonly timestampNanos: bigint;
  /** How often it was delivered, this time included. */
  readonly receiveCount: number;
  /** The queue it came from as a dead letter. */
  readonly reroutedFrom?: string;
  /** When it expires. */
  readonly expiresAt?: Date;
  /** Until when it was held back; servers forget that when they deliver it. */
  readonly delayedTo?: Date;
}

/**
 * A message that the server holds for this consumer until it is settled. Each method resolves when the server has processed the
 * settlement, and rejects with `ALREADY_SETTLED` the second time, with `LEASE_LOST` when the server has taken the message back (it is
 * delivered again), with `UNAVAILABLE` when the connection was lost before the answer (it was settled, or is delivered again), and
 * with what the server says when it refuses; the message can then be settled otherwise.
 */
export interface Delivery<T = Uint8Array> extends QueueMessage<T> {
  /** True once a settlement was asked for and not refused. */
  readonly settled: boolean;
  /** The work is done: removes the message. */
  ack(): Promise<void>;
  /** The work failed: the message goes to the end of the queue, or, at its last allowed delivery, to its dead-letter queue. */
  reject(): Promise<void>;
  /** Sends the message to a queue in place of this one: it counts its deliveries anew, and its expiration starts anew. */
  requeue(channel: string): Promise<void>;
}

/** A message held under the server's visibility timer. Every method resolves on the server's own reply. */
export interface LeasedDelivery<T = Uint8Array> extends Delivery<T> {
  /** When the lease ends, by this machine's clock. Then the message goes to the end of the queue. */
  readonly leasedUntil: Date;
  /** Aborts when the lease is lost: the work is in vain, somebody else gets the message. */
  readonly signal: AbortSignal;
  /** Holds the message for so many seconds from now, 1 to 43200. Gives the new end of the lease. */
  extendVisibility(seconds: number): Promise<Date>;
  /** Sends a changed message, to its own channel, in place of this one. */
  replace<R>(message: OutgoingQueueMessage<R>): Promise<void>;
}

/** The messages of one poll, settled together or one by one. */
export interface DeliveryBatch<T = Uint8Array> extends Iterable<Delivery<T>> {
  /** The deliveries, in the order of the queue. */
  readonly messages: readonly Delivery<T>[];
  /** Acknowledges all that are not settled yet. */
  ackAll(): Promise<void>;
  /** Rejects all that are not settled yet. */
  rejectAll(): Promise<void>;
  /** Sends all that are not settled yet to a queue. */
  requeueAll(channel: string): Promise<void>;
  /** Acknowledges those with the given sequences. */
  ack(sequences: readonly bigint[]): Promise<void>;
  /** Rejects those with the given sequences. */
  reject(sequences: readonly bigint[]): Promise<void>;
  /** Sends those with the given sequences to a queue. */
  requeue(channel: string, sequences: readonly bigint[]): Promise<void>;
  /** The sequences that the server still holds open in this batch. A server that does not tell is answered for from what was settled here. */
  unsettled(): Promise<bigint[]>;
}

/**
 * What a handler wants done with its message: see {@link Delivery}. A rejection with `delaySeconds`, 1 to 300, is made that much later, or
 * when the service is stopped: until then the message is held here, and keeps its place in the prefetch. For longer delays send it
 * again with `policy.delaySeconds`, and acknowledge it.
 */
export type Settlement =
  "ack" | "reject" | { readonly requeue: string } | { readonly reject: { readonly delaySeconds: number } };

/** What a queue retains, and what waits in it. */
export interface QueueDetails {
  /** Name as the server's monitoring shows it. */
  readonly name: string;
  /** Messages retained, consumed ones included. */
  readonly messages: number;
  /** Bytes retained. */
  readonly bytes: number;
  /** Sequence of the oldest message. */
  readonly firstSequence: bigint;
  /** Sequence of the newest message. */
  readonly lastSequence: bigint;
  /** Messages that wait or are held by consumers: the backlog. */
  readonly waiting: number;
  /** Consumers known; a group that is offline counts as one. */
  readonly subscribers: number;
}

/** Queues of a server. */
export interface QueuesInfo {
  /** How many queues there are. */
  readonly total: number;
  /** What is known of each. */
  readonly queues: readonly QueueDetails[];
}
