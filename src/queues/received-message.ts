import type { Decoder } from "../api/codec.js";
import type { QueueMessage, QueuePolicy } from "../api/queues/message.js";
import { IncomingMessage } from "../support/message/incoming-message.js";
import { dateOf } from "../support/time/time.js";
import { hasInvalidText } from "../transport/index.js";
import type { WireQueueMessage } from "./wire.js";

/** A received queue message. Subclasses for held messages add the settle methods. */
export class ReceivedQueueMessage<T> extends IncomingMessage<T> implements QueueMessage<T> {
  readonly sequence: bigint;
  readonly receiveCount: number;
  readonly timestampNanos: bigint;
  readonly reroutedFrom?: string;
  readonly expiresAt?: Date;
  readonly delayedTo?: Date;
  readonly policy?: QueuePolicy;

  constructor(wire: WireQueueMessage, codec: Decoder<T> | undefined) {
    super(
      {
        id: wire.MessageID,
        channel: wire.Channel,
        metadata: wire.Metadata,
        tags: wire.Tags,
        body: wire.Body,
        hasInvalidText: hasInvalidText(wire),
      },
      codec,
    );
    const policy = policyOf(wire.Policy);
    if (policy !== undefined) this.policy = policy;
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
    const { sequence, receiveCount, timestamp, timestampNanos, reroutedFrom, expiresAt, delayedTo, policy } = this;
    return {
      ...super.toJSON(),
      sequence: String(sequence),
      timestamp: timestamp.toISOString(),
      timestampNanos: String(timestampNanos),
      receiveCount,
      ...(reroutedFrom === undefined ? {} : { reroutedFrom }),
      ...(expiresAt === undefined ? {} : { expiresAt: expiresAt.toISOString() }),
      ...(delayedTo === undefined ? {} : { delayedTo: delayedTo.toISOString() }),
      ...(policy === undefined ? {} : { policy }),
    };
  }

  protected override get shownType(): string {
    return "QueueMessage";
  }

  protected override shownProperties(): Record<string, unknown> {
    const { sequence, receiveCount, timestamp, reroutedFrom, expiresAt, delayedTo, policy } = this;
    return { sequence, receiveCount, timestamp, reroutedFrom, expiresAt, delayedTo, policy };
  }
}

/** The policy of a received message; undefined for the usual one. */
function policyOf(wire: WireQueueMessage["Policy"]): QueuePolicy | undefined {
  if (wire === undefined || (wire.ExpirationSeconds === 0 && wire.MaxReceiveQueue === "")) return undefined;
  const { ExpirationSeconds: expirationSeconds, MaxReceiveQueue: queue, MaxReceiveCount: maxReceiveCount } = wire;
  return {
    ...(expirationSeconds > 0 && { expirationSeconds }),
    ...(queue !== "" && { deadLetter: { queue, maxReceiveCount } }),
  };
}

/**
 * Removes duplicates. A server can return a message twice in one answer when polls start at the
 * same time.
 */
export function withoutRepeats(messages: readonly WireQueueMessage[]): readonly WireQueueMessage[] {
  if (isAscending(messages)) return messages; // the usual case, without a set
  const seen = new Set<bigint>();
  const once = messages.filter(({ Attributes }) => {
    const sequence = Attributes?.Sequence ?? 0n;
    return !seen.has(sequence) && seen.add(sequence);
  });
  return once.length === messages.length ? messages : once;
}

function isAscending(messages: readonly WireQueueMessage[]): boolean {
  let last = -1n;
  for (const { Attributes } of messages) {
    const sequence = Attributes?.Sequence ?? 0n;
    if (sequence <= last) return false;
    last = sequence;
  }
  return true;
}
