import { create } from "@bufbuild/protobuf";
import type { QueueMessage, QueueMessagePolicy } from "../../../gen/kubemq_pb.js";
import { QueueMessageAttributesSchema, QueueMessagePolicySchema, QueueMessageSchema } from "../../../gen/kubemq_pb.js";
import type { Content, Message, Partitioning, Policy } from "./model/message.js";
import { maxReceiveCount } from "./model/store.js";

const noTags: Readonly<Record<string, string>> = {};
const usualPolicy: Policy = { expirationSeconds: 0, maxReceiveCount, maxReceiveQueue: "" };

/**
 * The stored content of a received message. Attributes are assigned by the broker, so those given
 * are dropped.
 */
export function contentOf(message: QueueMessage, messageId: string): Content {
  const { ClientID: clientId, Metadata: metadata } = message;
  const body = own(message.Body);
  return {
    messageId,
    clientId,
    metadata,
    body,
    // Most messages have neither; all of these share the same objects.
    tags: isEmpty(message.Tags) ? noTags : message.Tags,
    policy: policyOf(message.Policy),
    partitioning: partitioningOf(message),
    size: body.length + (metadata === "" ? 0 : Buffer.byteLength(metadata)),
  };
}

/** A message as delivered to its consumer. Counts this delivery. */
export function deliveryOf(queue: string, message: Message): QueueMessage {
  const { content } = message;
  const { policy, partitioning } = content;
  return create(QueueMessageSchema, {
    MessageID: content.messageId,
    ClientID: content.clientId,
    Channel: queue,
    Metadata: content.metadata,
    Body: content.body,
    Tags: { ...content.tags },
    Attributes: create(QueueMessageAttributesSchema, {
      Timestamp: message.timestamp,
      Sequence: BigInt(message.sequence),
      ReceiveCount: message.deliveries + 1,
      ReRouted: message.reroutedFrom !== "",
      ReRoutedFromQueue: message.reroutedFrom,
      ExpirationAt: message.expiresAt,
    }),
    Policy: create(QueueMessagePolicySchema, {
      ExpirationSeconds: policy.expirationSeconds,
      MaxReceiveCount: policy.maxReceiveCount,
      MaxReceiveQueue: policy.maxReceiveQueue,
    }),
    ...(partitioning && {
      Topic: partitioning.topic,
      Partition: partitioning.partition,
      PartitionKey: partitioning.partitionKey,
    }),
  });
}

function policyOf(policy: QueueMessagePolicy | undefined): Policy {
  if (policy === undefined) return usualPolicy;
  const { ExpirationSeconds: expirationSeconds, MaxReceiveQueue: maxReceiveQueue } = policy;
  if (expirationSeconds === 0 && policy.MaxReceiveCount === 0 && maxReceiveQueue === "") return usualPolicy;
  const count = policy.MaxReceiveCount === 0 ? maxReceiveCount : policy.MaxReceiveCount;
  return { expirationSeconds, maxReceiveCount: count, maxReceiveQueue };
}

function partitioningOf(message: QueueMessage): Partitioning | undefined {
  const { Topic: topic, Partition: partition, PartitionKey: partitionKey } = message;
  return topic === "" && partition === 0 && partitionKey === "" ? undefined : { topic, partition, partitionKey };
}

/**
 * A decoded body is a view of its request: if it were stored as it is, one message would retain the
 * memory of the whole batch. Small copies come from Node's pool, which is cheaper than a buffer
 * each.
 */
function own(body: Uint8Array): Uint8Array {
  return body.length * 2 > body.buffer.byteLength ? body : Buffer.from(body);
}

function isEmpty(tags: object): boolean {
  for (const _ in tags) return false;
  return true;
}
