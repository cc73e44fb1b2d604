import type { AbortOptions, CallOptions, SendOptions, StreamOptions } from "../message.js";
import type { Service, Subscription } from "../subscription.js";
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
} from "./message.js";
import type {
  AckAllRequest,
  BatchRequest,
  ConsumeRequest,
  LeaseRequest,
  OnDeliveryRequest,
  ProcessLeaseRequest,
  ProcessOptions,
  ProcessRequest,
  PublisherOptions,
  ReceiveRequest,
} from "./requests.js";

/**
 * Sends to queues over its own stream, with more unanswered messages than the client's `send()`.
 */
export interface QueuePublisher extends AsyncDisposable {
  /**
   * Sends a message. Resolves when it is stored. Waiting sends share a request. The body is not
   * copied: do not change its bytes before that. Await the promise, or use
   * {@link QueuePublisher.sendAll}.
   *
   * @throws {KubeMQError} REJECTED_BY_SERVER when the server refuses the message
   * @throws {KubeMQError} TIMEOUT when the server did not answer within the client's `timeoutMs`
   * @throws {KubeMQError} UNAVAILABLE when the connection was lost before the answer: the message
   *   may be stored, and is not sent again without `resend`
   * @throws {KubeMQError} RESOURCE_EXHAUSTED when more than 100,000 messages wait to be sent
   * @throws {KubeMQError} INVALID_ARGUMENT or ENCODE_FAILED when the message is refused before it
   *   is sent; CLIENT_CLOSED when the publisher or the client is closed
   * @example
   * ```ts
   * await using publisher = client.queues.publisher();
   * const { id } = await publisher.send({ channel: "jobs", body: "sweep the floor" });
   * ```
   */
  send<T>(message: OutgoingQueueMessage<T>): Promise<SentMessage>;
  /**
   * The same as {@link QueuePublisher.sendBatch}.
   *
   * @throws {KubeMQError} TIMEOUT or UNAVAILABLE when there was no answer: messages may be stored
   */
  send<T>(messages: readonly OutgoingQueueMessage<T>[]): Promise<SendResult[]>;
  /**
   * Sends several messages together, to one or several queues. Resolves with a result for each, in
   * their order; a refused message does not hold back the others. All messages are checked before
   * any is sent.
   *
   * @throws {KubeMQError} TIMEOUT or UNAVAILABLE when there was no answer: messages may be stored
   * @throws {KubeMQError} INVALID_ARGUMENT or ENCODE_FAILED when a message is refused before any is
   *   sent; CLIENT_CLOSED when the publisher or the client is closed
   * @example
   * ```ts
   * await using publisher = client.queues.publisher();
   * const results = await publisher.sendBatch(jobs.map((body) => ({ channel: "jobs", body })));
   * const refused = results.filter(({ ok }) => !ok);
   * ```
   */
  sendBatch<T>(messages: readonly OutgoingQueueMessage<T>[]): Promise<SendResult[]>;
  /**
   * Sends the messages of an iterable, as fast as the server accepts them. The first failure stops
   * it and is thrown; messages that were sent before may be stored. The signal, and a close of the
   * publisher or of the client, also stop it, even while it waits for the iterable. Bodies are not
   * copied: do not change their bytes before the promise resolves.
   *
   * @returns the number of stored messages
   * @throws {KubeMQError} REJECTED_BY_SERVER when the server refuses a message
   * @throws {KubeMQError} TIMEOUT or UNAVAILABLE when there was no answer to a message, or another
   *   code of {@link QueuePublisher.send}; CLIENT_CLOSED when the publisher or the client is closed
   * @example
   * ```ts
   * await using publisher = client.queues.publisher();
   * await publisher.sendAll(paths.map((path) => ({ channel: "thumbnails", body: path })));
   * ```
   */
  sendAll<T>(
    messages: Iterable<OutgoingQueueMessage<T>> | AsyncIterable<OutgoingQueueMessage<T>>,
    options?: AbortOptions,
  ): Promise<number>;
  /** Resolves when every send so far has an outcome. Never rejects. */
  flush(): Promise<void>;
  /** Refuses new messages, sends the accepted ones, and ends the stream. Never rejects. */
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
   *   may be stored, and is not sent again without `resend`
   * @throws {KubeMQError} INVALID_ARGUMENT or ENCODE_FAILED when the message is refused before it
   *   is sent; CLIENT_CLOSED after `close()`
   * @example
   * ```ts
   * const { id } = await client.queues.send({ channel: "jobs", body: "sweep the floor", policy: { delaySeconds: 60 } });
   * ```
   */
  send<T>(message: OutgoingQueueMessage<T>, options?: SendOptions): Promise<SentMessage>;
  /**
   * Sends several messages together, to one or several queues, stored in their order. Resolves with
   * a result for each; a refused message does not hold back the others. All messages are checked
   * before any is sent.
   *
   * @throws {KubeMQError} TIMEOUT or UNAVAILABLE when there was no answer: messages may be stored
   * @throws {KubeMQError} INVALID_ARGUMENT or ENCODE_FAILED when a message is refused before any is
   *   sent; CLIENT_CLOSED after `close()`
   * @example
   * ```ts
   * const results = await client.queues.sendBatch(["1", "2"].map((body) => ({ channel: "jobs", body })));
   * const refused = results.filter(({ ok }) => !ok);
   * ```
   */
  sendBatch<T>(messages: readonly OutgoingQueueMessage<T>[], options?: SendOptions): Promise<SendResult[]>;
  /**
   * Opens a stream to send many messages.
   *
   * @throws {KubeMQError} INVALID_ARGUMENT for an invalid argument; CLIENT_CLOSED after `close()`
   * @example
   * ```ts
   * await using publisher = client.queues.publisher();
   * await Promise.all(jobs.map((body) => publisher.send({ channel: "jobs", body })));
   * ```
   */
  publisher(options?: PublisherOptions): QueuePublisher;
  /**
   * Takes messages out of a queue. The server acknowledges them before they arrive: a message that
   * is lost in transit, or whose processing fails, is gone. Use `consume` for messages that must
   * not be lost. Resolves with an empty array when no message arrived in time.
   *
   * `timeoutMs` must be longer than the wait, by default 30 s longer, because an interrupted call
   * loses the messages that it has taken. For the same reason an abort waits for the answer, at
   * most `waitSeconds`. It then resolves with the messages, or rejects with `signal.reason` if
   * there are none, or if the call has failed.
   *
   * @throws {KubeMQError} UNAVAILABLE when the connection is lost before the answer, and the signal
   *   has not aborted: messages may be lost, as after an abort
   * @example
   * ```ts
   * const jobs = await client.queues.receive({ channel: "jobs", max: 10, waitSeconds: 2 });
   * for (const job of jobs) console.log(job.text());
   * ```
   */
  receive<T = Uint8Array>(request: ReceiveRequest<T>, options?: CallOptions): Promise<QueueMessage<T>[]>;
  /**
   * Shows messages without receiving them. While the call waits, they are hidden from other
   * consumers. An abort rejects at once.
   *
   * @throws {KubeMQError} UNAVAILABLE when the connection is lost before the answer
   * @example
   * ```ts
   * const [next] = await client.queues.peek({ channel: "jobs", max: 1 });
   * console.log(next?.text());
   * ```
   */
  peek<T = Uint8Array>(request: ReceiveRequest<T>, options?: CallOptions): Promise<QueueMessage<T>[]>;
  /**
   * Acknowledges all waiting messages of a queue, and those that arrive within `waitSeconds` (1 to
   * 3600, default 1); the call always lasts that long. Resolves with their number. Messages held by
   * consumers and delayed messages are excluded. An abort rejects at once, and the server
   * continues.
   *
   * @throws {KubeMQError} UNAVAILABLE when the connection is lost before the answer; the server
   *   continues
   * @example
   * ```ts
   * const dropped = await client.queues.ackAll({ channel: "jobs" });
   * ```
   */
  ackAll(request: AckAllRequest, options?: CallOptions): Promise<bigint>;
  /**
   * Consumes a queue, with each message held under the server's visibility timer. Leaving returns
   * held messages to the end of the queue.
   *
   * @throws {KubeMQError} INVALID_ARGUMENT for an invalid argument; CLIENT_CLOSED after `close()`
   * @throws {KubeMQError} UNSUPPORTED in the loop, when the server has no leases
   * @example
   * ```ts
   * for await (const job of client.queues.consume({ channel: "jobs", visibilitySeconds: 30, autoExtend: true })) {
   *   await work(job.text());
   *   await job.ack();
   * }
   * ```
   */
  consume<T = Uint8Array>(request: LeaseRequest<T>, options?: StreamOptions): Subscription<LeasedDelivery<T>>;
  /**
   * Consumes a queue; the server acknowledges messages when it sends them.
   *
   * @throws {KubeMQError} INVALID_ARGUMENT for an invalid argument; CLIENT_CLOSED after `close()`
   */
  consume<T = Uint8Array>(request: OnDeliveryRequest<T>, options?: StreamOptions): Subscription<QueueMessage<T>>;
  /**
   * Consumes a queue. Leaving the loop by `break` or `throw` returns unsettled messages to the
   * queue at once, with their position and their number of deliveries. After an abort or a
   * `close()`, delivered messages can still be settled: while the body of the loop runs, at most 30
   * s, and 5 s after it. Prefetched messages return as soon as no delivered message of the same
   * poll is unsettled. After a lost connection the server delivers unsettled messages again.
   *
   * @throws {KubeMQError} INVALID_ARGUMENT for an invalid argument; CLIENT_CLOSED after `close()`
   * @example
   * ```ts
   * for await (const job of client.queues.consume({ channel: "jobs" })) {
   *   await work(job.text());
   *   await job.ack();
   * }
   * ```
   */
  consume<T = Uint8Array>(
    request: ConsumeRequest<T> | LeaseRequest<T>,
    options?: StreamOptions,
  ): Subscription<Delivery<T>>;
  /**
   * Consumes a queue; the value of `settle` is unknown to the compiler. Only a message with an
   * `ack` can be settled: `if ("ack" in message)`.
   *
   * @throws {KubeMQError} INVALID_ARGUMENT for an invalid argument; CLIENT_CLOSED after `close()`
   */
  consume<T = Uint8Array>(
    request: ConsumeRequest<T> | OnDeliveryRequest<T>,
    options?: StreamOptions,
  ): Subscription<Delivery<T> | QueueMessage<T>>;
  /**
   * Consumes a queue in batches. The next batch is polled when the previous one is settled, or when
   * the loop requests it.
   *
   * @throws {KubeMQError} INVALID_ARGUMENT for an invalid argument; CLIENT_CLOSED after `close()`
   * @example
   * ```ts
   * for await (const batch of client.queues.consumeBatches({ channel: "rows", max: 100 })) {
   *   await insert(batch.messages.map((row) => row.json()));
   *   await batch.ackAll();
   * }
   * ```
   */
  consumeBatches<T = Uint8Array>(request: BatchRequest<T>, options?: StreamOptions): Subscription<DeliveryBatch<T>>;
  /**
   * Calls `handler` for every message and settles the message with its outcome: the returned
   * {@link Settlement}, or an acknowledgement when it returns nothing. When it throws, or returns anything
   * else, `onError` and the status (`handler-failed`) receive the error, and the message is
   * rejected after the delay of `retry`. A message that the handler has settled is not settled
   * again. The status reports a failed settlement as `settle-failed`, and the message returns to
   * its queue.
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
   * @throws {KubeMQError} INVALID_ARGUMENT for an invalid argument; CLIENT_CLOSED after `close()`
   */
  process<T = Uint8Array>(
    request: ProcessLeaseRequest<T>,
    handler: (message: LeasedDelivery<T>) => void | Settlement | Promise<void | Settlement>,
    options?: ProcessOptions<LeasedDelivery<T>>,
  ): Service;
  /**
   * Calls `handler` for every message; the message is held without a visibility timer.
   *
   * @throws {KubeMQError} INVALID_ARGUMENT for an invalid argument; CLIENT_CLOSED after `close()`
   */
  process<T = Uint8Array>(
    request: ProcessRequest<T> | ProcessLeaseRequest<T>,
    handler: (message: Delivery<T>) => void | Settlement | Promise<void | Settlement>,
    options?: ProcessOptions<Delivery<T>>,
  ): Service;
  /**
   * Describes one queue, or all. From a server without this call, the counts come from its list of
   * channels: `firstSequence` and `lastSequence` are then 0, and `subscribers` is at most 1.
   *
   * @throws {KubeMQError} UNSUPPORTED when the server has neither
   * @example
   * ```ts
   * const [jobs] = (await client.queues.info("jobs")).queues;
   * console.log(jobs?.waiting);
   * ```
   */
  info(queue?: string, options?: CallOptions): Promise<QueuesInfo>;
}
