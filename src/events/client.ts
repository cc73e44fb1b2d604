import type { EventsClient } from "../api/events.js";
import type { Connection } from "../connection/connection.js";
import { StreamEngine } from "../stream/engine.js";
import { EventsPlan } from "./plan.js";
import { type EventPlan, preparing } from "./publish/plan.js";
import { PlainPublish } from "./publish/plain.js";
import { StreamPublisher } from "./publish/publisher.js";

/** @internal */
export function createEventsClient(connection: Connection): EventsClient {
  const operation = "events.publish";
  const publishing: EventPlan<void> = {
    operation,
    confirmedBy: "end of stream",
    prepare: preparing(operation, "events", connection.options.clientId),
    receipt: () => {},
  };

  const plain = new PlainPublish(connection, publishing);

  return {
    publish: (message, options) => plain.publish(message, options),

    publisher: (options) => new StreamPublisher(publishing, connection, options),

    subscribe: (filter, options) => new StreamEngine(new EventsPlan(connection, filter), connection, options),
  };
}
