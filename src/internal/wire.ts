import { create, toBinary } from "@bufbuild/protobuf";
import {
  EmptySchema,
  EventSchema,
  SubscribeSchema,
  Subscribe_SubscribeType,
  kubemq,
  type Empty,
  type Event,
  type EventReceive,
  type PingResult,
  type Result,
  type Subscribe,
} from "../../gen/kubemq_pb.js";
import type { Codec } from "../codec.js";
import type { EventMessage } from "../events.js";
import { IncomingMessage, type Outgoing } from "../message.js";
import type { ServerInfo } from "../server-info.js";
import { checkSize } from "./check.js";
import { newId } from "./ids.js";

/** Protobuf to public types and back: the room where generated field names are. */

export const pingMethod = kubemq.method.ping;
export const sendEventMethod = kubemq.method.sendEvent;
export const sendEventsStreamMethod = kubemq.method.sendEventsStream;
export const subscribeToEventsMethod = kubemq.method.subscribeToEvents;

export type { Event as WireEvent, EventReceive as WireEventReceive, Result as WireResult, Subscribe as WireSubscribe };

/** Never changed: one for all pings. */
export const pingRequest: Empty = create(EmptySchema);

export function serverInfo(result: PingResult): ServerInfo {
  return {
    host: result.Host,
    version: result.Version,
    startedAt: new Date(Number(result.ServerStartTime) * 1000),
    uptimeSeconds: Number(result.ServerUpTimeSeconds),
  };
}

/** The one request of a server stream. */
export async function* once<T>(request: T): AsyncGenerator<T> {
  yield request;
}

/** Why the server refused an event, if it did; it may say so without a reason. */
export function refusalOf(result: Result): string | undefined {
  return result.Sent && result.Error === "" ? undefined : result.Error;
}

/** An event that every server refuses, since it has no channel. Its answer says that what was sent before it was processed. */
export function fenceOf(clientId: string, id: string): Event {
  return create(EventSchema, { EventID: id, ClientID: clientId });
}

/** About how many bytes an event takes, not less. */
export function wireSize(event: Event): number {
  const texts = event.Metadata.length + event.Channel.length + event.EventID.length + event.ClientID.length;
  return event.Body.length + 3 * texts + 64 + tagsSize(event.Tags);
}

/** Most messages have none: one object for them all, never changed, saves an eighth of a small send. */
const noTags: Record<string, string> = {};

/** Tags as they are sent: a copy, for the caller may change the object that it gave. */
export function tagsOf(tags: Readonly<Record<string, string>> | undefined): Record<string, string> {
  return tags === undefined ? noTags : { ...tags };
}

/** About how many bytes tags take, not less. */
export function tagsSize(tags: Readonly<Record<string, string>>): number {
  if (tags === noTags) return 0;
  let size = 0;
  for (const key in tags) size += 3 * (key.length + (tags[key]?.length ?? 0)) + 16;
  return size;
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
  /** A date is made when it is asked for: most loops never do. */
  #received: number | Date;

  constructor(wire: EventReceive, codec: Codec<T> | undefined, receivedMs: number) {
    super(
      { id: wire.EventID, channel: wire.Channel, metadata: wire.Metadata, tags: wire.Tags, body: wire.Body },
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
