import {
  create,
  kubemq,
  type StreamQueueMessagesRequest,
  StreamQueueMessagesRequestSchema,
  type StreamQueueMessagesResponse,
  StreamRequestType,
  type QueueMessage as WireQueueMessage,
} from "../../../gen/kubemq_lazy.js";

/** StreamQueueMessage: one message under a visibility timer. */

export const streamQueueMessageMethod = kubemq.method.streamQueueMessage;

export type { StreamQueueMessagesRequest as WireLeaseRequest, StreamQueueMessagesResponse as WireLeaseResponse };

/** Requests about the held message on StreamQueueMessage. */
export type HeldAsk =
  | { readonly kind: "ack" | "reject"; readonly sequence: bigint }
  | { readonly kind: "requeue"; readonly sequence: bigint; readonly channel: string }
  | { readonly kind: "extend"; readonly sequence: bigint; readonly visibilitySeconds: number }
  | { readonly kind: "replace"; readonly sequence: bigint; readonly message: WireQueueMessage };

/** All requests on StreamQueueMessage: first for one message, then about it. */
export type LeaseAsk =
  | {
      readonly kind: "receive";
      readonly channel: string;
      readonly visibilitySeconds: number;
      readonly waitSeconds: number;
    }
  | HeldAsk;

const leaseTypes = {
  receive: StreamRequestType.ReceiveMessage,
  ack: StreamRequestType.AckMessage,
  reject: StreamRequestType.RejectMessage,
  requeue: StreamRequestType.ResendMessage,
  extend: StreamRequestType.ModifyVisibility,
  replace: StreamRequestType.SendModifiedMessage,
} as const;

export function leaseRequest(id: string, clientId: string, ask: LeaseAsk): StreamQueueMessagesRequest {
  return create(StreamQueueMessagesRequestSchema, {
    RequestID: id,
    ClientID: clientId,
    StreamRequestTypeData: leaseTypes[ask.kind],
    ...("channel" in ask ? { Channel: ask.channel } : {}),
    ...("visibilitySeconds" in ask ? { VisibilitySeconds: ask.visibilitySeconds } : {}),
    ...("waitSeconds" in ask ? { WaitTimeSeconds: ask.waitSeconds } : {}),
    ...("sequence" in ask ? { RefSequence: ask.sequence } : {}),
    ...("message" in ask ? { ModifiedMessage: ask.message } : {}),
  });
}
