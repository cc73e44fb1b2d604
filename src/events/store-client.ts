import { checkKnown } from "../support/names/known.js";
import { STREAM_PLACES } from "../support/names/places.js";
import type { EventsStoreClient, ReplayRequest, StartPosition } from "../api/events.js";
import type { StreamOptions } from "../api/message.js";
import type { SubscribeRequest } from "../api/subscription.js";
import type { Connection } from "../connection/connection.js";
import { checkGroup, checkInteger, checkStoredChannel, refuse } from "../support/checks.js";
import { MAX_TIMER_MS } from "../support/defaults.js";
import { type EventPlan, preparing } from "./publish/plan.js";
import { PlainPublish } from "./publish/plain.js";
import { StreamPublisher } from "./publish/publisher.js";
import { checkStart } from "./start.js";
import { OwnWrites } from "./own-writes.js";
import { ReplayPlan } from "./replay.js";
import { ContiguousPlan, GroupPlan, StoreStream } from "./store-plans.js";

const SUBSCRIBE_PLACES = {
  ...STREAM_PLACES,
  start: ["from", "sequence", "time", "seconds"],
};

const QUIET_MS = 1_000;

/** @internal */
export function createEventsStoreClient(connection: Connection): EventsStoreClient {
  const ownWrites = new OwnWrites(connection.clock);

  const operation = "eventsStore.publish";
  const publishing: EventPlan<{ readonly id: string }> = {
    operation,
    confirmedBy: "result",
    prepare: preparing(operation, "eventsStore", connection.options.clientId),
    receipt: (id) => ({ id }),
    ownWrites,
  };

  const plain = new PlainPublish(connection, publishing);

  return {
    publish: (message, options) => plain.publish(message, options),

    publisher: (options) => new StreamPublisher(publishing, connection, options),

    subscribe<T = Uint8Array>(filter: SubscribeRequest<T> & { start: StartPosition }, options?: StreamOptions) {
      const operation = "eventsStore.subscribe";
      const { channel, codec } = filter;
      checkKnown({ operation, channel }, "", filter, ["channel", "group", "codec", "start"], SUBSCRIBE_PLACES);
      checkStoredChannel(operation, channel);
      const group = checkGroup(operation, channel, filter.group);
      if (group !== "" && `${channel}${group}`.includes(":")) {
        const text = `channel and group must not contain ":" when there is a group, got ${JSON.stringify(group)}: the server's store refuses it`;
        throw refuse({ operation, channel }, text);
      }
      const start = checkStart({ operation, channel }, filter.start);
      const request = { operation, channel, start, codec };
      const isContiguous = group === "" && connection.options.storeClientId === "unique";
      const plan = isContiguous ? new ContiguousPlan(connection, request) : new GroupPlan(connection, request, group);
      return new StoreStream(plan, connection, options);
    },

    replay<T = Uint8Array>(request: ReplayRequest<T>, options?: StreamOptions) {
      const operation = "eventsStore.replay";
      const { channel, codec, quietMs = QUIET_MS } = request;
      checkKnown({ operation, channel }, "", request, ["channel", "start", "codec", "quietMs"], SUBSCRIBE_PLACES);
      checkStoredChannel(operation, channel);
      const start = checkStart({ operation, channel }, request.start);
      if (start.from === "new") {
        throw refuse(
          { operation, channel },
          `start.from must not be "new" in a replay: a replay reads events that are stored already`,
        );
      }
      const bound = checkInteger({ operation, channel }, "quietMs", quietMs, 1, MAX_TIMER_MS);
      return new StoreStream(
        new ReplayPlan(connection, { operation, channel, start, codec }, bound, ownWrites),
        connection,
        options,
      );
    },
  };
}
