import {
  create,
  type Event,
  type EventReceive,
  EventSchema,
  kubemq,
  type Result,
  type Subscribe,
  Subscribe_SubscribeType,
  SubscribeSchema,
} from "../../gen/kubemq_lazy.js";
import type { Decoder } from "../api/codec.js";
import type { EventMessage } from "../api/events.js";
import type { Outgoing } from "../api/message.js";
import { checkSize } from "../support/checks.js";
import { newId } from "../support/message/ids.js";
import { IncomingMessage, type IncomingParts } from "../support/message/incoming-message.js";
import { tagsOf, tagsSize } from "../support/message/tags.js";
import { encodedSize, hasInvalidText } from "../transport/index.js";

export const sendEventMethod = kubemq.method.sendEvent;

export const sendEventsStreamMethod = kubemq.method.sendEventsStream;

export const subscribeToEventsMethod = kubemq.method.subscribeToEvents;

export type { Event as WireEvent, EventReceive as WireEventReceive, Result as WireResult, Subscribe as WireSubscribe };

/** Returns the reason (possibly empty) of a refused event; undefined for an accepted event. */
export function refusalOf(result: Result): string | undefined {
  return result.Sent && result.Error === "" ? undefined : result.Error;
}

/** Upper estimate of the encoded size of an event, in bytes. */
export function wireSize(event: Event): number {
  const texts = event.Metadata.length + event.Channel.length + event.EventID.length + event.ClientID.length;
  return event.Body.length + 3 * texts + 64 + tagsSize(event.Tags);
}

/** Rejects an event that exceeds `maxMessageBytes`. `size` is the result of {@link wireSize}. */
export function checkEventSize(operation: string, event: Event, size: number, maxMessageBytes: number): void {
  if (size <= maxMessageBytes) return; // the usual case, without an allocation
  checkSize({ operation, channel: event.Channel }, size, () => encodedSize(EventSchema, event), maxMessageBytes);
}

export function eventOf(clientId: string, message: Outgoing, body: Uint8Array, store: boolean): Event {
  // Not `create()`: it costs half as much as the rest of a send.
  return {
    $typeName: "kubemq.Event",
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

export function eventMessage<T>(
  wire: EventReceive,
  codec: Decoder<T> | undefined,
  receivedMs: number,
): EventMessage<T> {
  return new ReceivedEvent(wire, codec, receivedMs);
}

/** Returns the parts that plain and stored events share. */
export function partsOf(wire: EventReceive): IncomingParts {
  return {
    id: wire.EventID,
    channel: wire.Channel,
    metadata: wire.Metadata,
    tags: wire.Tags,
    body: wire.Body,
    hasInvalidText: hasInvalidText(wire),
  };
}

class ReceivedEvent<T> extends IncomingMessage<T> implements EventMessage<T> {
  /** Converted to a Date on first access, because most loops never read it. */
  #received: number | Date;

  constructor(wire: EventReceive, codec: Decoder<T> | undefined, receivedMs: number) {
    super(partsOf(wire), codec);
    this.#received = receivedMs;
  }

  get receivedAt(): Date {
    if (typeof this.#received === "number") this.#received = new Date(this.#received);
    return this.#received;
  }

  override toJSON(): Record<string, unknown> {
    return { ...super.toJSON(), receivedAt: this.receivedAt.toISOString() };
  }

  protected override get shownType(): string {
    return "EventMessage";
  }
}
