import { create } from "@bufbuild/protobuf";
import type {
  AckAllQueueMessagesRequest,
  AckAllQueueMessagesResponse,
  ReceiveQueueMessagesRequest,
  ReceiveQueueMessagesResponse,
} from "../../../../gen/kubemq_pb.js";
import { AckAllQueueMessagesResponseSchema, ReceiveQueueMessagesResponseSchema } from "../../../../gen/kubemq_pb.js";
import { checkAckAll, checkReceive, withRefusal } from "../checks.js";
import { collect } from "./collect.js";
import type { QueueCore } from "../model/core.js";
import { deliveryOf } from "../wire.js";

/** The meaning of WaitTimeSeconds 0. */
export const defaultWaitSeconds = 1;

const waitMs = (seconds: number) => (seconds === 0 ? defaultWaitSeconds : seconds) * 1000;

/** Takes messages, which are removed with the answer; a peek shows them and puts them back. */
export async function receiveMessages(
  { store, clock, quirks, profile, newId, receiveTurn }: QueueCore,
  request: ReceiveQueueMessagesRequest,
  signal: AbortSignal,
): Promise<ReceiveQueueMessagesResponse> {
  const response = create(ReceiveQueueMessagesResponseSchema, {
    RequestID: request.RequestID === "" ? newId() : request.RequestID,
    IsPeak: request.IsPeak,
  });
  const refusal = checkReceive(request);
  if (refusal !== undefined) return withRefusal(response, refusal);
  const queue = store.queue(request.Channel);
  const wish = {
    count: request.MaxNumberOfMessages,
    countExpired: false,
    peeks: request.IsPeak,
    waitMs: waitMs(request.WaitTimeSeconds),
    ackOnTake: !request.IsPeak && profile.queueDelivery === "durable-group",
  };
  const endTurn = await receiveTurn?.(request.Channel);
  const { end, messages, expired } = await collect(queue, wish, clock, signal);
  if (request.IsPeak || (end === "cancelled" && !quirks.cancelledReceiveLoses)) queue.release(messages);
  else for (const message of messages) queue.ack(message);
  endTurn?.();
  response.Messages = messages.map((message) => deliveryOf(queue.name, message));
  response.MessagesReceived = messages.length;
  response.MessagesExpired = expired;
  return response;
}

/** Removes all waiting messages, and those that arrive during the whole wait. */
export async function ackAllMessages(
  { store, clock, newId, receiveTurn }: QueueCore,
  request: AckAllQueueMessagesRequest,
  signal: AbortSignal,
): Promise<AckAllQueueMessagesResponse> {
  const response = create(AckAllQueueMessagesResponseSchema, {
    RequestID: request.RequestID === "" ? newId() : request.RequestID,
  });
  const refusal = checkAckAll(request);
  if (refusal !== undefined) return withRefusal(response, refusal);
  const endTurn = await receiveTurn?.(request.Channel);
  let affected = 0;
  const queue = store.queue(request.Channel);
  const seat = queue.join({
    wants: () => true,
    take(message) {
      affected++;
      queue.ack(message);
    },
    skip() {
      affected++;
    },
  });
  try {
    await elapse(waitMs(request.WaitTimeSeconds), clock, signal);
  } finally {
    queue.leave(seat);
    endTurn?.();
  }
  response.AffectedMessages = BigInt(affected);
  return response;
}

/** Resolves after `ms` milliseconds, or when the call is cancelled. */
function elapse(ms: number, clock: QueueCore["clock"], signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const end = () => {
      cancel();
      signal.removeEventListener("abort", end);
      resolve();
    };
    const cancel = clock.setTimer(ms, end);
    signal.addEventListener("abort", end);
  });
}
