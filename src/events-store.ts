import type { Codec } from "./codec.js";
import type { ChannelFilter, EventPublisher } from "./events.js";
import {
  checkGroup,
  checkInteger,
  checkOutgoing,
  checkStoredChannel,
  encodePayload,
  refuse,
} from "./internal/check.js";
import type { Connection } from "./internal/connection.js";
import { publishOne } from "./internal/publish-one.js";
import { StreamPublisher, type PublisherPlan } from "./internal/publisher.js";
import { checkStart } from "./internal/start.js";
import { ContiguousPlan, GroupPlan, ReplayPlan, StoreStream } from "./internal/store-plans.js";
import { eventOf } from "./internal/wire.js";
import type { CallOptions, Incoming, OutgoingMessage, StreamOptions } from "./message.js";
import { MAX_TIMER_MS } from "./options.js";
import type { Subscription } from "./subscription.js";

/** Where a store subscription starts. */
export type StartPosition =
  /** With what is stored from now on. */
  | { readonly from: "new" }
  /** With the oldest event that is still stored. */
  | { readonly from: "first" }
  /** With the last stored event. */
  | { readonly from: "last" }
  /** With this sequence, from 1; with the oldest after it when it is gone; beyond the end with what comes next. */
  | { readonly from: "sequence"; readonly sequence: bigint | number }
  /**
   * With the first event stored at this time or later; a time in the future means what comes next. Servers are off by some
   * microseconds: to go on where a loop stopped, use a sequence.
   */
  | { readonly from: "time"; readonly time: Date }
  /** With the first event of so many last seconds: a whole number from 1. */
  | { readonly from: "timeDelta"; readonly seconds: number };

/** A stored event. */
export interface StoredEvent<T = Uint8Array> extends Incoming<T> {
  /** Its number on the channel: 1, 2, 3 and so on, without gaps. */
  readonly sequence: bigint;
  /** When the server stored it. */
  readonly timestamp: Date;
  /** The same in nanoseconds since 1970. */
  readonly timestampNanos: bigint;
}

/** A subscription to stored events. */
export interface StoreSubscription<T = Uint8Array> extends Subscription<StoredEvent<T>> {
  /**
   * The sequence of the last event whose loop body finished: asking for the next event counts, `break` and `throw` do not.
   * Undefined before the first. Store it, and after a restart subscribe from `position + 1n`: what was not finished comes again.
   */
  readonly position: bigint | undefined;
}

/** What a replay reads. */
export interface ReplayRequest<T = Uint8Array> {
  /** The channel, without wildcards. */
  channel: string;
  /** Where to start: anything but `new`, of which nothing is stored. */
  start: Exclude<StartPosition, { from: "new" }>;
  /** Decodes `event.value`. Default: none, the value is the body. */
  codec?: Codec<T>;
  /** How long a server that answers may send nothing until that counts as "there is nothing", in milliseconds. Default 1000. */
  quietMs?: number;
}

/** Events store: events that are kept by the server, and replayed from any position. */
export interface EventsStoreClient {
  /**
   * Publishes one event and waits for the server's answer: it has taken the event. KubeMQ answers when the event is on its way to
   * the store; a server that dies in that moment may still lose it. For many events use `publisher()`.
   */
  publish<T>(message: OutgoingMessage<T>, options?: CallOptions): Promise<{ readonly id: string }>;
  /** Opens a stream to publish many events, each with the server's answer. They are stored in the order of the calls. */
  publisher(options?: StreamOptions): EventPublisher<{ readonly id: string }>;
  /**
   * Subscribes to one channel, without wildcards. Without a group the loop sees every event from the start position on, in the order
   * of sequences, once, however often the connection breaks and however slow the loop is:
   *
   * - Every attempt subscribes with a ClientID of its own (the client's, and 8 random characters) after the last event that was
   *   received. Each leaves a position behind on the server, which forgets it with the channel.
   * - Until the first event has come, `new` and `timeDelta` mean the moment of the first attempt by this machine's clock; `last`
   *   means what is last when an attempt succeeds.
   * - What a server drops because the loop is slow (after 2 seconds) is noticed by its sequence and fetched again. After a loop was
   *   held back for a second or more and has caught up, the end of the channel is fetched once more, for the case that its last events
   *   were dropped. `client.status()` tells each `gap`, also when events are gone for good, by the server's retention.
   * - A channel that lost events or was removed, and counts anew, is read from its new beginning; that is a `gap` too, to a lower sequence.
   *
   * With a group each event goes to one of its members, and the position is the group's, kept by the server: the start position
   * counts only for the first member there ever was. The server moves it on as it sends, so when a member's connection breaks, or its loop
   * ends or is slow, what was on its way to it is lost to the group: some hundred events. Sequences then have gaps by nature, and none is reported.
   */
  subscribe<T = Uint8Array>(
    filter: ChannelFilter<T> & { start: StartPosition },
    options?: StreamOptions,
  ): StoreSubscription<T>;
  /**
   * Reads from a start position to the end of what is stored when it is called, then ends by itself. Resumes like `subscribe`.
   *
   * The end is found by a second, short subscription that asks for the last event: its sequence is the end, and what is stored
   * meanwhile is not part of the replay. KubeMQ does not say that a channel is empty; so a channel counts as empty when it stays silent for
   * `quietMs` after the server has answered a ping. When the rest of a channel stays silent for so long, it is asked for again, and
   * after three times counts as gone.
   */
  replay<T = Uint8Array>(request: ReplayRequest<T>, options?: StreamOptions): StoreSubscription<T>;
}

const QUIET_MS = 1_000;

/** @internal */
export function createEventsStoreClient(connection: Connection): EventsStoreClient {
  const { clientId } = connection.options;

  const operation = "eventsStore.publish";
  const publishing: PublisherPlan<{ readonly id: string }> = {
    operation,
    kind: "eventsStore",
    answered: true,
    prepare(message) {
      checkStoredChannel(operation, message.channel);
      checkOutgoing(operation, message);
      return eventOf(clientId, message, encodePayload(operation, message), true);
    },
    receipt: (id) => ({ id }),
  };

  return {
    publish: (message, options) => publishOne(connection, publishing, message, options),

    publisher: (options) => new StreamPublisher(publishing, connection, options),

    subscribe<T = Uint8Array>(filter: ChannelFilter<T> & { start: StartPosition }, options?: StreamOptions) {
      const operation = "eventsStore.subscribe";
      const { channel, codec } = filter;
      checkStoredChannel(operation, channel);
      const group = checkGroup(operation, channel, filter.group);
      if (group !== "" && `${channel}${group}`.includes(":")) {
        const text = `channel and group must not contain ":" when there is a group, got ${JSON.stringify(group)}: the server's store refuses it`;
        throw refuse({ operation, channel }, text);
      }
      const start = checkStart({ operation, channel }, filter.start);
      const request = { operation, channel, start, codec };
      const plan = group === "" ? new ContiguousPlan(connection, request) : new GroupPlan(connection, request, group);
      return new StoreStream(plan, connection, options);
    },

    replay<T = Uint8Array>({ channel, codec, quietMs, ...request }: ReplayRequest<T>, options?: StreamOptions) {
      const operation = "eventsStore.replay";
      checkStoredChannel(operation, channel);
      const start = checkStart({ operation, channel }, request.start);
      if (start.from === "new") {
        throw refuse({ operation, channel }, `start.from must not be "new" in a replay: nothing of it is stored`);
      }
      const bound = checkInteger({ operation, channel }, "quietMs", quietMs ?? QUIET_MS, 1, MAX_TIMER_MS);
      return new StoreStream(
        new ReplayPlan(connection, { operation, channel, start, codec }, bound),
        connection,
        options,
      );
    },
  };
}
