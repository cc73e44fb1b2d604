import {
  create,
  type AckAllQueueMessagesRequest,
  AckAllQueueMessagesRequestSchema,
  kubemq,
  type QueueInfo,
  type QueueMessagesBatchRequest,
  QueueMessagesBatchRequestSchema,
  QueueMessagePolicySchema,
  QueueMessageSchema,
  type QueuesInfoRequest,
  QueuesInfoRequestSchema,
  type QueuesInfoResponse,
  type QueuesUpstreamRequest,
  type QueuesUpstreamResponse,
  type ReceiveQueueMessagesRequest,
  ReceiveQueueMessagesRequestSchema,
  type SendQueueMessageResult,
  type QueueMessage as WireQueueMessage,
} from "../../gen/kubemq_lazy.js";
import type { Outgoing } from "../api/message.js";
import type { QueuePolicy, QueuesInfo, SendResult } from "../api/queues/message.js";
import type { Subject } from "../support/checks.js";
import { fault, serverError } from "../support/faults.js";
import { newId } from "../support/message/ids.js";
import { tagsOf, tagsSize } from "../support/message/tags.js";
import { dateOf } from "../support/time/time.js";
import { encodedSize } from "../transport/index.js";

/** Converts queue messages, except those of consumers, between protobuf and the public types. */

export const sendQueueMessageMethod = kubemq.method.sendQueueMessage;

export const sendQueueMessagesBatchMethod = kubemq.method.sendQueueMessagesBatch;

export const receiveQueueMessagesMethod = kubemq.method.receiveQueueMessages;

export const ackAllQueueMessagesMethod = kubemq.method.ackAllQueueMessages;

export const queuesInfoMethod = kubemq.method.queuesInfo;

export const queuesUpstreamMethod = kubemq.method.queuesUpstream;

export type {
  QueuesUpstreamRequest as WireUpstreamRequest,
  QueuesUpstreamResponse as WireUpstreamResponse,
  WireQueueMessage,
};

export function queueMessageOf(
  clientId: string,
  message: Outgoing,
  body: Uint8Array,
  policy: QueuePolicy | undefined,
): WireQueueMessage {
  // Not `create()`: it costs as much as the rest of a small send.
  return {
    $typeName: "kubemq.QueueMessage",
    MessageID: message.id ?? newId(),
    ClientID: clientId,
    Channel: message.channel,
    Metadata: message.metadata ?? "",
    Body: body,
    Tags: tagsOf(message.tags),
    Attributes: undefined,
    Policy: policy === undefined ? undefined : create(QueueMessagePolicySchema, policyOf(policy)),
    Topic: "",
    Partition: 0,
    PartitionKey: "",
  };
}

function policyOf({ expirationSeconds, delaySeconds, deadLetter }: QueuePolicy) {
  return {
    ExpirationSeconds: expirationSeconds ?? 0,
    DelaySeconds: delaySeconds ?? 0,
    MaxReceiveCount: deadLetter?.maxReceiveCount ?? 0,
    MaxReceiveQueue: deadLetter?.queue ?? "",
  };
}

/** Encoded size of a message, in bytes. */
export function exactQueueMessageSize(message: WireQueueMessage): number {
  return encodedSize(QueueMessageSchema, message);
}

/** Upper estimate of the encoded size of a message, in bytes. */
export function queueMessageSize(message: WireQueueMessage): number {
  const texts =
    message.Metadata.length + message.Channel.length + message.MessageID.length + message.ClientID.length + 256;
  return message.Body.length + 3 * texts + tagsSize(message.Tags);
}

/**
 * The outcome of one message. Ignores the flags above the single results, because servers set them
 * incorrectly.
 */
export function sendResult(
  result: SendQueueMessageResult | undefined,
  sent: WireQueueMessage,
  operation: string,
): SendResult {
  const id = result?.MessageID || sent.MessageID;
  if (result === undefined) {
    return {
      ok: false,
      id,
      error: fault(
        "PROTOCOL",
        subjectOf(sent, operation),
        "the server returned no result for this message, which may be stored",
      ),
    };
  }
  if (result.IsError || result.Error !== "") {
    return { ok: false, id, error: serverError(result.Error, subjectOf(sent, operation)) };
  }
  const sentAt = dateOf(result.SentAt);
  if (result.ExpirationAt === 0n && result.DelayedTo === 0n) return { ok: true, id, sentAt };
  return {
    ok: true,
    id,
    sentAt,
    ...(result.ExpirationAt > 0n ? { expiresAt: dateOf(result.ExpirationAt) } : {}),
    ...(result.DelayedTo > 0n ? { delayedTo: dateOf(result.DelayedTo) } : {}),
  };
}

function subjectOf({ Channel: channel }: WireQueueMessage, operation: string): Subject {
  return { operation, channel };
}

export function batchRequest(messages: WireQueueMessage[]): QueueMessagesBatchRequest {
  return create(QueueMessagesBatchRequestSchema, { BatchID: newId(), Messages: messages });
}

export function upstreamRequest(id: string, messages: WireQueueMessage[]): QueuesUpstreamRequest {
  return { $typeName: "kubemq.QueuesUpstreamRequest", RequestID: id, Messages: messages };
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

/** Finds one queue in the server's list; undefined if it is not listed. */
export function queueIn({ Info }: QueuesInfoResponse, queue: string): QueueInfo | undefined {
  return Info?.Queues.find(({ Name }) => Name === queue);
}

/** Throws the error that the server returned instead of an answer. */
export function checkAnswer(answer: { readonly IsError: boolean; readonly Error: string }, subject: Subject): void {
  if (answer.IsError) throw serverError(answer.Error, subject);
}
