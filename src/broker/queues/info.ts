import { create } from "@bufbuild/protobuf";
import type { QueueInfo, QueuesInfoRequest, QueuesInfoResponse } from "../../../gen/kubemq_pb.js";
import { QueueInfoSchema, QueuesInfoResponseSchema } from "../../../gen/kubemq_pb.js";
import type { Queue } from "./model/queue.js";
import type { QueueStore } from "./model/store.js";

/**
 * The server intends to remove the prefix `_QUEUES_.`, but actually trims these characters at both
 * ends.
 */
const trimmed = /^[_QUES.]+|[_QUES.]+$/g;

/** Statistics of all queues, or of the listed names, separated by semicolons. */
export function queuesInfo(store: QueueStore, request: QueuesInfoRequest): QueuesInfoResponse {
  const asked = request.QueueName.split(";");
  const queues = store.list().flatMap((queue) => {
    const info = infoOf(queue);
    if (request.QueueName === "") return [info];
    return asked.filter((name) => name === info.Name).map(() => info);
  });
  const sum = (key: "Sent" | "Delivered" | "Waiting") => queues.reduce((total, queue) => total + queue[key], 0n);
  return create(QueuesInfoResponseSchema, {
    RefRequestID: request.RequestID,
    Info: {
      TotalQueue: queues.length,
      Sent: sum("Sent"),
      Delivered: sum("Delivered"),
      Waiting: sum("Waiting"),
      Queues: queues,
    },
  });
}

/**
 * The server's arithmetic, on a store that keeps consumed messages until they are too old: Messages
 * and Bytes count them (although this broker has removed them), and an empty queue has sent one.
 */
function infoOf(queue: Queue): QueueInfo {
  const stats = queue.stats();
  const { firstSequence: first, lastSequence: last, lastTaken } = stats;
  const known = stats.consumed || last > 0;
  return create(QueueInfoSchema, {
    Name: queue.name.replace(trimmed, ""),
    Messages: BigInt(last === 0 ? 0 : last - first + 1),
    Bytes: BigInt(stats.sentBytes),
    FirstSequence: BigInt(first),
    LastSequence: BigInt(last),
    Sent: BigInt(known ? last - first + 1 : 0),
    Delivered: BigInt(stats.consumed && lastTaken >= first ? lastTaken - first + 1 : 0),
    Waiting: BigInt(stats.waiting + stats.held),
    Subscribers: BigInt(stats.consumers),
  });
}
