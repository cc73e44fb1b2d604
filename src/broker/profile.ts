/**
 * The differences between kinds of KubeMQ servers that a client can notice.
 *
 * A profile is fixed when the broker starts. {@link Quirks} can be changed while it runs.
 */
export interface BrokerProfile {
  /**
   * Number of connections to the store that the polls (QueuesDownstream) and leases
   * (StreamQueueMessage) of all clients share in turn. One is in use for the whole wait of a poll,
   * or the whole life of a lease. 0: none are shared.
   */
  readonly pollConnections: number;
  /**
   * Whether a poll continues after its call was cancelled, until it is full or its wait is over.
   */
  readonly pollsOutliveCalls: boolean;
  /**
   * With {@link pollsOutliveCalls}, the share from 0 to 1 of QueuesDownstream calls that hang when
   * they are cancelled while a poll waits and a request that needs an answer has been sent behind
   * it. The transactions of such a call are never closed: they keep their messages, and take more,
   * up to the number that they asked for.
   */
  readonly hungCalls: number;
  /**
   * Whether polls and open transactions from before a restart that keeps the memory remain members
   * of their queues. They keep the messages that they hold, and take more, up to the number that
   * they asked for.
   */
  readonly pollsSurviveRestarts: boolean;
  /**
   * How a queue distributes its messages among its consumers.
   *
   * - `"in-turn"`: in order, to any consumer that wants one. A returned message is next.
   * - `"durable-group"`: like NATS Streaming. A poll is a member of the group until its messages
   * are settled, and messages that reach it after its answer are trapped until then. A message that
   * a member returns is forced onto another member 100 ms later.
   */
  readonly queueDelivery: "in-turn" | "durable-group";
  /**
   * With `"durable-group"`, milliseconds between the moment when a poll joins others of its queue
   * and the first message that the server sends it. If another poll ends in that time, the first
   * one inherits a message, counts as full, and receives nothing until this message has rested.
   * The server takes as long to send a rested message again; if its holder ends in that time, two
   * polls receive it. 0: messages are sent at once.
   */
  readonly groupDelayMs: number;
  /**
   * Share, from 0 to 1, of the polls that {@link groupDelayMs} delays. A real server delays all of
   * them, but by a fraction of a millisecond, which a timer cannot wait for.
   */
  readonly groupDelayShare: number;
  /**
   * Whether the receives, peeks and AckAll calls of all clients on one queue run one at a time,
   * because they share a connection that each of them holds for its whole wait.
   */
  readonly receivesInTurn: boolean;
  /**
   * Share of leases, from 0 to 1, that end without an answer to the request that settled their
   * message.
   */
  readonly lostLastAnswers: number;
  /**
   * Milliseconds between the answer to the settlement of a leased message and the end of its call.
   * Above 0, a lease also remains a member of a `"durable-group"` for some turns of the event loop
   * after its answer, and takes the next message, as on a real server. A lease that begins in that
   * time inherits this message after others.
   */
  readonly leaseEndMs: number;
  /**
   * Minimum and maximum milliseconds between the start of a subscription and the first message that
   * it can receive.
   */
  readonly subscriptionDelayMs: readonly [shortest: number, longest: number];
  /**
   * Stored events that become readable per second, in order. They are confirmed at once, so
   * possibly long before they are readable. Infinity: each is readable when it is confirmed.
   */
  readonly storedEventsPerSecond: number;
  /**
   * Milliseconds between two checks for delayed messages that are due. 0: each is delivered on
   * time.
   */
  readonly delayCheckMs: number;
  /** Whether answers to queries with a cache key are cached. */
  readonly queryCache: boolean;
  /** Whether channels can be created, deleted and listed. If not, such requests time out. */
  readonly channelManagement: boolean;
  /**
   * Whether subscriptions and SendEventsStream send response headers at once. If not, headers come
   * with the first message.
   */
  readonly headersAtOpen: boolean;
  /** RPCs that the server does not have, such as `"QueuesInfo"`. */
  readonly unimplemented: readonly string[];
  /** Longest delay and expiration of a queue message, in seconds. */
  readonly longestDelaySeconds: number;
  /** Whether channels of connectors (`kafka.*`, `_KAFKA_*`) are refused with Error 443. */
  readonly reservesChannels: boolean;
  /**
   * The JSON of a list of channels: an array, or an object with the array as `items`, whose
   * channels lack the fields that are 0.
   */
  readonly channelList: "array" | "items";
  /**
   * Number of requests to manage channels after the start that are answered by "cluster snapshot
   * not ready".
   */
  readonly snapshotsNotReady: number;
  /** Whether settlements are confirmed, see {@link Quirks.confirmSettlements}. */
  readonly confirmsSettlements: boolean;
}

/** The name of a profile in {@link profiles}. */
export type ProfileName = "default" | "community" | "newest";

/** The protocol without a server's defects: for applications and their tests. */
const withoutDefects: BrokerProfile = {
  pollConnections: 0,
  pollsOutliveCalls: false,
  hungCalls: 0,
  pollsSurviveRestarts: false,
  queueDelivery: "in-turn",
  groupDelayMs: 0,
  groupDelayShare: 0,
  receivesInTurn: false,
  lostLastAnswers: 0,
  leaseEndMs: 0,
  subscriptionDelayMs: [0, 0],
  storedEventsPerSecond: Infinity,
  delayCheckMs: 0,
  queryCache: true,
  channelManagement: true,
  headersAtOpen: true,
  unimplemented: [],
  longestDelaySeconds: 43_200,
  reservesChannels: false,
  channelList: "array",
  snapshotsNotReady: 0,
  confirmsSettlements: false,
};

/** The broker's profiles by name. */
export const profiles: Readonly<Record<ProfileName, BrokerProfile>> = {
  default: withoutDefects,
  /** The open-source server v2.4.0 with its defects: for the tests of a client. */
  community: {
    ...withoutDefects,
    pollConnections: 200,
    pollsOutliveCalls: true,
    hungCalls: 0.5,
    pollsSurviveRestarts: true,
    queueDelivery: "durable-group",
    groupDelayMs: 1,
    groupDelayShare: 0.05,
    receivesInTurn: true,
    lostLastAnswers: 0.02,
    leaseEndMs: 10,
    subscriptionDelayMs: [1, 2],
    storedEventsPerSecond: 40_000,
    delayCheckMs: 500,
    queryCache: false,
    channelManagement: false,
    headersAtOpen: false,
  },
  /**
   * The newest line of servers, which need a licence: read in the vendor's documents and SDKs, and
   * not observed on a server.
   */
  newest: {
    ...withoutDefects,
    headersAtOpen: false,
    unimplemented: ["QueuesInfo", "StreamQueueMessage"],
    longestDelaySeconds: 86_400,
    reservesChannels: true,
    channelList: "items",
    snapshotsNotReady: 1,
    confirmsSettlements: true,
  },
};
