import type { Decoder } from "./codec.js";
import type {
  AbortOptions,
  EventPublisherOptions,
  Incoming,
  OutgoingMessage,
  SendOptions,
  StreamOptions,
} from "./message.js";
import type { SentAs } from "./sent-as.js";
import type { SubscribeRequest, Subscription } from "./subscription.js";

/** An event as a subscriber receives it. */
export interface EventMessage<T = Uint8Array> extends Incoming<T> {
  /** Time of its arrival at this client: servers do not send a time for plain events. */
  readonly receivedAt: Date;
}

/** The kinds of events: `eventsStore` for stored ones. */
export type EventKind = "events" | "eventsStore";

/** Publishes events over its own stream, many times faster than the client's `publish()`. */
export interface EventPublisher<Receipt, Kind extends EventKind = EventKind> extends AsyncDisposable {
  /**
   * Publishes an event. Events are sent in the order of the calls. Resolves when the server has
   * processed the event. The body is not copied: do not change its bytes before that. Await the
   * promise, or use {@link EventPublisher.publishAll}.
   *
   * @throws {KubeMQError} TIMEOUT when the server did not confirm the event within the client's
   *   `timeoutMs`
   * @throws {KubeMQError} UNAVAILABLE when the connection was lost before that: the event may have
   *   been published, and is not sent again without `resend`
   * @throws {KubeMQError} RESOURCE_EXHAUSTED when more than 100,000 events wait to be sent
   * @throws {KubeMQError} INVALID_ARGUMENT or ENCODE_FAILED when the event is refused before it is
   *   sent; CLIENT_CLOSED when the publisher or the client is closed
   * @example
   * ```ts
   * await client.events.publish({ channel: "sensors.kitchen", body: "21.5", tags: { unit: "C" } });
   * ```
   */
  publish<T>(message: OutgoingMessage<T> & SentAs<Kind>): Promise<Receipt>;
  /**
   * Publishes the events of an iterable, as fast as the server accepts them. The first failure
   * stops it and is thrown. The signal, and a close of the publisher or of the client, also stop
   * it, even while it waits for the iterable. Bodies are not copied: do not change their bytes
   * before the promise resolves.
   *
   * @returns the number of published events
   * @throws {KubeMQError} TIMEOUT or UNAVAILABLE when an event fails, or another code of
   *   {@link EventPublisher.publish}; CLIENT_CLOSED when the publisher or the client is closed
   * @example
   * await using publisher = client.eventsStore.publisher();
   * await publisher.publishAll(readings.map((reading) => ({ channel: "readings", body: reading, codec: json() })));
   */
  publishAll<T>(
    messages: Iterable<OutgoingMessage<T> & SentAs<Kind>> | AsyncIterable<OutgoingMessage<T> & SentAs<Kind>>,
    options?: AbortOptions,
  ): Promise<number>;
  /** Resolves when every event accepted so far has an outcome. Never rejects. */
  flush(): Promise<void>;
  /** Refuses new events, sends the accepted ones, and ends the stream. Never rejects. */
  close(): Promise<void>;
}

/** Events: delivered at most once, to all current subscribers. */
export interface EventsClient {
  /**
   * Publishes one event. Resolves when the server has processed it, which does not mean that a
   * subscriber received it. Concurrent events share a stream, in the order of the calls; an event
   * of more than 64 KiB is sent beside it. Do not change the body before the promise resolves.
   *
   * @throws {KubeMQError} TIMEOUT when the server did not confirm the event in time
   * @throws {KubeMQError} UNAVAILABLE when the connection was lost before that: the event may have
   *   been published, and is not sent again without `resend`
   * @throws {KubeMQError} INVALID_ARGUMENT or ENCODE_FAILED when the event is refused before it is
   *   sent; CLIENT_CLOSED after `close()`
   */
  publish<T>(message: OutgoingMessage<T> & SentAs<"events">, options?: SendOptions): Promise<void>;
  /**
   * Opens a stream to publish many events.
   *
   * @throws {KubeMQError} INVALID_ARGUMENT for an invalid argument; CLIENT_CLOSED after `close()`
   * @example
   * ```ts
   * await using publisher = client.events.publisher();
   * for (const reading of readings) await publisher.publish({ channel: "sensors.kitchen", body: reading });
   * ```
   */
  publisher(options?: EventPublisherOptions): EventPublisher<void, "events">;
  /**
   * Subscribes to a channel, which may have wildcards. Events published while the connection is
   * lost are not delivered. A slow loop buffers 256 events; beyond that, flow control holds back
   * the server, which drops about one event every two seconds.
   *
   * @throws {KubeMQError} INVALID_ARGUMENT for an invalid argument; CLIENT_CLOSED after `close()`
   * @example
   * ```ts
   * for await (const event of client.events.subscribe({ channel: "sensors.*" })) {
   *   console.log(event.channel, event.text());
   * }
   * ```
   */
  subscribe<T = Uint8Array>(filter: SubscribeRequest<T>, options?: StreamOptions): Subscription<EventMessage<T>>;
}

/** The start position of a store subscription. */
export type StartPosition =
  /** Events stored from now on. */
  | { readonly from: "new" }
  /** Starts with the oldest stored event. */
  | { readonly from: "first" }
  /** Starts with the last stored event. */
  | { readonly from: "last" }
  /**
   * Starts with this sequence, from 1; with the next stored one if it was removed; beyond the end
   * with the next new event.
   */
  | { readonly from: "sequence"; readonly sequence: bigint | number }
  /**
   * Starts with the first event stored at this time or later; a time in the future means new
   * events. Servers are inexact by some microseconds: to continue where a loop stopped, use a
   * sequence.
   */
  | { readonly from: "time"; readonly time: Date }
  /** Starts with the first event of the last N seconds: a whole number from 1. */
  | { readonly from: "timeDelta"; readonly seconds: number };

/** A stored event. */
export interface StoredEvent<T = Uint8Array> extends Incoming<T> {
  /** Its sequence on the channel: 1, 2, 3 and so on, without gaps. */
  readonly sequence: bigint;
  /** When the server stored it. */
  readonly timestamp: Date;
  /** The time when the server stored it, in nanoseconds since 1970. */
  readonly timestampNanos: bigint;
}

/** An event that the server has accepted. */
export interface PublishedEvent {
  /** Id of the event. */
  readonly id: string;
}

/** Selects the stored events of a subscription. */
export interface StoreSubscribeRequest<T = Uint8Array> extends SubscribeRequest<T> {
  /** The start. With a group, it applies to the first member that ever joined. */
  readonly start: StartPosition;
}

/** A subscription to stored events. */
export interface StoreSubscription<T = Uint8Array> extends Subscription<StoredEvent<T>> {
  /**
   * The sequence of the last event whose loop body finished, which is when the loop asks for the
   * next event; `break` and `throw` do not count. Undefined before the first. Store it, and after a
   * restart subscribe from `position + 1n`: unfinished events are delivered again.
   */
  readonly position: bigint | undefined;
}

/** Selects the events of a replay. */
export interface ReplayRequest<T = Uint8Array> {
  /** The channel, without wildcards. */
  readonly channel: string;
  /** The start: any position except `new`. */
  readonly start: Exclude<StartPosition, { from: "new" }>;
  /** Decodes `event.value`. Default: none, the value is the body. */
  readonly codec?: Decoder<T> | undefined;
  /**
   * How long a server that answers pings must be silent before the channel counts as having no
   * further events, in milliseconds.
   *
   * @default 1000
   */
  readonly quietMs?: number | undefined;
}

/** Events store: the server keeps the events, and they can be read from any position. */
export interface EventsStoreClient {
  /**
   * Publishes one event. Resolves when the server has accepted it. KubeMQ confirms an event when it
   * passes the event to its store: a server that crashes at that moment may lose it. It becomes
   * readable shortly after the confirmation; a `replay()` of this client waits for it. Events share
   * a stream of the client, in the order of the calls; an event of more than 64 KiB is sent beside
   * it. Do not change the body before the promise resolves.
   *
   * @throws {KubeMQError} TIMEOUT when the server did not confirm the event in time
   * @throws {KubeMQError} UNAVAILABLE when the connection was lost before that: the event may have
   *   been stored, and is not sent again without `resend`
   * @throws {KubeMQError} INVALID_ARGUMENT or ENCODE_FAILED when the event is refused before it is
   *   sent; CLIENT_CLOSED after `close()`
   */
  publish<T>(message: OutgoingMessage<T> & SentAs<"eventsStore">, options?: SendOptions): Promise<PublishedEvent>;
  /**
   * Opens a stream to publish many events and receive the server's answer to each. They are stored
   * in the order of the calls.
   *
   * @throws {KubeMQError} INVALID_ARGUMENT for an invalid argument; CLIENT_CLOSED after `close()`
   * @example
   * ```ts
   * await using publisher = client.eventsStore.publisher();
   * await publisher.publish({ channel: "audit", body: "signed in" });
   * ```
   */
  publisher(options?: EventPublisherOptions): EventPublisher<PublishedEvent, "eventsStore">;
  /**
   * Subscribes to one channel, without wildcards. Without a group the loop receives every event
   * from the start position on, once, in the order of sequences. Lost connections and a slow loop
   * do not change that:
   *
   * - Every attempt subscribes after the last received event, with its own ClientID (the client's,
   *   and 8 random characters). Each attempt leaves a position on the server, which the server
   *   deletes with the channel.
   * - Before the first event, every attempt resolves `new` and `timeDelta` to the time of the first
   *   attempt, by this machine's clock. `last` means the last event at the time of the successful
   *   attempt.
   * - A server drops events for a slow loop (after 2 seconds). The client detects the missing
   *   sequences and fetches them again. After a loop was held back for a second or more and has
   *   caught up, the client fetches the end of the channel again, because the last events may have
   *   been dropped. `client.status()` reports each `gap`, also when the server's retention has
   *   removed the events.
   * - A channel that lost events or was removed, and whose sequences restart, is read from its new
   *   beginning. The status reports that as a `gap` to a lower sequence.
   * - A client with a list of servers may move to a server whose channel has another history. Of
   *   that history the loop receives the events that are newer than the last received one, and a
   *   `gap` names the server. On return to an earlier server it continues where it was there.
   *
   * With a group each event goes to one of its members. The server keeps the position of the group:
   * the start position applies only to the first member that ever joined. The server advances the
   * position when it sends. When a member's connection is lost, or its loop ends or is slow, the
   * group loses the events in transit: some hundred. Sequences therefore have gaps, and none is
   * reported.
   *
   * @throws {KubeMQError} INVALID_ARGUMENT for an invalid argument; CLIENT_CLOSED after `close()`
   * @example
   * ```ts
   * for await (const entry of client.eventsStore.subscribe({ channel: "audit", start: { from: "first" } })) {
   *   console.log(entry.sequence, entry.text());
   * }
   * ```
   */
  subscribe<T = Uint8Array>(filter: StoreSubscribeRequest<T>, options?: StreamOptions): StoreSubscription<T>;
  /**
   * Reads from a start position to the end of the events stored at the time of the call, then ends
   * by itself. Resumes like `subscribe`.
   *
   * A second, short subscription finds the end: it requests the last event and takes its sequence.
   * Events stored meanwhile are not part of the replay. Events that this client published in the
   * ten seconds before the call, and that the server confirmed, are part of it. When the end is
   * before such an event, the replay waits for it, for at most three times `quietMs`.
   *
   * KubeMQ does not report that a channel is empty. A channel therefore counts as empty when it is
   * silent for `quietMs` after the server has answered a ping. When the rest of a channel is silent
   * for `quietMs`, the client requests it again, and after three times counts it as gone.
   *
   * @throws {KubeMQError} INVALID_ARGUMENT for an invalid argument; CLIENT_CLOSED after `close()`
   * @example
   * ```ts
   * const entries = client.eventsStore.replay({ channel: "audit", start: { from: "first" } });
   * for await (const entry of entries) console.log(entry.text()); // ends by itself
   * ```
   */
  replay<T = Uint8Array>(request: ReplayRequest<T>, options?: StreamOptions): StoreSubscription<T>;
}
