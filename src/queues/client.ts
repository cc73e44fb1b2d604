import type { StreamOptions } from "../api/message.js";
import type { LeasedDelivery, Settlement } from "../api/queues/message.js";
import type { QueuesClient } from "../api/queues/client.js";
import type { ProcessLeaseRequest, ProcessOptions, ProcessRequest } from "../api/queues/requests.js";
import { KubeMQError } from "../api/errors.js";
import type { ChannelsClient } from "../api/server.js";
import type { Connection } from "../connection/connection.js";
import type { Source } from "../stream/handlers.js";
import { checkChannel, checkHandler, checkQueueChannel, refuse, type Subject } from "../support/checks.js";
import { checkKnown } from "../support/names/known.js";
import { CALL_PLACES } from "../support/names/places.js";
import { listedQueues } from "./waiting.js";
import { checkWait } from "./checks.js";
import { type AnyConsume, Consumers } from "./consumers.js";
import { CALL_MARGIN_MS, receiveMessages } from "./receive.js";
import { streamOptionsOf } from "../stream/handlers.js";
import { processQueue } from "./process/process.js";
import { UpstreamPublisher } from "./send/publisher.js";
import { preparing, QueueSends } from "./send/plain.js";
import {
  ackAllQueueMessagesMethod,
  ackAllRequest,
  checkAnswer,
  infoRequest,
  queuesInfo,
  queuesInfoMethod,
} from "./wire.js";

/** @internal */
export function createQueuesClient(connection: Connection, channels: Pick<ChannelsClient, "list">): QueuesClient {
  const { clientId } = connection.options;

  const prepare = preparing(connection);
  const sends = new QueueSends(connection, prepare);
  const consumers = new Consumers(connection, (message) => prepare("queues.replace", message));

  return {
    send: (message, options) => sends.send(message, options),

    sendBatch: (messages, options) => sends.sendBatch(messages, options),

    publisher: (options = {}) => new UpstreamPublisher(connection, prepare, options),

    receive: (request, options) => receiveMessages(connection, "queues.receive", request, options),

    peek: (request, options) => receiveMessages(connection, "queues.peek", request, options),

    async ackAll(request, options) {
      const { channel, waitSeconds } = request;
      const operation = "queues.ackAll";
      const subject: Subject = { operation, channel };
      checkKnown(subject, "", request, ["channel", "waitSeconds"], CALL_PLACES);
      checkQueueChannel(operation, channel);
      const wait = checkWait(subject, waitSeconds);
      const call = { ...subject, options, timeoutMs: wait * 1_000 + CALL_MARGIN_MS };
      const answer = await connection.unary(ackAllQueueMessagesMethod, ackAllRequest(clientId, channel, wait), call);
      checkAnswer(answer, subject);
      return answer.AffectedMessages;
    },

    consume: (<T>(request: AnyConsume<T>, options?: StreamOptions) =>
      consumers.byMessage("queues.consume", request, false, options)) as QueuesClient["consume"],

    consumeBatches: (request, options) => consumers.byBatch("queues.consumeBatches", request, options),

    process<T = Uint8Array>(
      request: ProcessRequest<T> | ProcessLeaseRequest<T>,
      handler: (message: LeasedDelivery<T>) => void | Settlement | Promise<void | Settlement>,
      options: ProcessOptions<LeasedDelivery<T>> = {},
    ) {
      const operation = "queues.process";
      const subject = { operation, channel: request.channel };
      checkHandler(subject, handler);
      if (request.settle !== undefined) {
        throw refuse(subject, 'unknown option "settle": process settles each message by its handler\'s outcome');
      }
      const consume = (prefetch: number) =>
        consumers.byMessage(operation, { ...request, prefetch }, true, streamOptionsOf(options)) as Source<
          LeasedDelivery<T>
        >;
      const { prefetch, visibilitySeconds } = request;
      const isLeased = visibilitySeconds !== undefined;
      return processQueue(
        {
          connection,
          subject,
          prefetch,
          isLeased,
          consume,
          handler,
          send: (message) => sends.send(message, undefined),
        },
        options,
      );
    },

    async info(queue, options) {
      const operation = "queues.info";
      // Less strict than for receivers: a queue that no receiver can use may still hold messages.
      if (queue !== undefined) checkChannel(operation, queue, "queue");
      const subject = queue === undefined ? { operation } : { operation, channel: queue };
      try {
        return queuesInfo(await connection.unary(queuesInfoMethod, infoRequest(queue ?? ""), { ...subject, options }));
      } catch (error) {
        if (!KubeMQError.is(error, "UNSUPPORTED")) throw error;
        return listedQueues(channels, subject, error, queue, options); // promise: info-from-channels
      }
    },
  };
}
