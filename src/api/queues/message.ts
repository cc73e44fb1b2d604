import type { KubeMQError } from "../errors.js";
import type { Incoming, OutgoingMessage } from "../message.js";
import type { SentAs } from "../sent-as.js";

/** How a queue treats a message. The server's resolution is one second. */
export interface QueuePolicy {
  /**
   * Seconds after which a visible message that no consumer has received is discarded: 1 to 43200.
   * Default: never.
   */
  readonly expirationSeconds?: number | undefined;
  /**
   * Seconds until the message becomes visible: 1 to 43200. The server is up to half a second late.
   * Default: at once.
   */
  readonly delaySeconds?: number | undefined;
  /** Where a message goes that was rejected too often. Default: dropped after 1024 deliveries. */
  readonly deadLetter?: DeadLetterPolicy | undefined;
}

/** The queue of a message that was rejected too often. */
export interface DeadLetterPolicy {
  /** The queue that the message moves to. */
  readonly queue: string;
  /** Number of rejected deliveries after which it moves, 1 to 1024. */
  readonly maxReceiveCount: number;
}

/** A message to send to a queue. */
export type OutgoingQueueMessage<T = unknown> = OutgoingMessage<T> &
  SentAs<"queues"> & { readonly policy?: QueuePolicy | undefined };

/** A stored message. */
export interface SentMessage {
  /** The server stored it. A {@link RefusedMessage} has `false`. */
  readonly ok: true;
  /** Id of the message. */
  readonly id: string;
  /** When it was stored, by the server's clock. */
  readonly sentAt: Date;
  /** Time of its expiration. */
  readonly expiresAt?: Date;
  /** Time at which its delay ends. */
  readonly delayedTo?: Date;
}

/** A message that the server refused. */
export interface RefusedMessage {
  /** The server did not store it. */
  readonly ok: false;
  /** Id of the message. */
  readonly id: string;
  /** The server's reason, with the code `REJECTED_BY_SERVER`. */
  readonly error: KubeMQError;
}

/** The outcome of one message of a batch. */
export type SendResult = SentMessage | RefusedMessage;

/**
 * A message of a queue without settle methods: it was acknowledged on delivery, or only peeked at.
 */
export interface QueueMessage<T = Uint8Array> extends Incoming<T> {
  /** Position in its queue, from 1. A rejected message gets a new one. */
  readonly sequence: bigint;
  /** When it became visible in its queue, by the server's clock. */
  readonly timestamp: Date;
  /** The time when it became visible, in nanoseconds since 1970. */
  readonly timestampNanos: bigint;
  /** Number of deliveries, this one included. */
  readonly receiveCount: number;
  /** The queue from which it moved to the dead-letter queue. */
  readonly reroutedFrom?: string;
  /** Time of its expiration. */
  readonly expiresAt?: Date;
  /** Time at which its delay ended; servers do not report it on delivery. */
  readonly delayedTo?: Date;
  /**
   * The expiration and the dead-letter queue that it was sent with, to send it again as it was;
   * without its delay, which servers do not report on delivery. Undefined if it has neither.
   */
  readonly policy?: QueuePolicy;
}

/**
 * A message that the server holds for this consumer until it is settled. Each method resolves when
 * the server has processed the settlement. It rejects with the server's error when the server
 * refuses; the message can then be settled differently.
 *
 * @throws {KubeMQError} ALREADY_SETTLED when the message was settled before
 * @throws {KubeMQError} LEASE_LOST when the server has taken the message back; it is delivered
 *   again
 * @throws {KubeMQError} TIMEOUT or UNAVAILABLE when there was no answer in time, or the connection
 *   was lost before it: the message was settled, or is delivered again
 */
export interface Delivery<T = Uint8Array> extends QueueMessage<T> {
  /** True after a settlement was requested and not refused. */
  readonly settled: boolean;
  /**
   * The work is done: removes the message.
   *
   * @throws {KubeMQError} ALREADY_SETTLED, LEASE_LOST, TIMEOUT or UNAVAILABLE, see {@link Delivery}
   */
  ack(): Promise<void>;
  /**
   * The work failed: the message moves to the end of the queue or, at its last allowed delivery, to
   * its dead-letter queue.
   *
   * @throws {KubeMQError} ALREADY_SETTLED, LEASE_LOST, TIMEOUT or UNAVAILABLE, see {@link Delivery}
   */
  reject(): Promise<void>;
  /**
   * Forwards the message to a queue. Its count of deliveries and its expiration restart there.
   *
   * @throws {KubeMQError} ALREADY_SETTLED, LEASE_LOST, TIMEOUT or UNAVAILABLE, see {@link Delivery}
   * @throws {KubeMQError} INVALID_ARGUMENT when the channel is not a valid queue
   */
  requeue(channel: string): Promise<void>;
}

/**
 * A message that is held under the server's visibility timer. Every method resolves with the
 * server's answer.
 */
export interface LeasedDelivery<T = Uint8Array> extends Delivery<T> {
  /**
   * When the lease ends, by this machine's clock. The message then moves to the end of the queue.
   */
  readonly leasedUntil: Date;
  /** Aborts when the lease is lost: another consumer receives the message. */
  readonly signal: AbortSignal;
  /**
   * Extends the lease to this many seconds from now, 1 to 43200. Resolves with the new end of the
   * lease.
   *
   * @throws {KubeMQError} ALREADY_SETTLED or LEASE_LOST when the message is no longer held
   * @throws {KubeMQError} TIMEOUT or UNAVAILABLE when there was no answer: the lease ends at its
   *   old or its new time
   * @throws {KubeMQError} INVALID_ARGUMENT when `seconds` is not a whole number from 1;
   *   REJECTED_BY_SERVER when it is above the limit of the server
   */
  extendVisibility(seconds: number): Promise<Date>;
  /**
   * Sends a changed message to its own channel in place of this one.
   *
   * @throws {KubeMQError} ALREADY_SETTLED, LEASE_LOST, TIMEOUT or UNAVAILABLE, see {@link Delivery}
   * @throws {KubeMQError} INVALID_ARGUMENT or ENCODE_FAILED when the message is refused before it
   *   is sent
   */
  replace<R>(message: OutgoingQueueMessage<R>): Promise<void>;
}

/**
 * The messages of one poll, settled together or one by one. Each method resolves when the server
 * has processed the settlements. When several fail, it rejects with the first error.
 *
 * @throws {KubeMQError} ALREADY_SETTLED when one of the messages was settled before; nothing is
 *   sent then
 * @throws {KubeMQError} LEASE_LOST when the server has taken messages back; they are delivered
 *   again
 * @throws {KubeMQError} TIMEOUT or UNAVAILABLE when there was no answer in time, or the connection
 *   was lost before it: messages were settled, or are delivered again
 */
export interface DeliveryBatch<T = Uint8Array> extends Iterable<Delivery<T>> {
  /** The deliveries, in the order of the queue. */
  readonly messages: readonly Delivery<T>[];
  /**
   * Acknowledges all unsettled messages.
   *
   * @throws {KubeMQError} ALREADY_SETTLED, LEASE_LOST, TIMEOUT or UNAVAILABLE, see
   *   {@link DeliveryBatch}
   */
  ackAll(): Promise<void>;
  /**
   * Rejects all unsettled messages.
   *
   * @throws {KubeMQError} ALREADY_SETTLED, LEASE_LOST, TIMEOUT or UNAVAILABLE, see
   *   {@link DeliveryBatch}
   */
  rejectAll(): Promise<void>;
  /**
   * Forwards all unsettled messages to a queue.
   *
   * @throws {KubeMQError} ALREADY_SETTLED, LEASE_LOST, TIMEOUT or UNAVAILABLE, see
   *   {@link DeliveryBatch}
   * @throws {KubeMQError} INVALID_ARGUMENT when the channel is not a valid queue
   */
  requeueAll(channel: string): Promise<void>;
  /**
   * Acknowledges the messages with the given sequences, each once if one is repeated.
   *
   * @throws {KubeMQError} ALREADY_SETTLED, LEASE_LOST, TIMEOUT or UNAVAILABLE, see
   *   {@link DeliveryBatch}
   * @throws {KubeMQError} INVALID_ARGUMENT when a sequence is not one of this batch
   */
  ack(sequences: readonly bigint[]): Promise<void>;
  /**
   * Rejects the messages with the given sequences, each once if one is repeated.
   *
   * @throws {KubeMQError} ALREADY_SETTLED, LEASE_LOST, TIMEOUT or UNAVAILABLE, see
   *   {@link DeliveryBatch}
   * @throws {KubeMQError} INVALID_ARGUMENT when a sequence is not one of this batch
   */
  reject(sequences: readonly bigint[]): Promise<void>;
  /**
   * Forwards the messages with the given sequences to a queue, each once if one is repeated.
   *
   * @throws {KubeMQError} ALREADY_SETTLED, LEASE_LOST, TIMEOUT or UNAVAILABLE, see
   *   {@link DeliveryBatch}
   * @throws {KubeMQError} INVALID_ARGUMENT when a sequence is not one of this batch, or the channel
   *   is not a valid queue
   */
  requeue(channel: string, sequences: readonly bigint[]): Promise<void>;
  /**
   * The sequences of this batch that are unsettled at the server. If the server does not report
   * them, those not settled here. Never rejects.
   */
  unsettled(): Promise<bigint[]>;
}

/**
 * How a handler settles its message, see {@link Delivery}. A rejection with `delaySeconds`, 1 to
 * 300, is sent after that time, or when the service is stopped. Until then the client holds the
 * message, which counts in the prefetch. For a longer delay, send the message again with
 * `policy.delaySeconds`, and acknowledge it.
 */
export type Settlement =
  "ack" | "reject" | { readonly requeue: string } | { readonly reject: { readonly delaySeconds: number } };

/** The retained and waiting messages of a queue. */
export interface QueueDetails {
  /** Name, as the server's monitoring shows it. */
  readonly name: string;
  /** Number of retained messages, consumed ones included. */
  readonly messages: number;
  /** Number of retained bytes. */
  readonly bytes: number;
  /** Sequence of the oldest message. */
  readonly firstSequence: bigint;
  /** Sequence of the newest message. */
  readonly lastSequence: bigint;
  /** Number of messages that wait or are held by consumers: the backlog. */
  readonly waiting: number;
  /**
   * Number of consumers: waiting polls and peeks, and polls with unsettled messages. Community
   * servers (v2.4.0) count one when the last consumer has left.
   */
  readonly subscribers: number;
}

/** The queues of a server. */
export interface QueuesInfo {
  /** Number of queues. */
  readonly total: number;
  /** The details of each queue. */
  readonly queues: readonly QueueDetails[];
}
