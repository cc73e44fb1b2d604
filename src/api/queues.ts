import type { Codec } from "./codec.js";
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
  codec?: Codec<T>;
}

/** Selects the messages to consume, and how they are settled. */
export interface ConsumeOptions<T = Uint8Array> {
  /** The queue. */
  channel: string;
  /** Decodes `message.value`. Default: none, the value is the body. */
  codec?: Codec<T>;
  /**
   * How many messages are held unsettled at once, 1 to 100000. One that is never settled keeps its place, and with 1 the loop then
   * waits for ever. Several at once need as many here. @default 1
   */
  prefetch?: number;
  /**
   * Who settles. `manual`: you, by the methods of the message. `on-next`: asking for the next message acknowledges the one before;
   * leaving the loop by `break` or `throw` rejects it. `on-delivery`: the server, before it sends: what is lost on the way or in the
   * loop is lost for good, at most `prefetch` messages. After an abort or a `close()` the loop still receives what the server has
   * acknowledged, which takes a second at most; a `break` drops what was prefetched.
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
  codec?: Codec<T>;
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
   * `exhausted`. Default: no limit; the `deadLetter` policy of the message applies, and the server drops
   * a message after 1024 deliveries.
   */
  maxAttempts?: number;
  /**
   * Outcome of a message that failed `maxAttempts` times. `"drop"` acknowledges it. `deadLetter` sends a
   * copy to a queue before it acknowledges the message: id, metadata, tags and body, and the tags
   * `dead-letter-reason` (the error's message), `dead-letter-channel` and `dead-letter-attempts`.
   */
  exhausted?: "drop" | { deadLetter: string };
  /**
   * How long a failed message is held before it is rejected, in milliseconds: `initialDelayMs` after the
   * first failure, doubled with each delivery up to `maxDelayMs` (at most 300000). The fraction `jitter`
   * (0 to 1) of the delay is random. A leased message is not held beyond its lease. While waiting
   * messages fill the prefetch, the oldest of them is rejected after a second, so that the queue
   * continues. `false` rejects at once: a message that always fails is then delivered a thousand times a
   * second.
   *
   * @default { initialDelayMs: 100, maxDelayMs: 10000, jitter: 0.5 }
   */
  delay?: false | { initialDelayMs?: number; maxDelayMs?: number; jitter?: number };
}

/** Options of `process`. */
export interface ProcessOptions<M = unknown> extends HandlerOptions<M> {
  /** Outcome of messages whose handlers fail. Default: redelivered after a growing delay, without limit. */
  retry?: RetryOptions;
}

/** Options of a queue publisher. */
export interface PublisherOptions extends StreamOptions {
  /**
   * True: one request is unanswered at a time, so that the queue has the order of the sends. False:
   * several, in no order. @default true
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
   * Sends a message, or several, and resolves with a result for each, in their order. Sends that wait share a request. Bodies are not
   * copied: do not change their bytes before that.
   *
   * @throws {KubeMQError} TIMEOUT when the server did not answer within the client's `timeoutMs`
   * @throws {KubeMQError} UNAVAILABLE when the connection was lost before the answer: the messages may be stored or not, and are not
   *   sent again
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
   * Sends a message. Resolves when it is stored. Sends and batches share a stream of the client, in the order of the calls; what has
   * more than 64 KiB is sent beside it. Do not change the body before the promise resolves.
   *
   * @throws {KubeMQError} REJECTED_BY_SERVER when the server refuses the message
   * @throws {KubeMQError} TIMEOUT when the server did not answer in time: the message may be stored
   * @throws {KubeMQError} UNAVAILABLE when the connection was lost before the answer: the message may be stored
   */
  send<T>(message: OutgoingQueueMessage<T>, options?: CallOptions): Promise<SentMessage>;
  /**
   * Sends several messages together, stored in their order, to one queue or to several. Resolves with a result for each: one that is
   * refused does not keep the others back. All are checked here before any is sent.
   */
  sendBatch<T>(messages: readonly OutgoingQueueMessage<T>[], options?: CallOptions): Promise<SendResult[]>;
  /** Opens a stream to send many messages. */
  publisher(options?: PublisherOptions): QueuePublisher;
  /**
   * Takes messages out of a queue. The server has acknowledged them before they arrive: a message that is lost on the way, or that
   * you fail to work on, is gone; `consume` is for work that must not be lost. Resolves with none when nothing came in time.
   * `timeoutMs` must be longer than the wait, by default 30 s longer, since a call that is cut loses what it has taken. For the same reason an
   * abort waits for the answer, at most `waitSeconds`: it then resolves with the messages if there are any, and else rejects with `signal.reason`.
   */
  receive<T = Uint8Array>(request: ReceiveRequest<T>, options?: CallOptions): Promise<QueueMessage<T>[]>;
  /**
   * Shows messages without receiving them. While it waits they are hidden from others. An abort
   * rejects at once.
   */
  peek<T = Uint8Array>(request: ReceiveRequest<T>, options?: CallOptions): Promise<QueueMessage<T>[]>;
  /**
   * Acknowledges all that waits in a queue, and what comes within `waitSeconds` (1 to 3600, default 1), which it always takes. Gives how
   * many; messages that consumers hold, and delayed ones, are not among them. An abort rejects at once, and the server goes on.
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
  /** Consumes a queue whose server acknowledges messages when it sends them. */
  consume<T = Uint8Array>(
    request: ConsumeOptions<T> & { settle: "on-delivery" },
    options?: StreamOptions,
  ): Subscription<QueueMessage<T>>;
  /**
   * Consumes a queue. What is unsettled when the loop is left by `break` or `throw` goes back to the queue at once, with its place and
   * its count of deliveries. After an abort or a `close()`, what was handed out can still be settled: while the body of the loop runs, at most
   * 30 s, and 5 s beyond it; what was prefetched goes back as soon as nothing handed out came by the same poll. After a lost connection the
   * server delivers anew what was unsettled.
   */
  consume<T = Uint8Array>(request: ConsumeOptions<T>, options?: StreamOptions): Subscription<Delivery<T>>;
  /** Consumes a queue by the batch. The next one is polled when the one before is settled, or when the loop asks for it. */
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
