import { create, toBinary } from "@bufbuild/protobuf";
import {
  AckAllQueueMessagesRequestSchema,
  QueueMessageSchema,
  QueueMessagesBatchRequestSchema,
  QueuesDownstreamRequestSchema,
  QueuesDownstreamRequestType,
  QueuesInfoRequestSchema,
  QueuesUpstreamRequestSchema,
  ReceiveQueueMessagesRequestSchema,
  StreamQueueMessagesRequestSchema,
  StreamRequestType,
  kubemq,
  type AckAllQueueMessagesRequest,
  type QueueMessage as WireQueueMessage,
  type QueueMessagesBatchRequest,
  type QueuesDownstreamRequest,
  type QueuesDownstreamResponse,
  type QueuesInfoRequest,
  type QueuesInfoResponse,
  type QueuesUpstreamRequest,
  type QueuesUpstreamResponse,
  type ReceiveQueueMessagesRequest,
  type SendQueueMessageResult,
  type StreamQueueMessagesRequest,
  type StreamQueueMessagesResponse,
} from "../../gen/kubemq_pb.js";
import type { Codec } from "../codec.js";
import { IncomingMessage, type Outgoing } from "../message.js";
import type { QueueMessage, QueuePolicy, QueuesInfo, SendResult } from "../queue-message.js";
import type { Subject } from "./check.js";
import { fault, serverError } from "./fault.js";
import { newId } from "./wire.js";

/** Queues: protobuf to public types and back. */

export const sendQueueMessageMethod = kubemq.method.sendQueueMessage;
export const sendQueueMessagesBatchMethod = kubemq.method.sendQueueMessagesBatch;
export const receiveQueueMessagesMethod = kubemq.method.receiveQueueMessages;
export const ackAllQueueMessagesMethod = kubemq.method.ackAllQueueMessages;
export const queuesInfoMethod = kubemq.method.queuesInfo;
export const queuesDownstreamMethod = kubemq.method.queuesDownstream;
export const queuesUpstreamMethod = kubemq.method.queuesUpstream;
export const streamQueueMessageMethod = kubemq.method.streamQueueMessage;

export type {
  QueuesDownstreamRequest as WireDownstreamRequest,
  QueuesDownstreamResponse as WireDownstreamResponse,
  QueuesUpstreamRequest as WireUpstreamRequest,
  QueuesUpstreamResponse as WireUpstreamResponse,
  StreamQueueMessagesRequest as WireLeaseRequest,
  StreamQueueMessagesResponse as WireLeaseResponse,
  WireQueueMessage,
};

export function queueMessageOf(
  clientId: string,
  message: Outgoing,
  body: Uint8Array,
  policy: QueuePolicy | undefined,
): WireQueueMessage {
  return create(QueueMessageSchema, {
    MessageID: message.id ?? newId(),
    ClientID: clientId,
    Channel: message.channel,
    Metadata: message.metadata ?? "",
    Body: body,
    Tags: message.tags === undefined ? {} : { ...message.tags },
    ...(policy === undefined ? {} : { Policy: policyOf(policy) }),
  });
}

function policyOf({ expirationSeconds, delaySeconds, deadLetter }: QueuePolicy) {
  return {
    ExpirationSeconds: expirationSeconds ?? 0,
    DelaySeconds: delaySeconds ?? 0,
    MaxReceiveCount: deadLetter?.maxReceiveCount ?? 0,
    MaxReceiveQueue: deadLetter?.queue ?? "",
  };
}

/** How many bytes a message takes. */
export function exactQueueMessageSize(message: WireQueueMessage): number {
  return toBinary(QueueMessageSchema, message).length;
}

/** About how many bytes a message takes, not less. */
export function queueMessageSize(message: WireQueueMessage): number {
  const texts =
    message.Metadata.length + message.Channel.length + message.MessageID.length + message.ClientID.length + 256;
  let size = message.Body.length + 3 * texts;
  for (const key in message.Tags) size += 3 * (key.length + (message.Tags[key]?.length ?? 0)) + 16;
  return size;
}

/** What became of a message; the server's own flags above the single results are not to be trusted. */
export function sendResult(
  result: SendQueueMessageResult | undefined,
  sent: WireQueueMessage,
  operation: string,
): SendResult {
  const subject = { operation, channel: sent.Channel };
  const id = result?.MessageID || sent.MessageID;
  if (result === undefined) {
    return {
      ok: false,
      id,
      error: fault("PROTOCOL", subject, "the server gave no result for this message, it may be stored"),
    };
  }
  if (result.IsError || result.Error !== "") {
    return { ok: false, id, error: serverError(result.Error || "refused without a reason", subject) };
  }
  return {
    ok: true,
    id,
    sentAt: dateOf(result.SentAt),
    ...(result.ExpirationAt > 0n ? { expiresAt: dateOf(result.ExpirationAt) } : {}),
    ...(result.DelayedTo > 0n ? { delayedTo: dateOf(result.DelayedTo) } : {}),
  };
}

export function batchRequest(messages: WireQueueMessage[]): QueueMessagesBatchRequest {
  return create(QueueMessagesBatchRequestSchema, { BatchID: newId(), Messages: messages });
}

export function upstreamRequest(id: string, messages: WireQueueMessage[]): QueuesUpstreamRequest {
  return create(QueuesUpstreamRequestSchema, { RequestID: id, Messages: messages });
}

export function receiveRequest(
  clientId: string,
  channel: string,
  max: number,
  waitSeconds: number,
  peek: boolean,
): ReceiveQueueMessagesRequest {
  return create(ReceiveQueueMessagesRequestSchema, {
    RequestID: newId(),
    ClientID: clientId,
    Channel: channel,
    MaxNumberOfMessages: max,
    WaitTimeSeconds: waitSeconds,
    IsPeak: peek,
  });
}

export function ackAllRequest(clientId: string, channel: string, waitSeconds: number): AckAllQueueMessagesRequest {
  return create(AckAllQueueMessagesRequestSchema, {
    RequestID: newId(),
    ClientID: clientId,
    Channel: channel,
    WaitTimeSeconds: waitSeconds,
  });
}

export function infoRequest(queue: string): QueuesInfoRequest {
  return create(QueuesInfoRequestSchema, { RequestID: newId(), QueueName: queue });
}

export function queuesInfo({ Info }: QueuesInfoResponse): QueuesInfo {
  const queues = (Info?.Queues ?? []).map((queue) => ({
    name: queue.Name,
    messages: Number(queue.Messages),
    bytes: Number(queue.Bytes),
    firstSequence: queue.FirstSequence,
    lastSequence: queue.LastSequence,
    waiting: Number(queue.Waiting),
    subscribers: Number(queue.Subscribers),
  }));
  return { total: Info?.TotalQueue ?? 0, queues };
}

/** How many messages wait in one queue, those that consumers hold included; undefined when the server does not list it. */
export function waitingIn({ Info }: QueuesInfoResponse, queue: string): number | undefined {
  const found = Info?.Queues.find(({ Name }) => Name === queue);
  return found === undefined ? undefined : Number(found.Waiting);
}

export function getRequest(
  id: string,
  clientId: string,
  channel: string,
  max: number,
  waitMs: number,
  autoAck: boolean,
): QueuesDownstreamRequest {
  return create(QueuesDownstreamRequestSchema, {
    RequestID: id,
    ClientID: clientId,
    RequestTypeData: QueuesDownstreamRequestType.Get,
    Channel: channel,
    MaxItems: max,
    WaitTimeout: waitMs,
    AutoAck: autoAck,
  });
}

/** How a message is settled. */
export type SettleKind = "ack" | "reject" | "requeue";

const rangeTypes = {
  ack: QueuesDownstreamRequestType.AckRange,
  reject: QueuesDownstreamRequestType.NAckRange,
  requeue: QueuesDownstreamRequestType.ReQueueRange,
} as const;

/** Ranges always, never the requests for all: those requeue in random order, and would settle what was not seen here. */
export function settleRequest(
  id: string,
  clientId: string,
  transaction: string,
  kind: SettleKind,
  sequences: bigint[],
  channel: string,
): QueuesDownstreamRequest {
  return create(QueuesDownstreamRequestSchema, {
    RequestID: id,
    ClientID: clientId,
    RequestTypeData: rangeTypes[kind],
    RefTransactionId: transaction,
    SequenceRange: sequences,
    ReQueueChannel: channel,
  });
}

export function activeOffsetsRequest(id: string, clientId: string, transaction: string): QueuesDownstreamRequest {
  return create(QueuesDownstreamRequestSchema, {
    RequestID: id,
    ClientID: clientId,
    RequestTypeData: QueuesDownstreamRequestType.ActiveOffsets,
    RefTransactionId: transaction,
  });
}

export function closeRequest(id: string, clientId: string, transaction: string): QueuesDownstreamRequest {
  return create(QueuesDownstreamRequestSchema, {
    RequestID: id,
    ClientID: clientId,
    RequestTypeData: QueuesDownstreamRequestType.CloseByClient,
    RefTransactionId: transaction,
  });
}

/** What kind of answer came on QueuesDownstream. */
export function downstreamAnswer(response: QueuesDownstreamResponse): "poll" | "end" | "other" {
  if (response.RequestTypeData === QueuesDownstreamRequestType.Get) return "poll";
  return response.RequestTypeData === QueuesDownstreamRequestType.CloseByServer ? "end" : "other";
}

/** What is asked on StreamQueueMessage of the message that is held. */
export type LeaseAsk =
  | {
      readonly kind: "receive";
      readonly channel: string;
      readonly visibilitySeconds: number;
      readonly waitSeconds: number;
    }
  | { readonly kind: "ack"; readonly sequence: bigint }
  | { readonly kind: "reject"; readonly sequence: bigint }
  | { readonly kind: "requeue"; readonly sequence: bigint; readonly channel: string }
  | { readonly kind: "extend"; readonly sequence: bigint; readonly visibilitySeconds: number }
  | { readonly kind: "replace"; readonly sequence: bigint; readonly message: WireQueueMessage };

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

/** A received message of a queue; what holds it open adds the settle methods. */
export class ReceivedQueueMessage<T> extends IncomingMessage<T> implements QueueMessage<T> {
  readonly sequence: bigint;
  readonly receiveCount: number;
  readonly timestampNanos: bigint;
  readonly reroutedFrom?: string;
  readonly expiresAt?: Date;
  readonly delayedTo?: Date;

  constructor(wire: WireQueueMessage, codec: Codec<T> | undefined) {
    super(
      { id: wire.MessageID, channel: wire.Channel, metadata: wire.Metadata, tags: wire.Tags, body: wire.Body },
      codec,
    );
    const attributes = wire.Attributes;
    this.sequence = attributes?.Sequence ?? 0n;
    this.receiveCount = attributes?.ReceiveCount ?? 0;
    this.timestampNanos = attributes?.Timestamp ?? 0n;
    if (attributes === undefined) return;
    if (attributes.ReRouted) this.reroutedFrom = attributes.ReRoutedFromQueue;
    if (attributes.ExpirationAt > 0n) this.expiresAt = dateOf(attributes.ExpirationAt);
    if (attributes.DelayedTo > 0n) this.delayedTo = dateOf(attributes.DelayedTo);
  }

  get timestamp(): Date {
    return dateOf(this.timestampNanos);
  }

  override toJSON(): Record<string, unknown> {
    const { sequence, receiveCount, timestamp, timestampNanos, reroutedFrom, expiresAt, delayedTo } = this;
    return {
      ...super.toJSON(),
      sequence: String(sequence),
      timestamp: timestamp.toISOString(),
      timestampNanos: String(timestampNanos),
      receiveCount,
      ...(reroutedFrom === undefined ? {} : { reroutedFrom }),
      ...(expiresAt === undefined ? {} : { expiresAt: expiresAt.toISOString() }),
      ...(delayedTo === undefined ? {} : { delayedTo: delayedTo.toISOString() }),
    };
  }
}

/** Servers can show one message twice in one answer, when polls begin at the same moment. */
export function withoutRepeats(messages: readonly WireQueueMessage[]): readonly WireQueueMessage[] {
  if (messages.length < 2) return messages;
  const seen = new Set<bigint>();
  const once = messages.filter(({ Attributes }) => {
    const sequence = Attributes?.Sequence ?? 0n;
    return !seen.has(sequence) && seen.add(sequence);
  });
  return once.length === messages.length ? messages : once;
}

/** The check of a subject's request for what the server put in place of an answer. */
export function refusalIn(answer: { IsError: boolean; Error: string }, subject: Subject): Error | undefined {
  return answer.IsError ? serverError(answer.Error || "refused without a reason", subject) : undefined;
}

function dateOf(nanos: bigint): Date {
  return new Date(Number(nanos / 1_000_000n));
}
