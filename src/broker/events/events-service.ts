import type { MessageInitShape } from "@bufbuild/protobuf";
import { create } from "@bufbuild/protobuf";
import type { Event, EventReceive, ResultSchema, Subscribe } from "../../../gen/kubemq_pb.js";
import { EventReceiveSchema, Subscribe_SubscribeType } from "../../../gen/kubemq_pb.js";
import { ChannelBook } from "../channels/channel-book.js";
import { checkEvent, checkEventsSubscription } from "../channels/check.js";
import { envelope } from "../grpc/envelope.js";
import { internal, texts } from "../grpc/errors.js";
import { untilAborted } from "../grpc/until-aborted.js";
import { startLate } from "../channels/late-start.js";
import { Outlet } from "../channels/outlet.js";
import type { BrokerCore, CallContext, ChannelService } from "../service.js";
import { announce, replyOf } from "../service.js";
import type { StoredEvents } from "./stored-events.js";
import { seenEvent } from "./stored-events.js";
import { Subjects, countOf, fanOut } from "../channels/subjects.js";

type Result = MessageInitShape<typeof ResultSchema>;

export interface EventsService extends ChannelService {
  /** Events that were refused so far. */
  readonly refused: () => number;
}

/** Events, and the RPCs shared with the events store. */
export function eventsService(core: BrokerCore, stored: StoredEvents): EventsService {
  const subjects = new Subjects<Outlet>();
  const book = new ChannelBook(core.clock);
  let refused = 0;

  function refuse(verdict: string): string {
    refused++;
    return verdict;
  }

  /**
   * Delivers an event. Returns a promise to await before the next event, if a subscriber is slow.
   */
  function publish(event: Event): Promise<unknown> | undefined {
    const { Channel: channel, Body: body } = event;
    book.received(channel, body.length);
    core.onMessage?.("events", channel, seenEvent(event));
    const recipients = subjects.match(channel);
    if (recipients.alone.length === 0 && recipients.groups.length === 0) return undefined;
    const framed = envelope(EventReceiveSchema, received(event));
    let copies = 0;
    let crowded: Promise<void>[] | undefined;
    fanOut(recipients, (outlet) => {
      if (outlet.send(framed)) copies++;
      const { room } = outlet;
      if (room !== undefined) (crowded ??= []).push(room);
    });
    book.delivered(channel, body.length, copies);
    return crowded && Promise.all(crowded);
  }

  function subscribe(request: Subscribe, context: CallContext): AsyncIterable<EventReceive> {
    const verdict = checkEventsSubscription(request);
    if (verdict !== undefined) throw internal(verdict);
    const outlet = new Outlet(replyOf(context), {
      clock: core.clock,
      slowConsumerMs: core.limits.slowConsumerMs,
    });
    const unsubscribe = startLate(core, () => subjects.add(request.Channel, request.Group, outlet));
    if (!/[*>]/.test(request.Channel)) book.seen(request.Channel);
    announce(core, context);
    return untilAborted(context.signal, () => {
      unsubscribe();
      outlet.close();
    });
  }

  return {
    rpcs: {
      sendEvent(event): Result {
        const verdict = checkEvent(event);
        if (verdict !== undefined) throw internal(refuse(verdict));
        if (event.EventID === "") event.EventID = core.newId();
        if (event.Store) stored.append(event);
        else void publish(event);
        return { EventID: event.EventID, Sent: true };
      },

      async *sendEventsStream(events, context): AsyncIterable<Result> {
        announce(core, context);
        for await (const event of events) {
          const verdict = checkEvent(event);
          if (verdict !== undefined) {
            // A refused event without an id gets none.
            yield { EventID: event.EventID, Sent: false, Error: refuse(verdict) };
            continue;
          }
          if (event.EventID === "") event.EventID = core.newId();
          if (event.Store) {
            stored.append(event);
            yield { EventID: event.EventID, Sent: true };
          } else {
            const crowd = publish(event);
            if (crowd !== undefined) await crowd;
          }
        }
      },

      async *subscribeToEvents(request, context): AsyncIterable<EventReceive> {
        const { SubscribeTypeData: type } = request;
        if (type !== Subscribe_SubscribeType.Events && type !== Subscribe_SubscribeType.EventsStore) {
          throw internal(texts.subscribeType);
        }
        if (request.ClientID === "") throw internal(texts.clientId);
        yield* type === Subscribe_SubscribeType.Events
          ? subscribe(request, context)
          : await stored.subscribe(request, context);
      },
    },
    channels: {
      list: () => book.list((name) => countOf(subjects.match(name))),
      create: (name) => book.create(name),
      delete: (name) => book.delete(name),
      messages: () => ({}),
    },
    refused: () => refused,
    close() {},
  };
}

const received = ({ EventID, Channel, Metadata, Body, Tags }: Event): EventReceive =>
  create(EventReceiveSchema, { EventID, Channel, Metadata, Body, Tags });
