import { checkChannel, checkStoredChannel, refuse } from "./internal/check.js";
import { KubeMQError } from "./errors.js";
import type { Connection } from "./internal/connection.js";
import { fault, serverError } from "./internal/fault.js";
import { onAbort } from "./internal/abort.js";
import { newId } from "./internal/ids.js";
import { requestOf, type ResponseParts } from "./internal/wire-requests.js";
import { channelList } from "./internal/wire-channels.js";
import type { CallOptions } from "./message.js";
import { ask, requestTimeout } from "./requests.js";

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

/** Where servers take requests about channels. */
const MANAGEMENT_CHANNEL = "kubemq.cluster.internal.requests";

const TYPES: Readonly<Record<ChannelKind, string>> = {
  events: "events",
  eventsStore: "events_store",
  commands: "commands",
  queries: "queries",
  queues: "queues",
};

/** A cluster that has just started says so for a while. */
const NOT_READY = /cluster snapshot not ready yet/;
const READY_ATTEMPTS = 4;
const READY_DELAY_MS = 1_000;

/** @internal */
export function createChannelsClient(connection: Connection): ChannelsClient {
  const manage = async (
    operation: string,
    kind: ChannelKind,
    verb: string,
    tags: Record<string, string>,
    options: CallOptions | undefined,
  ): Promise<ResponseParts> => {
    const { clientId } = connection.options;
    const subject = { operation, ...(tags["channel"] === undefined ? {} : { channel: tags["channel"] }) };
    const timeoutMs = requestTimeout(connection, subject, options);
    const message = {
      channel: MANAGEMENT_CHANNEL,
      metadata: verb,
      tags: { channel_type: TYPES[kind], client_id: clientId, ...tags },
    };
    for (let attempt = 1; ; attempt++) {
      const wire = requestOf("queries", clientId, { ...message, id: newId() }, new Uint8Array(), { timeoutMs });
      let response: ResponseParts;
      try {
        response = await ask(connection, subject, { wire, timeoutMs }, options?.signal);
      } catch (error) {
        if (!KubeMQError.is(error, "TIMEOUT") || error.serverCode === undefined) throw error;
        const text = `the server did not answer within ${timeoutMs} ms: open-source servers have no channel management, and of a cluster only the leader answers`;
        throw fault("UNSUPPORTED", subject, text, { cause: error, serverCode: error.serverCode });
      }
      // Servers are not agreed on which of the two says that it failed.
      if (response.executed && response.error === "") return response;
      const text = response.error;
      if (!NOT_READY.test(text)) throw serverError(text, subject);
      if (attempt === READY_ATTEMPTS) throw fault("UNAVAILABLE", subject, text);
      await pause(connection, READY_DELAY_MS, options?.signal);
    }
  };

  const change = async (verb: "create" | "delete", kind: ChannelKind, name: string, options?: CallOptions) => {
    const operation = `channels.${verb}`;
    checkKind(operation, kind);
    if (kind === "eventsStore" || kind === "queues") checkStoredChannel(operation, name, "name");
    else checkChannel(operation, name, "name");
    await manage(operation, kind, `${verb}-channel`, { channel: name }, options);
  };

  return {
    create: (kind, name, options) => change("create", kind, name, options),
    delete: (kind, name, options) => change("delete", kind, name, options),
    async list(kind, search, options) {
      const operation = "channels.list";
      checkKind(operation, kind);
      if (search !== undefined && typeof search !== "string") throw refuse({ operation }, "search must be a text");
      const { body } = await manage(operation, kind, "list-channels", { channel_search: search ?? "" }, options);
      return channelList(body, kind, { operation });
    },
  };
}

function checkKind(operation: string, kind: unknown): void {
  if (typeof kind === "string" && Object.hasOwn(TYPES, kind)) return;
  throw refuse({ operation }, `kind must be one of ${Object.keys(TYPES).join(", ")}, got ${String(kind)}`);
}

/** Rejects with the signal's reason when that aborts. */
function pause({ clock }: Connection, delayMs: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const cancelTimer = clock.setTimer(delayMs, () => {
      unwatch();
      resolve();
    });
    const unwatch = onAbort(signal, () => {
      cancelTimer();
      reject(signal?.reason);
    });
  });
}
