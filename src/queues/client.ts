import type { StreamOptions } from "../api/message.js";
import type { LeasedDelivery, OutgoingQueueMessage, Settlement } from "../api/queue-message.js";
import type { ProcessOptions, QueuesClient } from "../api/queues.js";
import type { Subscription } from "../api/subscription.js";
import type { Connection } from "../connection/connection.js";
import { forEachConcurrent } from "../stream/for-each.js";
import {
  checkInteger,
  checkOutgoing,
  checkSize,
  checkChannel,
  checkQueueChannel,
  encodePayload,
  refuse,
  type Subject,
} from "../support/checks.js";
import { checkPolicy, checkWait, LIMITS } from "./checks.js";
import { type AnyConsume, Consumers } from "./consumers.js";
import { CALL_MARGIN_MS, receiveMessages } from "./receive.js";
import { settleAlone } from "./settle-alone.js";
import { Upstream } from "./upstream.js";
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
} from "./wire.js";

/** @internal */
export function createQueuesClient(connection: Connection): QueuesClient {
  const { clientId, maxMessageBytes } = connection.options;

  const prepare = (operation: string, message: OutgoingQueueMessage): WireQueueMessage => {
    checkQueueChannel(operation, message.channel);
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
      // promise: ordered-one-in-flight
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
      checkQueueChannel(operation, channel);
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
      // Not as strict as for receivers: messages in a queue that nobody can receive from are still to be seen.
      if (queue !== undefined) checkChannel(operation, queue, "queue");
      const subject = queue === undefined ? { operation } : { operation, channel: queue };
      return queuesInfo(await connection.unary(queuesInfoMethod, infoRequest(queue ?? ""), { ...subject, options }));
    },
  };
}
