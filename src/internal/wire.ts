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

/** Protobuf to public types and back: the room where generated field names are. */

export const pingMethod = kubemq.method.ping;
export const sendEventMethod = kubemq.method.sendEvent;
export const sendEventsStreamMethod = kubemq.method.sendEventsStream;
export const subscribeToEventsMethod = kubemq.method.subscribeToEvents;

export type { Event as WireEvent, EventReceive as WireEventReceive, Result as WireResult, Subscribe as WireSubscribe };

export function pingRequest(): Empty {
  return create(EmptySchema);
}

export function serverInfo(result: PingResult): ServerInfo {
  return {
    host: result.Host,
    version: result.Version,
    startedAt: new Date(Number(result.ServerStartTime) * 1000),
    uptimeSeconds: Number(result.ServerUpTimeSeconds),
  };
}

const idBase = crypto.randomUUID().replaceAll("-", "").slice(0, 20);
let idCount = 0;

/** An id that no other message has: random for this process, counted in it, since a random one each costs more than the rest of a send. */
export function newId(): string {
  idCount += 1;
  return `${idBase}-${idCount.toString(36)}`;
}

/** The one request of a server stream. */
export async function* once<T>(request: T): AsyncGenerator<T> {
  yield request;
}

/** What became of an event: its id, and the server's refusal if it refused. */
export function resultOf(result: Result): { id: string; error: string | undefined } {
  const refused = !result.Sent || result.Error !== "";
  return { id: result.EventID, error: refused ? result.Error || "refused without a reason" : undefined };
}

/** An event that every server refuses, since it has no channel. Its answer says that what was sent before it was processed. */
export function fenceOf(clientId: string, id: string): Event {
  return create(EventSchema, { EventID: id, ClientID: clientId });
}

/** How many bytes an event takes. */
export function exactSize(event: Event): number {
  return toBinary(EventSchema, event).length;
}

/** About how many bytes an event takes, not less. */
export function wireSize(event: Event): number {
  let size =
    event.Body.length +
    3 * (event.Metadata.length + event.Channel.length + event.EventID.length + event.ClientID.length) +
    64;
  for (const key in event.Tags) size += 3 * (key.length + (event.Tags[key]?.length ?? 0)) + 16;
  return size;
}

export function eventOf(clientId: string, message: Outgoing, body: Uint8Array, store: boolean): Event {
  return create(EventSchema, {
    EventID: message.id ?? newId(),
    ClientID: clientId,
    Channel: message.channel,
    Metadata: message.metadata ?? "",
    Body: body,
    Store: store,
    Tags: { ...message.tags },
  });
}

export function eventsSubscription(clientId: string, channel: string, group: string): Subscribe {
  return create(SubscribeSchema, {
    SubscribeTypeData: Subscribe_SubscribeType.Events,
    ClientID: clientId,
    Channel: channel,
    Group: group,
  });
}

export function eventMessage<T>(wire: EventReceive, codec: Codec<T> | undefined): EventMessage<T> {
  return new ReceivedEvent(wire, codec, new Date());
}

class ReceivedEvent<T> extends IncomingMessage<T> implements EventMessage<T> {
  readonly receivedAt: Date;

  constructor(wire: EventReceive, codec: Codec<T> | undefined, receivedAt: Date) {
    super(
      { id: wire.EventID, channel: wire.Channel, metadata: wire.Metadata, tags: wire.Tags, body: wire.Body },
      codec,
    );
    this.receivedAt = receivedAt;
  }

  override toJSON(): Record<string, unknown> {
    return { ...super.toJSON(), receivedAt: this.receivedAt.toISOString() };
  }
}
