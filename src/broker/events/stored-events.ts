import { create } from "@bufbuild/protobuf";
import type { Event, EventReceive, Subscribe } from "../../../gen/kubemq_pb.js";
import { EventReceiveSchema, Subscribe_EventsStoreType as Start } from "../../../gen/kubemq_pb.js";
import { ChannelBook } from "../channels/channel-book.js";
import { checkStoreClientId, checkStoreSubscription, isStorable } from "../channels/check.js";
import { ClientIds } from "../channels/client-ids.js";
import type { Cancel, Clock } from "../clock.js";
import { envelope } from "../grpc/envelope.js";
import { internal, texts } from "../grpc/errors.js";
import type { Logged, StartPosition } from "./event-log.js";
import type { StoreMember } from "./event-store.js";
import { EventStore } from "./event-store.js";
import { untilAborted } from "../grpc/until-aborted.js";
import { startLate } from "../channels/late-start.js";
import { LateWrites } from "./late-writes.js";
import { Outlet } from "../channels/outlet.js";
import type { BrokerCore, CallContext, PatternChannels, SeenMessage } from "../service.js";
import { announce, replyOf } from "../service.js";

/** The part of the events store that the RPCs for events use. */
export interface StoredEvents {
  append(event: Event): void;
  subscribe(request: Subscribe, context: CallContext): Promise<AsyncIterable<EventReceive>>;
  /** Removes a channel's events up to and including a sequence. */
  purge(channel: string, through: number): void;
  readonly channels: PatternChannels;
  close(): void;
}

export function storedEvents(core: BrokerCore): StoredEvents {
  const { clock, limits } = core;
  const store = new EventStore<Event>(clock, limits);
  const clientIds = new ClientIds();
  const book = new ChannelBook(clock);
  const writes = new LateWrites(clock, core.profile.storedEventsPerSecond);
  // Every subscriber of a channel receives the same bytes, usually in direct succession.
  let framed: { readonly logged: Logged<Event>; readonly bytes: Uint8Array } | undefined;

  function frame(logged: Logged<Event>): Uint8Array {
    if (framed?.logged !== logged) framed = { logged, bytes: envelope(EventReceiveSchema, received(logged)) };
    return framed.bytes;
  }

  return {
    append(event) {
      const { Channel: channel, Body: body } = event;
      // The server reports an event as sent even if its store refuses it.
      if (!isStorable(channel)) return;
      book.received(channel, body.length);
      core.onMessage?.("eventsStore", channel, seenEvent(event));
      writes.add(() => {
        store.append(channel, event);
        framed = undefined;
      });
    },

    async subscribe(request, context) {
      const { ClientID: clientId, Channel: channel, Group: group } = request;
      const characters = checkStoreClientId(clientId);
      if (characters !== undefined) throw internal(characters);
      if (!(await clientIds.take(clientId))) throw internal(texts.clientIdInUse);
      const verdict = context.signal.aborted ? texts.clientIdInUse : checkStoreSubscription(request);
      if (verdict !== undefined) {
        clientIds.free(clientId);
        throw internal(verdict);
      }
      const outlet = new Outlet(replyOf(context), { clock, slowConsumerMs: undefined });
      const slowTimer = new SlowConsumerTimer(clock, limits.slowConsumerMs);
      const member: StoreMember<Event> = {
        accept(logged) {
          if (!outlet.hasSpace) {
            slowTimer.begin();
            return false;
          }
          slowTimer.end();
          const { length } = logged.event.Body;
          if (outlet.send(frame(logged))) book.delivered(channel, length, 1);
          return true;
        },
      };
      announce(core, context);
      const leave = startLate(core, () => {
        const subscription = store.subscribe(channel, { clientId, group }, startOf(request, clock), member);
        outlet.onSpace = () => subscription.resume();
        slowTimer.onEnd = () => subscription.skip();
        return () => subscription.leave();
      });
      book.seen(channel);
      return untilAborted(context.signal, () => {
        leave();
        slowTimer.end();
        outlet.close();
        clientIds.free(clientId);
      });
    },

    purge: (channel, through) => store.purge(channel, through),

    channels: {
      *list() {
        const listings = new Map([...store.list()].map((listing) => [listing.name, listing]));
        for (const activity of book.list((name) => listings.get(name)?.consumers ?? 0)) {
          const { waiting = 0, events: depth = 0 } = listings.get(activity.name) ?? {};
          yield { ...activity, depth, outgoing: { ...activity.outgoing, waiting } };
        }
      },
      create(name) {
        book.create(name);
        store.create(name);
      },
      delete(name) {
        book.delete(name);
        store.delete(name);
      },
      messages: () =>
        Object.fromEntries([...store.list()].flatMap(({ name, events }) => (events > 0 ? [[name, events]] : []))),
    },

    close() {
      writes.close();
      store.close();
    },
  };
}

export const seenEvent = ({ EventID: id, Metadata: metadata, Body: body, Tags: tags }: Event): SeenMessage => ({
  id,
  metadata,
  body,
  tags,
});

/** How long an event waits for a subscriber that does not read. */
class SlowConsumerTimer {
  readonly #clock: Clock;
  readonly #ms: number | undefined;
  #running: Cancel | undefined;
  onEnd: () => void = () => {};

  constructor(clock: Clock, ms: number | undefined) {
    this.#clock = clock;
    this.#ms = ms;
  }

  begin(): void {
    if (this.#ms === undefined || this.#running !== undefined) return;
    this.#running = this.#clock.setTimer(this.#ms, () => {
      this.#running = undefined;
      this.onEnd();
    });
  }

  end(): void {
    this.#running?.();
    this.#running = undefined;
  }
}

function startOf(request: Subscribe, clock: Clock): StartPosition {
  const { EventsStoreTypeData: type, EventsStoreTypeValue: value } = request;
  if (type === Start.StartFromFirst) return { from: "first" };
  if (type === Start.StartFromLast) return { from: "last" };
  if (type === Start.StartAtSequence) return { from: "sequence", sequence: value };
  if (type === Start.StartAtTime) return { from: "time", timestamp: value };
  if (type === Start.StartAtTimeDelta) {
    return { from: "time", timestamp: clock.now() - value * 1_000_000_000n };
  }
  // Undefined enum values are accepted and have the same meaning.
  return { from: "new" };
}

function received({ sequence, timestamp, event }: Logged<Event>): EventReceive {
  const { EventID, Channel, Metadata, Body, Tags } = event;
  return create(EventReceiveSchema, {
    EventID,
    Channel,
    Metadata,
    Body,
    Tags,
    Timestamp: timestamp,
    Sequence: BigInt(sequence),
  });
}
