import { answerChannelRequest } from "./channels/channel-requests.js";
import { withoutReserved } from "./channels/reserved.js";
import { eventsService } from "./events/events-service.js";
import { pingService } from "./channels/ping.js";
import { queuesService } from "./queues/queues-service.js";
import { requestsService } from "./requests/requests-service.js";
import type { BrokerCore, ChannelKind, PatternChannels, Rpcs } from "./service.js";
import { storedEvents } from "./events/stored-events.js";

/** The broker's state, which it loses when it restarts without its memory. @internal */
export interface Memory {
  readonly rpcs: Rpcs;
  held(): Held;
  channels(): BrokerChannel[];
  /** Removes a channel's stored events up to and including a sequence. */
  purgeEvents(channel: string, through: number): void;
  /** Sends CloseByServer to every consumer on QueuesDownstream. Returns the number of calls. */
  closeByServer(): number;
  /** The server restarts, and keeps its state. */
  restart(): void;
  close(): void;
}

/** The state at this moment. */
export interface Held {
  /** Stored messages. */
  readonly messages: HeldMessages;
  /** Commands and queries that wait for a response. */
  readonly pendingRequests: number;
  /** Cached responses to queries with a cache key. */
  readonly cachedResponses: number;
  /**
   * Events refused since the start. A KubeMQ server writes a line of level ERROR to its log for
   * each.
   */
  readonly refusedEvents: number;
}

/** Retained messages, by channel. Channels without messages are omitted. */
export interface HeldMessages {
  /** Events of the events store. */
  readonly eventsStore: Readonly<Record<string, number>>;
  /** Queue messages, both waiting ones and those held by a consumer. */
  readonly queues: Readonly<Record<string, number>>;
}

/**
 * A channel at this moment, and what passed through it since the broker started or lost its memory.
 */
export interface BrokerChannel {
  /** The pattern of the channel. */
  readonly kind: ChannelKind;
  /** The name of the channel. */
  readonly name: string;
  /**
   * Messages that the channel keeps: events of the store, or queue messages that wait or are held
   * by a consumer; 0 for the other patterns.
   */
  readonly depth: number;
  /**
   * Subscriptions, waiting polls, and calls that hold messages of a queue: the `subscribers` of
   * `queues.info()`. In the profile `community` a queue counts one when its last consumer has left,
   * as on that server.
   */
  readonly consumers: number;
  /** Messages that were sent to the channel. */
  readonly messagesIn: number;
  /**
   * Deliveries: a message counts once for each of its consumers, and once for each delivery. A peek
   * is none.
   */
  readonly messagesOut: number;
}

/** @internal */
export function createMemory(core: BrokerCore): Memory {
  const stored = storedEvents(core);
  const snapshots = { missing: core.profile.snapshotsNotReady };
  const events = eventsService(core, stored);
  const queues = queuesService(core);
  const requests = requestsService(core, (request) => {
    const { commands, queries } = requests;
    const catalog = {
      events: events.channels,
      events_store: stored.channels,
      commands,
      queries,
      queues: queues.channels,
    };
    return answerChannelRequest(request, catalog, core, snapshots);
  });
  const rpcs = { ...pingService(core).rpcs, ...events.rpcs, ...requests.rpcs, ...queues.rpcs };
  return {
    rpcs: core.profile.reservesChannels ? withoutReserved(rpcs) : rpcs,
    held: () => ({
      messages: { eventsStore: stored.channels.messages(), queues: queues.channels.messages() },
      pendingRequests: requests.pending(),
      cachedResponses: requests.cached(),
      refusedEvents: events.refused(),
    }),
    channels: () => [
      ...channelsOf("events", events.channels),
      ...channelsOf("eventsStore", stored.channels),
      ...channelsOf("queues", queues.channels),
      ...channelsOf("commands", requests.commands),
      ...channelsOf("queries", requests.queries),
    ],
    purgeEvents: (channel, through) => stored.purge(channel, through),
    closeByServer: () => queues.closeByServer(),
    restart: () => queues.restart(),
    close() {
      stored.close();
      requests.close();
      queues.close();
    },
  };
}

const channelsOf = (kind: ChannelKind, channels: PatternChannels): BrokerChannel[] =>
  [...channels.list()]
    .map(({ name, depth, consumers, incoming, outgoing }) => {
      return { kind, name, depth, consumers, messagesIn: incoming.messages, messagesOut: outgoing.messages };
    })
    .sort((a, b) => (a.name < b.name ? -1 : 1));
