import type { Decoder } from "./codec.js";
import type { CallOptions, HandlerOptions, StreamOptions } from "./message.js";
import type {
  Delivery,
  DeliveryBatch,
  LeasedDelivery,
  OutgoingQueueMessage,
  QueueMessage,
  QueuesInfo,
  SendResult,
  SentMessage,
  Settlement,
} from "./queue-message.js";
import type { Service, Subscription } from "./subscription.js";

/** Selects the messages of a single receive. */
export interface ReceiveRequest<T = Uint8Array> {
  /** The queue. */
  channel: string;
  /** Maximum number of messages, 1 to 1024. @default 1 */
  max?: number;
  /**
   * How long the server waits for `max` messages, in seconds, 1 to 3600: the whole time if there
   * are fewer. @default 1
   */
  waitSeconds?: number;
  /** Decodes `message.value`. Default: none, the value is the body. */
  codec?: Decoder<T>;
}

/** Selects the messages to consume, and how they are settled. */
export interface ConsumeOptions<T = Uint8Array> {
  /** The queue. */
  channel: string;
  /** Decodes `message.value`. Default: none, the value is the body. */
  codec?: Decoder<T>;
  /**
   * Maximum number of unsettled messages held at once, 1 to 100000. A message that is never settled
   * keeps its place; with 1, the loop then waits without end. To work on several messages at once,
   * set at least that number.
   * @default 1
   */
  prefetch?: number;
  /**
   * When messages are settled. `manual`: by the methods of the message. `on-next`: requesting the
   * next message acknowledges the previous one; leaving the loop by `break` or `throw` rejects it.
   * `on-delivery`: the server acknowledges before it sends, so messages lost in transit or in the
   * loop are gone, at most `prefetch` of them. After an abort or a `close()` the loop still
   * receives the messages that the server has acknowledged, for at most a second; a `break` drops
   * prefetched messages.
   * @default "manual"
   */
  settle?: "manual" | "on-next" | "on-delivery";
}

/** Holds each message under the server's visibility timer. */
export interface LeaseOptions {
  /**
   * How long a message is held before the server delivers it to another consumer, in seconds, 1 to
   * 43200.
   */
  visibilitySeconds: number;
  /**
   * Extends the visibility at half of its time, until the message is settled or the loop has
   * finished it: with a prefetch of 1 when it asks for the next message, otherwise when the loop
   * ends. @default false
   */
  autoExtend?: boolean;
}

/** Selects the messages to consume in batches. */
export interface BatchOptions<T = Uint8Array> {
  /** The queue. */
  channel: string;
  /** Decodes `message.value`. Default: none, the value is the body. */
  codec?: Decoder<T>;
  /** Maximum number of messages in a batch, 1 to 100000. */
  max: number;
  /**
   * How long the server waits for `max` messages, in milliseconds, from 1000: the whole time if
   * there are fewer. @default 1000
   */
  waitMs?: number;
}

/** When messages whose handlers fail are redelivered, and what happens to them in the end. */
export interface RetryOptions {
  /**
   * Maximum number of failed deliveries of a message, 1 to 1024, including the first. Requires
   * `exhausted`. Default: no limit; the `deadLetter` policy of the message applies, and the server
   * drops a message after 1024 deliveries.
   */
  maxAttempts?: number;
  /**
   * Outcome of a message that failed `maxAttempts` times. `"drop"` acknowledges it. `deadLetter`
   * sends a copy to a queue before it acknowledges the message: id, metadata, tags and body, and
   * the tags `dead-letter-reason` (the error's message), `dead-letter-channel` and
   * `dead-letter-attempts`.
   */
  exhausted?: "drop" | { deadLetter: string };
  /**
   * How long a failed message is held before it is rejected, in milliseconds: `initialDelayMs`
   * after the first failure, doubled with each delivery up to `maxDelayMs` (at most 300000). The
   * fraction `jitter` (0 to 1) of the delay is random. A leased message is not held beyond its
   * lease. While waiting messages fill the prefetch, the oldest of them is rejected after a second,
   * so that the queue continues. `false` rejects at once: a message that always fails is then
   * delivered a thousand times a second.
   *
   * @default { initialDelayMs: 100, maxDelayMs: 10000, jitter: 0.5 }
   */
  delay?: false | { initialDelayMs?: number; maxDelayMs?: number; jitter?: number };
}

/** Options of `process`. */
export interface ProcessOptions<M = unknown> extends HandlerOptions<M> {
  /**
   * Outcome of messages whose handlers fail. Default: redelivered after a growing delay, without
   * limit.
   */
  retry?: RetryOptions;
}

/** Options of a queue publisher. */
export interface PublisherOptions extends StreamOptions {
  /**
   * True: one unanswered request at a time, so that the queue has the order of the sends. False:
   * several, in no order.
   * @default true
   */
  ordered?: boolean;
  /** Maximum unanswered requests with `ordered: false`, 1 to 1024. @default 16 */
  maxInFlight?: number;
}

/**
 * Sends to queues over its own stream, with more unanswered messages than the client's `send()`.
 */
export interface QueuePublisher extends AsyncDisposable {
  /**
   * Sends one or several messages, and resolves with a result for each, in their order. Waiting
   * sends share a request. Bodies are not copied: do not change their bytes before that.
   *
   * @throws {KubeMQError} TIMEOUT when the server did not answer within the client's `timeoutMs`
   * @throws {KubeMQError} UNAVAILABLE when the connection was lost before the answer: the messages
   *   may be stored, and are not sent again
   * @throws {KubeMQError} RESOURCE_EXHAUSTED when more than 100,000 messages wait to be sent
   */
  send<T>(messages: OutgoingQueueMessage<T> | readonly OutgoingQueueMessage<T>[]): Promise<SendResult[]>;
  /** Resolves when every send so far has an outcome. */
  flush(): Promise<void>;
  /** Refuses new messages, sends the accepted ones, and ends the stream. */
  close(): Promise<void>;
}

/** Queues: each message is processed by one consumer. */
export interface QueuesClient {
  /**
   * Sends a message. Resolves when it is stored. Sends and batches share a stream of the client, in
   * the order of the calls; a message or batch of more than 64 KiB is sent beside it. Do not change
   * the body before the promise resolves.
   *
   * @throws {KubeMQError} REJECTED_BY_SERVER when the server refuses the message
   * @throws {KubeMQError} TIMEOUT when the server did not answer in time: the message may be stored
   * @throws {KubeMQError} UNAVAILABLE when the connection was lost before the answer: the message
   *   may be stored
   */
  send<T>(message: OutgoingQueueMessage<T>, options?: CallOptions): Promise<SentMessage>;
  /**
   * Sends several messages together, to one or several queues, stored in their order. Resolves with
   * a result for each; a refused message does not hold back the others. All messages are checked
   * before any is sent.
   */
  sendBatch<T>(messages: readonly OutgoingQueueMessage<T>[], options?: CallOptions): Promise<SendResult[]>;
  /** Opens a stream to send many messages. */
  publisher(options?: PublisherOptions): QueuePublisher;
  /**
   * Takes messages out of a queue. The server acknowledges them before they arrive: a message that
   * is lost in transit, or whose processing fails, is gone. Use `consume` for messages that must
   * not be lost. Resolves with an empty array when no message arrived in time.
   *
   * `timeoutMs` must be longer than the wait, by default 30 s longer, because an interrupted call
   * loses the messages that it has taken. For the same reason an abort waits for the answer, at
   * most `waitSeconds`. It then resolves with the messages, or rejects with `signal.reason` if
   * there are none.
   */
  receive<T = Uint8Array>(request: ReceiveRequest<T>, options?: CallOptions): Promise<QueueMessage<T>[]>;
  /**
   * Shows messages without receiving them. While the call waits, they are hidden from other
   * consumers. An abort rejects at once.
   */
  peek<T = Uint8Array>(request: ReceiveRequest<T>, options?: CallOptions): Promise<QueueMessage<T>[]>;
  /**
   * Acknowledges all waiting messages of a queue, and those that arrive within `waitSeconds` (1 to
   * 3600, default 1); the call always lasts that long. Resolves with their number. Messages held by
   * consumers and delayed messages are excluded. An abort rejects at once, and the server
   * continues.
   */
  ackAll(request: { channel: string; waitSeconds?: number }, options?: CallOptions): Promise<bigint>;
  /**
   * Consumes a queue, with each message held under the server's visibility timer. Leaving returns
   * held messages to the end of the queue.
   */
  consume<T = Uint8Array>(
    request: ConsumeOptions<T> & LeaseOptions,
    options?: StreamOptions,
  ): Subscription<LeasedDelivery<T>>;
  /** Consumes a queue; the server acknowledges messages when it sends them. */
  consume<T = Uint8Array>(
    request: ConsumeOptions<T> & { settle: "on-delivery" },
    options?: StreamOptions,
  ): Subscription<QueueMessage<T>>;
  /**
   * Consumes a queue. Leaving the loop by `break` or `throw` returns unsettled messages to the
   * queue at once, with their position and their number of deliveries. After an abort or a
   * `close()`, delivered messages can still be settled: while the body of the loop runs, at most 30
   * s, and 5 s after it. Prefetched messages return as soon as no delivered message of the same
   * poll is unsettled. After a lost connection the server delivers unsettled messages again.
   */
  consume<T = Uint8Array>(request: ConsumeOptions<T>, options?: StreamOptions): Subscription<Delivery<T>>;
  /**
   * Consumes a queue in batches. The next batch is polled when the previous one is settled, or when
   * the loop requests it.
   */
  consumeBatches<T = Uint8Array>(request: BatchOptions<T>, options?: StreamOptions): Subscription<DeliveryBatch<T>>;
  /**
   * Calls `handler` for every message and settles the message with its outcome: the returned
   * {@link Settlement}, or an acknowledgement when it returns nothing. When it throws, or returns
   * anything else, `onError` and the status (`handler-failed`) receive the error, and the message is
   * rejected after the delay of `retry`. A message that the handler has settled is not settled again.
   * The status reports a failed settlement as `settle-failed`, and the message returns to its queue.
   *
   * The prefetch is at least `concurrency`; by default it is twice as large without
   * `visibilitySeconds`, because messages that wait for their rejection count in it.
   *
   * @example
   * ```ts
   * const retry: RetryOptions = { maxAttempts: 5, exhausted: { deadLetter: "orders.failed" } };
   * const options: ProcessOptions = { concurrency: 8, retry };
   * await using service = client.queues.process({ channel: "orders" }, ship, options);
   * await service.ready;
   * ```
   * @throws {KubeMQError} `INVALID_ARGUMENT` for an invalid argument; `CLIENT_CLOSED` after `close()`
   */
  process<T = Uint8Array>(
    request: ConsumeOptions<T> & LeaseOptions,
    handler: (message: LeasedDelivery<T>) => void | Settlement | Promise<void | Settlement>,
    options?: ProcessOptions<LeasedDelivery<T>>,
  ): Service;
  process<T = Uint8Array>(
    request: ConsumeOptions<T>,
    handler: (message: Delivery<T>) => void | Settlement | Promise<void | Settlement>,
    options?: ProcessOptions<Delivery<T>>,
  ): Service;
  /** Describes one queue, or all. Rejects with `UNSUPPORTED` when the server has no such call. */
  info(queue?: string, options?: CallOptions): Promise<QueuesInfo>;
}
