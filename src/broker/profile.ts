/**
 * What sets one kind of KubeMQ server apart from another, as far as a client can tell.
 *
 * A profile is fixed when the broker starts. {@link Quirks} can be switched while it runs.
 */
export interface BrokerProfile {
  /**
   * Connections to the store that polls (QueuesDownstream) and leases (StreamQueueMessage) of all clients share. They are taken in
   * turn, and one is in use for the whole wait of a poll, or the whole life of a lease. 0: nothing is shared.
   */
  readonly pollConnections: number;
  /** Whether a poll continues after its call was cancelled, until it is full or its own wait is over. */
  readonly pollsOutliveCalls: boolean;
  /**
   * Whether a restart that keeps the memory leaves the polls and open transactions before it behind, as members of their queues for
   * ever: they keep what they hold, and take more messages up to the number that they asked for.
   */
  readonly pollsSurviveRestarts: boolean;
  /**
   * How the messages of a queue are shared out among its consumers.
   *
   * - `"in-turn"`: in order, to whichever consumer wants one. What a consumer gives back is next.
   * - `"durable-group"`: as NATS Streaming does. A poll belongs to the group until its messages are settled, and the messages that
   *   reach it after its answer are trapped in it until then. What a member gives back is forced onto another one a tenth of a second
   *   later.
   */
  readonly queueDelivery: "in-turn" | "durable-group";
  /**
   * Whether the receives, peeks and AckAll calls of all clients on one queue wait for each other, because they share a connection
   * that each holds for its whole wait.
   */
  readonly receivesInTurn: boolean;
  /** Share of leases, from 0 to 1, that end without the answer to the request that settled their message. */
  readonly lostLastAnswers: number;
  /** Shortest and longest time, in milliseconds, between the start of a subscription and the first message it can receive. */
  readonly subscriptionDelayMs: readonly [shortest: number, longest: number];
  /**
   * Stored events that become readable per second, in their order. They are answered at once, so they can be answered long before
   * they are readable. Infinity: each is readable when it is answered.
   */
  readonly storedEventsPerSecond: number;
  /** How often the broker looks for delayed messages that are due, in milliseconds. 0: each is delivered on time. */
  readonly delayCheckMs: number;
  /** Whether answers to queries with a cache key are kept and given again. */
  readonly queryCache: boolean;
  /** Whether channels can be created, deleted and listed. If not, such requests time out. */
  readonly channelManagement: boolean;
  /** Whether subscriptions and SendEventsStream send response headers at once. If not, with their first message. */
  readonly headersAtOpen: boolean;
}

/** The name of a profile in {@link profiles}. */
export type ProfileName = "default" | "community";

/** The profiles that the broker knows by name. */
export const profiles: Readonly<Record<ProfileName, BrokerProfile>> = {
  /** The servers' protocol without the traps: for applications and their tests. */
  default: {
    pollConnections: 0,
    pollsOutliveCalls: false,
    pollsSurviveRestarts: false,
    queueDelivery: "in-turn",
    receivesInTurn: false,
    lostLastAnswers: 0,
    subscriptionDelayMs: [0, 0],
    storedEventsPerSecond: Infinity,
    delayCheckMs: 0,
    queryCache: true,
    channelManagement: true,
    headersAtOpen: true,
  },
  /** The open-source server, v2.4.0, with what it makes clients suffer: for the tests of a client. */
  community: {
    pollConnections: 200,
    pollsOutliveCalls: true,
    pollsSurviveRestarts: true,
    queueDelivery: "durable-group",
    receivesInTurn: true,
    lostLastAnswers: 0.02,
    subscriptionDelayMs: [1, 2],
    storedEventsPerSecond: 40_000,
    delayCheckMs: 500,
    queryCache: false,
    channelManagement: false,
    headersAtOpen: false,
  },
};
