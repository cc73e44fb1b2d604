import type { EventsClient } from "../api/events.js";
import type { Connection } from "../connection/connection.js";
import { StreamEngine } from "../stream/engine.js";
import { checkChannel, checkOutgoing, encodePayload } from "../support/checks.js";
import { EventsPlan } from "./plan.js";
import { publishOne } from "./publish-one.js";
import { type PublisherPlan, StreamPublisher } from "./publisher.js";
import { eventOf } from "./wire.js";

/** @internal */
export function createEventsClient(connection: Connection): EventsClient {
  const { clientId } = connection.options;

  const operation = "events.publish";
  const publishing: PublisherPlan<void> = {
    operation,
    kind: "events",
    answered: false,
    prepare(message) {
      checkChannel(operation, message.channel);
      checkOutgoing(operation, message);
      return eventOf(clientId, message, encodePayload(operation, message), false);
    },
    receipt: () => {},
  };

  return {
    publish: (message, options) => publishOne(connection, publishing, message, options),

    publisher: (options) => new StreamPublisher(publishing, connection, options),

    subscribe: (filter, options) => new StreamEngine(new EventsPlan(connection, filter), connection, options),
  };
}
