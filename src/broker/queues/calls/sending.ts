import { create } from "@bufbuild/protobuf";
import type { QueueMessage, SendQueueMessageResult } from "../../../../gen/kubemq_pb.js";
import { SendQueueMessageResultSchema } from "../../../../gen/kubemq_pb.js";
import { checkMessage } from "../checks.js";
import type { QueueStore } from "../model/store.js";
import { contentOf } from "../wire.js";

/** The answer to a sent message, and the refusal, if any. */
export interface Sent {
  readonly result: SendQueueMessageResult;
  readonly refusedBy: "nobody" | "check" | "store";
}

/** Sends a message received from a client. Even a refused one gets a MessageID. */
export function sendMessage(store: QueueStore, message: QueueMessage, newId: () => string): Sent {
  const messageId = message.MessageID === "" ? newId() : message.MessageID;
  const refusal = checkMessage(message, store.longestDelaySeconds);
  if (refusal !== undefined) return { result: refusedResult(messageId, refusal), refusedBy: "check" };
  const delaySeconds = message.Policy?.DelaySeconds ?? 0;
  const sending = store.send(message.Channel, contentOf(message, messageId), delaySeconds);
  if (sending.is === "refused") return { result: refusedResult(messageId, sending.text), refusedBy: "store" };
  const result = create(SendQueueMessageResultSchema, {
    MessageID: messageId,
    SentAt: sending.sentAt,
    ExpirationAt: sending.expiresAt,
    DelayedTo: sending.delayedTo,
  });
  return { result, refusedBy: "nobody" };
}

const refusedResult = (messageId: string, text: string): SendQueueMessageResult =>
  create(SendQueueMessageResultSchema, { MessageID: messageId, IsError: true, Error: text });
