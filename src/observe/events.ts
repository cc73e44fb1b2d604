import type { EventPublisher, EventsClient, EventsStoreClient } from "../api/events.js";
import type { EventPublisherOptions, OutgoingMessage, SendOptions } from "../api/message.js";
import type { SubscribeRequest } from "../api/subscription.js";
import type { Activity, ObservedMessage, Observer } from "../api/telemetry.js";
import { observeLoop } from "./loop.js";
import { beginProcess, type Processing, sending, sendingAll } from "./observed.js";

type Pattern = "events" | "eventsStore";

export function observedEvents(client: EventsClient, observer: Observer): EventsClient {
  const pattern = "events";
  return {
    ...observedPublishing(client, pattern, observer),
    subscribe: (filter, options) =>
      observeLoop(client.subscribe(filter, options), beginSubscribed(observer, pattern, filter)),
  };
}

export function observedEventsStore(client: EventsStoreClient, observer: Observer): EventsStoreClient {
  const pattern = "eventsStore";
  return {
    ...observedPublishing(client, pattern, observer),
    subscribe: (filter, options) =>
      observeLoop(client.subscribe(filter, options), beginSubscribed(observer, pattern, filter)),
    replay: (request, options) => observeLoop(client.replay(request, options), beginEvent(observer, { pattern })),
  };
}

interface Publishing<Receipt> {
  publish<T>(message: OutgoingMessage<T>, options?: SendOptions): Promise<Receipt>;
  publisher(options?: EventPublisherOptions): EventPublisher<Receipt>;
}

function observedPublishing<Receipt>(
  client: Publishing<Receipt>,
  pattern: Pattern,
  observer: Observer,
): Publishing<Receipt> {
  return {
    publish: (message, options) =>
      sending(observer, "publish", pattern, message, (observed) => client.publish(observed, options)),
    publisher: (options) => observedPublisher(client.publisher(options), pattern, observer),
  };
}

function beginSubscribed(observer: Observer, pattern: Pattern, filter: SubscribeRequest<unknown>) {
  return beginEvent(observer, { pattern, group: filter.group, subscribedTo: filter.channel });
}

function beginEvent(observer: Observer, processing: Processing): (event: ObservedMessage) => Activity {
  return (event) => beginProcess(observer, processing, event);
}

function observedPublisher<Receipt>(
  publisher: EventPublisher<Receipt>,
  pattern: Pattern,
  observer: Observer,
): EventPublisher<Receipt> {
  return {
    publish: (message) => sending(observer, "publish", pattern, message, (observed) => publisher.publish(observed)),
    publishAll: (messages, options) =>
      sendingAll(observer, "publish", pattern, messages, (observed) => publisher.publishAll(observed, options)),
    flush: () => publisher.flush(),
    close: () => publisher.close(),
    [Symbol.asyncDispose]: () => publisher[Symbol.asyncDispose](),
  };
}
