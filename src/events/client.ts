import type { EventsClient } from "../api/events.js";
import type { Connection } from "../connection/connection.js";
import { StreamEngine } from "../stream/engine.js";
import { checkChannel } from "../support/checks.js";
import { completed, encodePayload } from "../support/message/payload.js";
import { checkMessageNames } from "../support/names/message.js";
import { EventsPlan } from "./plan.js";
import type { EventPlan } from "./publish/plan.js";
import { PlainPublish } from "./publish/plain.js";
import { StreamPublisher } from "./publish/publisher.js";
import { eventOf } from "./wire.js";

/** @internal */
export function createEventsClient(connection: Connection): EventsClient {
  const { clientId } = connection.options;

  const operation = "events.publish";
  const publishing: EventPlan<void> = {
    operation,
    confirmedBy: "end of stream",
    prepare(message) {
      checkMessageNames(operation, "events", message);
      checkChannel(operation, message.channel);
      const complete = completed(operation, message);
      return eventOf(clientId, complete, encodePayload(operation, complete), false);
    },
    receipt: () => {},
  };

  const plain = new PlainPublish(connection, publishing);

  return {
    publish: (message, options) => plain.publish(message, options),

    publisher: (options) => new StreamPublisher(publishing, connection, options),

    subscribe: (filter, options) => new StreamEngine(new EventsPlan(connection, filter), connection, options),
  };
}
