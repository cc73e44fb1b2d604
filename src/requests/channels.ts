import { KubeMQError } from "../api/errors.js";
import type { CallOptions } from "../api/message.js";
import type { ChannelKind, ChannelsClient } from "../api/server.js";
import type { Connection } from "../connection/connection.js";
import { checkChannel, checkQueueChannel, checkStoredChannel, refuse } from "../support/checks.js";
import { pause } from "../support/time/pause.js";
import { fault, serverError } from "../support/faults.js";
import { newId } from "../support/message/ids.js";
import { ask, requestTimeout } from "./ask.js";
import { channelList } from "./wire-channels.js";
import { requestOf, type ResponseParts } from "./wire.js";

/** The channel on which servers receive channel management requests. */
const MANAGEMENT_CHANNEL = "kubemq.cluster.internal.requests";

const TYPES: Readonly<Record<ChannelKind, string>> = {
  events: "events",
  eventsStore: "events_store",
  commands: "commands",
  queries: "queries",
  queues: "queues",
};

/** A cluster reports this for some seconds after its start. */
const NOT_READY = /cluster snapshot not ready/;

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
        if (error instanceof KubeMQError && NOT_READY.test(error.message) && attempt < READY_ATTEMPTS) {
          await pause(connection.clock, READY_DELAY_MS, options?.signal);
          continue;
        }
        if (!KubeMQError.is(error, "TIMEOUT") || error.serverCode === undefined) throw error;
        const text = `the server did not answer within ${timeoutMs} ms: open-source servers have no channel management, and in a cluster only the leader answers`;
        throw fault("UNSUPPORTED", subject, text, { cause: error, serverCode: error.serverCode });
      }
      // Servers differ: some report a failure by `Executed`, others by `Error`.
      if (response.executed && response.error === "") return response;
      const text = response.error;
      if (!NOT_READY.test(text)) throw serverError(text, subject);
      if (attempt === READY_ATTEMPTS) throw fault("UNAVAILABLE", subject, text);
      await pause(connection.clock, READY_DELAY_MS, options?.signal);
    }
  };

  const change = async (verb: "create" | "delete", kind: ChannelKind, name: string, options?: CallOptions) => {
    const operation = `channels.${verb}`;
    checkKind(operation, kind);
    // Deletion accepts every valid channel name, including names that `create` rejects.
    if (verb === "delete") checkChannel(operation, name, "name");
    else if (kind === "eventsStore") checkStoredChannel(operation, name, "name");
    else if (kind === "queues") checkQueueChannel(operation, name, "name");
    else checkChannel(operation, name, "name");
    await manage(operation, kind, `${verb}-channel`, { channel: name }, options);
  };

  return {
    create: (kind, name, options) => change("create", kind, name, options),
    delete: (kind, name, options) => change("delete", kind, name, options),
    async list(kind, search, options) {
      const operation = "channels.list";
      checkKind(operation, kind);
      if (search !== undefined && typeof search !== "string") throw refuse({ operation }, "search must be a string");
      const { body } = await manage(operation, kind, "list-channels", { channel_search: search ?? "" }, options);
      return channelList(body, kind, { operation });
    },
  };
}

function checkKind(operation: string, kind: unknown): void {
  if (typeof kind === "string" && Object.hasOwn(TYPES, kind)) return;
  throw refuse({ operation }, `kind must be one of ${Object.keys(TYPES).join(", ")}, got ${String(kind)}`);
}
