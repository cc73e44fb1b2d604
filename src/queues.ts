import { forEachConcurrent } from "./for-each.js";
import {
  checkInteger,
  checkOutgoing,
  checkSize,
  checkStoredChannel,
  encodePayload,
  refuse,
  type Subject,
} from "./internal/check.js";
import { checkPolicy, checkWait, LIMITS } from "./internal/check-queues.js";
import type { Connection } from "./internal/connection.js";
import { Consumers, type AnyConsume } from "./internal/consumers.js";
import { CALL_MARGIN_MS, receiveMessages } from "./internal/receive.js";
import { settleAlone } from "./internal/settle-alone.js";
import { Upstream } from "./internal/upstream.js";
import {
  ackAllQueueMessagesMethod,
  ackAllRequest,
  batchRequest,
  checkAnswer,
  exactQueueMessageSize,
  infoRequest,
  queueMessageOf,
  queueMessageSize,
  queuesInfo,
  queuesInfoMethod,
  sendQueueMessageMethod,
  sendQueueMessagesBatchMethod,
  sendResult,
  type WireQueueMessage,
} from "./internal/wire-queues.js";
import type { CallOptions, StreamOptions } from "./message.js";
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
import type {
  BatchOptions,
  ConsumeOptions,
  LeaseOptions,
  ProcessOptions,
  PublisherOptions,
  ReceiveRequest,
} from "./queue-options.js";
import type { Subscription } from "./subscription.js";

/** Sends to queues over one stream, many times as fast as a call for each. */
export interface QueuePublisher extends AsyncDisposable {
  /**
   * Sends a message, or several, and gives a result for each, in their order. Sends that wait share a request. Rejects with
   * `TIMEOUT`, or with `UNAVAILABLE` when the connection was lost before the answer: the messages may be stored or not, and are
   * not sent again. Await it: more than 100,000 messages that wait are `RESOURCE_EXHAUSTED`.
   */
  send<T>(messages: OutgoingQueueMessage<T> | readonly OutgoingQueueMessage<T>[]): Promise<SendResult[]>;
  /** Resolves when every send so far has its outcome. */
  flush(): Promise<void>;
  /** Refuses new messages, flushes, and ends the stream. */
  close(): Promise<void>;
}

/** Queues: each message is done once, by one consumer. */
export interface QueuesClient {
  /** Sends a message; resolves when it is stored. Rejects with `REJECTED_BY_SERVER` when the server refuses it. */
  send<T>(message: OutgoingQueueMessage<T>, options?: CallOptions): Promise<SentMessage>;
  /**
   * Sends several messages in one call, stored in their order, to one queue or to several. Gives a result for each: one that is
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
  /** Looks at messages without taking them. While it waits they are hidden from others. An abort rejects at once. */
  peek<T = Uint8Array>(request: ReceiveRequest<T>, options?: CallOptions): Promise<QueueMessage<T>[]>;
  /**
   * Acknowledges all that waits in a queue, and what comes within `waitSeconds` (1 to 3600, default 1), which it always takes. Gives how
   * many; messages that consumers hold, and delayed ones, are not among them. An abort rejects at once, and the server goes on.
   */
  ackAll(request: { channel: string; waitSeconds?: number }, options?: CallOptions): Promise<bigint>;
  /** Consumes a queue, each message held under the server's visibility timer. Leaving gives back what is held, to the end of the queue. */
  consume<T = Uint8Array>(
    request: ConsumeOptions<T> & LeaseOptions,
    options?: StreamOptions,
  ): Subscription<LeasedDelivery<T>>;
  /** Consumes a queue that acknowledges its messages as it sends them. */
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
   * Runs a handler for every message: when it returns, the message is acknowledged, or settled as it says; when it throws, the message is
   * rejected. A message that the handler settled itself is left alone. Resolves when the signal aborts and all running handlers are done,
   * however long they take; rejects when the stream ends with an error. The prefetch is at least `concurrency`. A settlement that fails is told by `status()`.
   */
  process<T = Uint8Array>(
    request: ConsumeOptions<T> & LeaseOptions,
    handler: (message: LeasedDelivery<T>) => void | Settlement | Promise<void | Settlement>,
    options?: ProcessOptions,
  ): Promise<void>;
  process<T = Uint8Array>(
    request: ConsumeOptions<T>,
    handler: (message: Delivery<T>) => void | Settlement | Promise<void | Settlement>,
    options?: ProcessOptions,
  ): Promise<void>;
  /** Describes one queue, or all. A server that has no such call rejects with `UNSUPPORTED`. */
  info(queue?: string, options?: CallOptions): Promise<QueuesInfo>;
}

/** @internal */
export function createQueuesClient(connection: Connection): QueuesClient {
  const { clientId, maxMessageBytes } = connection.options;

  const prepare = (operation: string, message: OutgoingQueueMessage): WireQueueMessage => {
    checkStoredChannel(operation, message.channel);
    const subject = { operation, channel: message.channel };
    checkOutgoing(operation, message);
    checkPolicy(subject, message.policy);
    const wire = queueMessageOf(clientId, message, encodePayload(operation, message), message.policy);
    checkSize(subject, queueMessageSize(wire), () => exactQueueMessageSize(wire), maxMessageBytes);
    return wire;
  };

  const consumers = new Consumers(connection, (message) => prepare("queues.replace", message));

  return {
    async send(message, options) {
      const operation = "queues.send";
      const wire = prepare(operation, message);
      const call = { operation, channel: message.channel, options };
      const result = sendResult(await connection.unary(sendQueueMessageMethod, wire, call), wire, operation);
      if (!result.ok) throw result.error;
      return result;
    },

    async sendBatch(messages, options) {
      const operation = "queues.sendBatch";
      const wire = messages.map((message) => prepare(operation, message));
      if (wire.length === 0) return [];
      let size = 0;
      for (const message of wire) size += queueMessageSize(message);
      const exact = () => wire.reduce((sum, message) => sum + exactQueueMessageSize(message) + 8, 64);
      checkSize({ operation }, size, exact, maxMessageBytes);
      const { Results } = await connection.unary(sendQueueMessagesBatchMethod, batchRequest(wire), {
        operation,
        options,
      });
      return wire.map((message, at) => sendResult(Results[at], message, operation));
    },

    publisher(options = {}) {
      const operation = "queues.publisher";
      const { ordered = true } = options;
      if (ordered && options.maxInFlight !== undefined) {
        throw refuse(
          { operation },
          "maxInFlight needs ordered: false, for an ordered publisher has one request on its way",
        );
      }
      const maxInFlight = ordered ? 1 : checkInteger({ operation }, "maxInFlight", options.maxInFlight ?? 16, 1, 1024);
      return new Upstream(
        { operation, maxInFlight, prepare: (message) => prepare(operation, message) },
        connection,
        options,
      );
    },

    receive: (request, options) => receiveMessages(connection, "queues.receive", request, options),

    peek: (request, options) => receiveMessages(connection, "queues.peek", request, options),

    async ackAll({ channel, waitSeconds }, options) {
      const operation = "queues.ackAll";
      checkStoredChannel(operation, channel);
      const subject: Subject = { operation, channel };
      const wait = checkWait(subject, waitSeconds);
      const call = { ...subject, options, timeoutMs: wait * 1_000 + CALL_MARGIN_MS };
      const answer = await connection.unary(ackAllQueueMessagesMethod, ackAllRequest(clientId, channel, wait), call);
      checkAnswer(answer, subject);
      return answer.AffectedMessages;
    },

    consume: (<T>(request: AnyConsume<T>, options?: StreamOptions) =>
      consumers.byMessage("queues.consume", request, false, options)) as QueuesClient["consume"],

    consumeBatches: (request, options) => consumers.byBatch("queues.consumeBatches", request, options),

    async process<T = Uint8Array>(
      request: AnyConsume<T>,
      handler: (message: LeasedDelivery<T>) => void | Settlement | Promise<void | Settlement>,
      options: ProcessOptions = {},
    ) {
      const operation = "queues.process";
      const { channel } = request;
      const subject = { operation, channel };
      const concurrency = checkInteger(subject, "concurrency", options.concurrency ?? 1, 1, LIMITS.prefetch);
      if (request.settle !== undefined && request.settle !== "manual") {
        throw refuse(subject, "process settles by what the handler does: leave settle out");
      }
      const prefetch = Math.max(request.prefetch ?? 1, concurrency);
      await using subscription = consumers.byMessage(
        operation,
        { ...request, prefetch },
        true,
        options,
      ) as Subscription<LeasedDelivery<T>>;
      await forEachConcurrent(subscription, concurrency, async (message) => {
        let outcome: Settlement;
        try {
          outcome = (await handler(message)) ?? "ack";
        } catch {
          outcome = "reject";
        }
        await settleAlone(connection, channel, message, outcome);
      });
    },

    async info(queue, options) {
      const operation = "queues.info";
      if (queue !== undefined) checkStoredChannel(operation, queue, "queue");
      const subject = queue === undefined ? { operation } : { operation, channel: queue };
      return queuesInfo(await connection.unary(queuesInfoMethod, infoRequest(queue ?? ""), { ...subject, options }));
    },
  };
}
