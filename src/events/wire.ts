import { create, toBinary } from "@bufbuild/protobuf";
import {
  type Event,
  type EventReceive,
  EventSchema,
  kubemq,
  type Result,
  type Subscribe,
  Subscribe_SubscribeType,
  SubscribeSchema,
} from "../../gen/kubemq_pb.js";
import type { Codec } from "../api/codec.js";
import type { EventMessage } from "../api/events.js";
import type { Outgoing } from "../api/message.js";
import { checkSize } from "../support/checks.js";
import { newId } from "../support/message/ids.js";
import { IncomingMessage } from "../support/message/incoming-message.js";
import { tagsOf, tagsSize } from "../support/message/tags.js";
import { hasInvalidText } from "../transport/index.js";

export const sendEventMethod = kubemq.method.sendEvent;

export const sendEventsStreamMethod = kubemq.method.sendEventsStream;

export const subscribeToEventsMethod = kubemq.method.subscribeToEvents;

export type { Event as WireEvent, EventReceive as WireEventReceive, Result as WireResult, Subscribe as WireSubscribe };

/** The reason for which the server refused an event, which may be empty; undefined when it took the event. */
export function refusalOf(result: Result): string | undefined {
  return result.Sent && result.Error === "" ? undefined : result.Error;
}

/** About how many bytes an event takes, not less. */
export function wireSize(event: Event): number {
  const texts = event.Metadata.length + event.Channel.length + event.EventID.length + event.ClientID.length;
  return event.Body.length + 3 * texts + 64 + tagsSize(event.Tags);
}

/** Refuses an event that the server would refuse as too large; `size` is what {@link wireSize} gives. */
export function checkEventSize(operation: string, event: Event, size: number, maxMessageBytes: number): void {
  if (size <= maxMessageBytes) return; // nearly always, and without making anything
  checkSize({ operation, channel: event.Channel }, size, () => toBinary(EventSchema, event).length, maxMessageBytes);
}

export function eventOf(clientId: string, message: Outgoing, body: Uint8Array, store: boolean): Event {
  // Not by create(), which costs half as much as all the rest of a send.
  return {
    $typeName: EventSchema.typeName,
    EventID: message.id ?? newId(),
    ClientID: clientId,
    Channel: message.channel,
    Metadata: message.metadata ?? "",
    Body: body,
    Store: store,
    Tags: tagsOf(message.tags),
  };
}

export function eventsSubscription(clientId: string, channel: string, group: string): Subscribe {
  return create(SubscribeSchema, {
    SubscribeTypeData: Subscribe_SubscribeType.Events,
    ClientID: clientId,
    Channel: channel,
    Group: group,
  });
}

export function eventMessage<T>(wire: EventReceive, codec: Codec<T> | undefined, receivedMs: number): EventMessage<T> {
  return new ReceivedEvent(wire, codec, receivedMs);
}

class ReceivedEvent<T> extends IncomingMessage<T> implements EventMessage<T> {
  /** Becomes a date when it is read, which most loops never do. */
  #received: number | Date;

  constructor(wire: EventReceive, codec: Codec<T> | undefined, receivedMs: number) {
    super(
      {
        id: wire.EventID,
        channel: wire.Channel,
        metadata: wire.Metadata,
        tags: wire.Tags,
        body: wire.Body,
        hasInvalidText: hasInvalidText(wire),
      },
      codec,
    );
    this.#received = receivedMs;
  }

  get receivedAt(): Date {
    if (typeof this.#received === "number") this.#received = new Date(this.#received);
    return this.#received;
  }

  override toJSON(): Record<string, unknown> {
    return { ...super.toJSON(), receivedAt: this.receivedAt.toISOString() };
  }
}
