import type { CallOptions } from "./message.js";

/** The five patterns. A channel name means another channel in each. */
export type ChannelKind = "events" | "eventsStore" | "commands" | "queries" | "queues";

/** What went through a channel in one direction. Counters that its pattern does not have are 0. */
export interface ChannelStats {
  /** How many messages. */
  readonly messages: number;
  /** How many bytes. */
  readonly volume: number;
  /** Queues: how many messages wait. */
  readonly waiting: number;
  /** Queues: how many messages expired. */
  readonly expired: number;
  /** Queues: how many messages are delayed. */
  readonly delayed: number;
  /** Commands and queries: how many responses. */
  readonly responses: number;
}

/** A channel, as the server knows it. */
export interface ChannelInfo {
  /** The channel. */
  readonly name: string;
  /** The pattern it belongs to. */
  readonly kind: ChannelKind;
  /** Whether the server counts it as active: somebody uses it. */
  readonly active: boolean;
  /** When something last happened on it; 1970 where the server does not say. */
  readonly lastActivity: Date;
  /** What came in from senders. */
  readonly incoming: ChannelStats;
  /** What went out to receivers. */
  readonly outgoing: ChannelStats;
}

/**
 * The server's channels. Servers without channel management, among them the open-source ones, do not answer: every method then rejects
 * with `UNSUPPORTED` when its `timeoutMs` has passed.
 */
export interface ChannelsClient {
  /** Creates a channel. Channels are also made by their first use. */
  create(kind: ChannelKind, name: string, options?: CallOptions): Promise<void>;
  /** Deletes a channel with what it holds. Servers may take a moment until it is gone from the list. */
  delete(kind: ChannelKind, name: string, options?: CallOptions): Promise<void>;
  /** Lists the channels of one kind; `search` is matched by the server with the names. */
  list(kind: ChannelKind, search?: string, options?: CallOptions): Promise<ChannelInfo[]>;
}

/** Who answered a ping. */
export interface ServerInfo {
  /** Host name of the server. */
  readonly host: string;
  /** Its version, such as `v2.4.0`. */
  readonly version: string;
  /** When it started. */
  readonly startedAt: Date;
  /** How long it has been up, in seconds. */
  readonly uptimeSeconds: number;
}
