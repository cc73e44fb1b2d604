import {
  create,
  type EventReceive,
  type Subscribe,
  Subscribe_SubscribeType,
  SubscribeSchema,
  Subscribe_EventsStoreType as Type,
} from "../../gen/kubemq_lazy.js";
import type { Decoder } from "../api/codec.js";
import type { StoredEvent } from "../api/events.js";
import { IncomingMessage } from "../support/message/incoming-message.js";
import { dateOf } from "../support/time/time.js";
import type { Start } from "./start.js";
import { partsOf } from "./wire.js";

/** Converts stored events between protobuf and the public types. */

export function storeSubscription(clientId: string, channel: string, group: string, start: Start): Subscribe {
  const [type, value] = wireStart(start);
  return create(SubscribeSchema, {
    SubscribeTypeData: Subscribe_SubscribeType.EventsStore,
    ClientID: clientId,
    Channel: channel,
    Group: group,
    EventsStoreTypeData: type,
    EventsStoreTypeValue: value,
  });
}

/** Sequences are unchanged, times are in nanoseconds since 1970, time differences in seconds. */
function wireStart(start: Start): [Type, bigint] {
  switch (start.from) {
    case "new":
      return [Type.StartNewOnly, 0n];
    case "first":
      return [Type.StartFromFirst, 0n];
    case "last":
      return [Type.StartFromLast, 0n];
    case "sequence":
      return [Type.StartAtSequence, start.sequence];
    case "time":
      return [Type.StartAtTime, start.nanos];
    case "timeDelta":
      return [Type.StartAtTimeDelta, BigInt(start.seconds)];
    default:
      return start satisfies never;
  }
}

export function storedEvent<T>(wire: EventReceive, codec: Decoder<T> | undefined): StoredEvent<T> {
  return new ReceivedStoredEvent(wire, codec);
}

class ReceivedStoredEvent<T> extends IncomingMessage<T> implements StoredEvent<T> {
  readonly sequence: bigint;
  readonly timestampNanos: bigint;
  #timestamp: Date | undefined;

  constructor(wire: EventReceive, codec: Decoder<T> | undefined) {
    super(partsOf(wire), codec);
    this.sequence = wire.Sequence;
    this.timestampNanos = wire.Timestamp;
  }

  get timestamp(): Date {
    this.#timestamp ??= dateOf(this.timestampNanos);
    return this.#timestamp;
  }

  override toJSON(): Record<string, unknown> {
    return {
      ...super.toJSON(),
      sequence: this.sequence.toString(),
      timestamp: this.timestamp.toISOString(),
      timestampNanos: this.timestampNanos.toString(),
    };
  }

  protected override get shownType(): string {
    return "StoredEvent";
  }

  protected override shownProperties(): Record<string, unknown> {
    const { sequence, timestamp } = this;
    return { sequence, timestamp };
  }
}
