import { setMaxListeners } from "node:events";
import { create } from "@bufbuild/protobuf";
import { QueueMessagesBatchResponseSchema } from "../../../gen/kubemq_pb.js";
import { unknown } from "../grpc/errors.js";
import { queueChannels } from "./model/channels.js";
import { converse } from "./calls/conversation.js";
import { Downstream } from "./calls/downstream.js";
import { queuesInfo } from "./info.js";
import { type GiveBack, PollConnections } from "./calls/poll-connections.js";
import { ackAllMessages, receiveMessages } from "./calls/receiving.js";
import { sendMessage } from "./calls/sending.js";
import type { Content } from "./model/message.js";
import { QueueStore } from "./model/store.js";
import { MessageStream } from "./calls/stream.js";
import { queueTexts } from "./texts.js";
import { Upstream } from "./calls/upstream.js";
import type { BrokerCore, ChannelService } from "../service.js";

export interface QueuesService extends ChannelService {
  /** Sends CloseByServer to every consumer on QueuesDownstream. Returns the number of calls. */
  closeByServer(): number;
  /** The server restarts, and keeps its messages. */
  restart(): void;
}

/** The RPCs of queues. */
export function queuesService(core: BrokerCore): QueuesService {
  const { clock, limits, newId, profile, random } = core;
  const onPush = (channel: string, { messageId: id, metadata, body, tags }: Content) =>
    core.onMessage?.("queues", channel, { id, metadata, body, tags });
  const store = new QueueStore(clock, limits, profile, onPush, random);
  const connections = profile.pollConnections === 0 ? undefined : new PollConnections(profile.pollConnections);
  const forget = new AbortController();
  setMaxListeners(0, forget.signal);
  const receiveTurn = profile.receivesInTurn ? turns() : undefined;
  const queueCore = { ...core, store, connections, receiveTurn, forgotten: forget.signal };
  const downstreams = new Set<Downstream>();
  return {
    rpcs: {
      sendQueueMessage: (message) => sendMessage(store, message, newId).result,
      sendQueueMessagesBatch({ BatchID, Messages }) {
        if (Messages.length === 0) throw unknown(queueTexts.emptyBatch);
        const sent = Messages.map((message) => sendMessage(store, message, newId));
        return create(QueueMessagesBatchResponseSchema, {
          BatchID,
          Results: sent.map(({ result }) => result),
          // To the server, a message that fails the checks is not an error of the call.
          HaveErrors: sent.some(({ refusedBy }) => refusedBy === "store"),
        });
      },
      receiveQueueMessages: (request, { signal }) => receiveMessages(queueCore, request, signal),
      ackAllQueueMessages: (request, { signal }) => ackAllMessages(queueCore, request, signal),
      streamQueueMessage: (requests, { signal }) => converse(requests, signal, new MessageStream(queueCore)),
      async *queuesDownstream(requests, { signal }) {
        const downstream = new Downstream(queueCore);
        downstreams.add(downstream);
        try {
          yield* converse(requests, signal, downstream);
        } finally {
          downstreams.delete(downstream);
        }
      },
      queuesUpstream: (requests, { signal }) => converse(requests, signal, new Upstream(queueCore)),
      queuesInfo: (request) => queuesInfo(store, request),
    },
    channels: queueChannels(store),
    closeByServer() {
      for (const downstream of downstreams) downstream.closeByServer();
      return downstreams.size;
    },
    restart: () => store.restart(),
    close() {
      forget.abort();
      store.clear();
    },
  };
}

/** One connection for each queue. */
function turns(): (queue: string) => Promise<GiveBack> {
  const byQueue = new Map<string, PollConnections>();
  return (queue) => {
    let connection = byQueue.get(queue);
    if (connection === undefined) byQueue.set(queue, (connection = new PollConnections(1)));
    return connection.take();
  };
}
