import type { EventPublisher, EventsClient } from "../events.js";
import type { EventsStoreClient } from "../events-store.js";
import type { OutgoingMessage } from "../message.js";
import type { Observer } from "../telemetry.js";
import { beginProcess, during, observeLoop, outgoing } from "./observed.js";

type Pattern = "events" | "eventsStore";

/** Links to so many messages tell where a stream of them came from; every one has its own context in any case. */
const MAX_LINKED = 128;

export function observedEvents(client: EventsClient, observer: Observer): EventsClient {
  const pattern = "events";
  return {
    async publish(message, options) {
      const sent = outgoing(observer, "send", "publish", pattern, message);
      return during(sent.activity, () => client.publish(sent.message, options));
    },
    publisher: (options) => observedPublisher(client.publisher(options), pattern, observer),
    subscribe(filter, options) {
      const subscription = client.subscribe(filter, options);
      observeLoop(subscription, (event) => beginProcess(observer, { pattern, group: filter.group }, event));
      return subscription;
    },
  };
}

export function observedEventsStore(client: EventsStoreClient, observer: Observer): EventsStoreClient {
  const pattern = "eventsStore";
  return {
    async publish(message, options) {
      const sent = outgoing(observer, "send", "publish", pattern, message);
      return during(sent.activity, () => client.publish(sent.message, options));
    },
    publisher: (options) => observedPublisher(client.publisher(options), pattern, observer),
    subscribe(filter, options) {
      const subscription = client.subscribe(filter, options);
      observeLoop(subscription, (event) => beginProcess(observer, { pattern, group: filter.group }, event));
      return subscription;
    },
    replay(request, options) {
      const subscription = client.replay(request, options);
      observeLoop(subscription, (event) => beginProcess(observer, { pattern }, event));
      return subscription;
    },
  };
}

function observedPublisher<Receipt>(
  publisher: EventPublisher<Receipt>,
  pattern: Pattern,
  observer: Observer,
): EventPublisher<Receipt> {
  return {
    async publish(message) {
      const sent = outgoing(observer, "send", "publish", pattern, message);
      return during(sent.activity, () => publisher.publish(sent.message));
    },
    publishAll: (messages, options) =>
      publishAll(messages, pattern, observer, (observed) => publisher.publishAll(observed, options)),
    flush: () => publisher.flush(),
    close: () => publisher.close(),
    [Symbol.asyncDispose]: () => publisher[Symbol.asyncDispose](),
  };
}

/** Every message is created when it is taken from the iterable; the whole is sent when the iterable is at its end. */
async function publishAll<T>(
  messages: Iterable<OutgoingMessage<T>> | AsyncIterable<OutgoingMessage<T>>,
  pattern: Pattern,
  observer: Observer,
  send: (messages: Iterable<OutgoingMessage<T>> | AsyncIterable<OutgoingMessage<T>>) => Promise<number>,
): Promise<number> {
  const startedAt = Date.now();
  const created: ReturnType<typeof outgoing>["activity"][] = [];
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
    const messages: [] = [];
    return observer.begin({
      type: "send",
      name: "publish",
      pattern,
      channel,
      messages,
      isBatch: true,
      created,
      startedAt,
    });
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
