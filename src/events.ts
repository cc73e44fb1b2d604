import type { Codec } from "./codec.js";
import { checkChannel, checkOutgoing, encodePayload } from "./internal/check.js";
import type { Connection } from "./internal/connection.js";
import { EventsPlan } from "./internal/events-plan.js";
import { publishOne } from "./internal/publish-one.js";
import { StreamPublisher, type PublisherPlan } from "./internal/publisher.js";
import { StreamEngine } from "./internal/subscription.js";
import { eventOf } from "./internal/wire.js";
import type { CallOptions, Incoming, OutgoingMessage, StreamOptions } from "./message.js";
import type { Subscription } from "./subscription.js";

/** What a subscription is to. */
export interface ChannelFilter<T = Uint8Array> {
  /** The channel. Where wildcards are allowed, `*` stands for one part between dots and a last `>` for one or more. */
  channel: string;
  /** Members of one group share the messages: each goes to one of them. Default: no group, every message. */
  group?: string;
  /** Decodes `message.value`. Default: none, the value is the body. */
  codec?: Codec<T>;
}

/** An event as a subscriber gets it. */
export interface EventMessage<T = Uint8Array> extends Incoming<T> {
  /** When it arrived here: plain events carry no time of the server. */
  readonly receivedAt: Date;
}

/** Publishes events over one stream, many times as fast as a call for each. */
export interface EventPublisher<Receipt> extends AsyncDisposable {
  /**
   * Publishes an event; calls keep their order. Resolves when the server has processed the event, rejects with its refusal, with
   * `TIMEOUT`, or with `UNAVAILABLE` when the connection was lost before that: the event may then have been published or not, and
   * is not sent again. Await it, or use `publishAll`: more than 100,000 events that wait are `RESOURCE_EXHAUSTED`.
   */
  publish<T>(message: OutgoingMessage<T>): Promise<Receipt>;
  /** Publishes what an iterable gives, as fast as the server takes it. The first failure stops it and is thrown. Gives how many were published. */
  publishAll<T>(
    messages: Iterable<OutgoingMessage<T>> | AsyncIterable<OutgoingMessage<T>>,
    options?: { signal?: AbortSignal },
  ): Promise<number>;
  /** Resolves when every event accepted so far has its outcome. */
  flush(): Promise<void>;
  /** Refuses new events, flushes, and ends the stream. */
  close(): Promise<void>;
}

/** Events: at most once, to whoever is subscribed at that moment. */
export interface EventsClient {
  /**
   * Publishes one event and waits for the server's answer, which says that it took the event, not that anybody received it.
   * For many events use `publisher()`.
   */
  publish<T>(message: OutgoingMessage<T>, options?: CallOptions): Promise<void>;
  /** Opens a stream to publish many events. */
  publisher(options?: StreamOptions): EventPublisher<void>;
  /**
   * Subscribes to a channel, wildcards included. What is published while the connection is lost is gone: events are at most once.
   * 256 events wait for a slow loop; beyond that the server is held back, and drops about one event every two seconds.
   */
  subscribe<T = Uint8Array>(filter: ChannelFilter<T>, options?: StreamOptions): Subscription<EventMessage<T>>;
}

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
