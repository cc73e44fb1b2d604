import type { EventPublisher, EventsClient, EventsStoreClient } from "../api/events.js";
import type { CallOptions, OutgoingMessage, StreamOptions } from "../api/message.js";
import type { Activity, ObservedMessage, Observer } from "../api/telemetry.js";
import { beginProcess, observeLoop, outgoing, sending } from "./observed.js";

type Pattern = "events" | "eventsStore";

/** Maximum links on the span of a publisher; each message carries its own context anyway. */
const MAX_LINKED = 128;

export function observedEvents(client: EventsClient, observer: Observer): EventsClient {
  const pattern = "events";
  return {
    ...observedPublishing(client, pattern, observer),
    subscribe: (filter, options) =>
      observeLoop(client.subscribe(filter, options), beginEvent(observer, pattern, filter.group)),
  };
}

export function observedEventsStore(client: EventsStoreClient, observer: Observer): EventsStoreClient {
  const pattern = "eventsStore";
  return {
    ...observedPublishing(client, pattern, observer),
    subscribe: (filter, options) =>
      observeLoop(client.subscribe(filter, options), beginEvent(observer, pattern, filter.group)),
    replay: (request, options) => observeLoop(client.replay(request, options), beginEvent(observer, pattern)),
  };
}

interface Publishing<Receipt> {
  publish<T>(message: OutgoingMessage<T>, options?: CallOptions): Promise<Receipt>;
  publisher(options?: StreamOptions): EventPublisher<Receipt>;
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

function beginEvent(observer: Observer, pattern: Pattern, group?: string): (event: ObservedMessage) => Activity {
  return (event) => beginProcess(observer, { pattern, group }, event);
}

function observedPublisher<Receipt>(
  publisher: EventPublisher<Receipt>,
  pattern: Pattern,
  observer: Observer,
): EventPublisher<Receipt> {
  return {
    publish: (message) => sending(observer, "publish", pattern, message, (observed) => publisher.publish(observed)),
    publishAll: (messages, options) =>
      publishAll(messages, pattern, observer, (observed) => publisher.publishAll(observed, options)),
    flush: () => publisher.flush(),
    close: () => publisher.close(),
    [Symbol.asyncDispose]: () => publisher[Symbol.asyncDispose](),
  };
}

/** One `create` activity per message taken from the iterable; the `send` activity ends with the iterable. */
async function publishAll<T>(
  messages: Iterable<OutgoingMessage<T>> | AsyncIterable<OutgoingMessage<T>>,
  pattern: Pattern,
  observer: Observer,
  send: (messages: Iterable<OutgoingMessage<T>> | AsyncIterable<OutgoingMessage<T>>) => Promise<number>,
): Promise<number> {
  const startedAt = Date.now();
  const created: Activity[] = [];
  const channels = new Set<string>();
  let count = 0;
  const create = (message: OutgoingMessage<T>) => {
    const { activity, message: carrying } = outgoing(observer, "create", "create", pattern, message);
    activity.end();
    count += 1;
    if (created.length < MAX_LINKED) created.push(activity);
    if (channels.size < 2) channels.add(message.channel);
    return carrying;
  };
  const sent = () => {
    const [channel] = channels.size === 1 ? channels : [];
    const operation = { type: "send", name: "publish", pattern, channel, isBatch: true, created, startedAt } as const;
    return observer.begin({ ...operation, messages: [] });
  };
  try {
    const answered = await send(
      Symbol.asyncIterator in messages ? eachAsync(messages, create) : each(messages, create),
    );
    sent().end({ count });
    return answered;
  } catch (error) {
    sent().end({ count, failure: { error } });
    throw error;
  }
}

function* each<T>(items: Iterable<T>, make: (item: T) => T): Generator<T, void> {
  for (const item of items) yield make(item);
}

async function* eachAsync<T>(items: AsyncIterable<T>, make: (item: T) => T): AsyncGenerator<T, void> {
  for await (const item of items) yield make(item);
}
