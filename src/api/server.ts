import type { CallOptions } from "./message.js";

/** The five patterns. The same channel name means a different channel in each. */
export type ChannelKind = "events" | "eventsStore" | "commands" | "queries" | "queues";

/** Traffic of a channel in one direction. Counters that do not apply to its pattern are 0. */
export interface ChannelStats {
  /** Number of messages. */
  readonly messages: number;
  /** Number of bytes. */
  readonly volume: number;
  /** Queues: number of waiting messages. */
  readonly waiting: number;
  /** Queues: number of expired messages. */
  readonly expired: number;
  /** Queues: number of delayed messages. */
  readonly delayed: number;
  /** Commands and queries: number of responses. */
  readonly responses: number;
}

/** A channel in the server's list. */
export interface ChannelInfo {
  /** The name of the channel. */
  readonly name: string;
  /** The pattern it belongs to. */
  readonly kind: ChannelKind;
  /** Whether the server counts it as active, that is, in use. */
  readonly active: boolean;
  /** Time of its last activity; 1970 if the server does not report it. */
  readonly lastActivity: Date;
  /** Traffic from senders. */
  readonly incoming: ChannelStats;
  /** Traffic to receivers. */
  readonly outgoing: ChannelStats;
}

/**
 * The server's channels. Servers without channel management, including the open-source ones, do not
 * answer: every method then rejects with `UNSUPPORTED` after its `timeoutMs`.
 */
export interface ChannelsClient {
  /**
   * Creates a channel. Channels are also created by their first use.
   *
   * @throws {KubeMQError} UNSUPPORTED when the server has no channel management
   * @example
   * ```ts
   * await client.channels.create("queues", "jobs");
   * ```
   */
  create(kind: ChannelKind, name: string, options?: CallOptions): Promise<void>;
  /**
   * Deletes a channel and its content. Its removal from the list may be delayed.
   *
   * @throws {KubeMQError} UNSUPPORTED when the server has no channel management
   * @example
   * ```ts
   * await client.channels.delete("eventsStore", "audit");
   * ```
   */
  delete(kind: ChannelKind, name: string, options?: CallOptions): Promise<void>;
  /**
   * Lists the channels of one pattern; the server matches `search` with their names.
   *
   * @throws {KubeMQError} UNSUPPORTED when the server has no channel management
   * @example
   * ```ts
   * for (const { name, active } of await client.channels.list("queues", "orders.")) console.log(name, active);
   * ```
   */
  list(kind: ChannelKind, search?: string, options?: CallOptions): Promise<ChannelInfo[]>;
}

/** The server's answer to a ping. */
export interface ServerInfo {
  /** Host name of the server. */
  readonly host: string;
  /** Its version, such as `v2.4.0`. */
  readonly version: string;
  /** Time of its start. */
  readonly startedAt: Date;
  /** Its uptime in seconds. */
  readonly uptimeSeconds: number;
}
