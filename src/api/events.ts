import type { Codec } from "./codec.js";
import type { CallOptions, Incoming, OutgoingMessage, StreamOptions } from "./message.js";
import type { ChannelFilter, Subscription } from "./subscription.js";

/** An event as a subscriber receives it. */
export interface EventMessage<T = Uint8Array> extends Incoming<T> {
  /** When it arrived at this client: plain events have no time of the server. */
  readonly receivedAt: Date;
}

/** Publishes events over its own stream, many times as fast as the client's `publish()`. */
export interface EventPublisher<Receipt> extends AsyncDisposable {
  /**
   * Publishes an event. Calls keep their order. Resolves when the server has processed the event. The body is not copied: do not
   * change its bytes before that. Await the promise, or use {@link EventPublisher.publishAll}.
   *
   * @throws {KubeMQError} TIMEOUT when the server did not confirm the event within the client's `timeoutMs`
   * @throws {KubeMQError} UNAVAILABLE when the connection was lost before that: the event may have been published or not, and is
   *   not sent again
   * @throws {KubeMQError} RESOURCE_EXHAUSTED when more than 100,000 events wait to be sent
   */
  publish<T>(message: OutgoingMessage<T>): Promise<Receipt>;
  /**
   * Publishes what an iterable yields, as fast as the server takes it. The first failure stops it and is thrown; so does the signal, and
   * a close of the publisher or of the client, also while the iterable has nothing to yield. Bodies are not copied: do not change
   * bytes that were yielded before this has resolved.
   *
   * @returns how many events were published
   * @example
   * await using publisher = client.eventsStore.publisher();
   * await publisher.publishAll(readings.map((reading) => ({ channel: "readings", body: reading, codec: json() })));
   */
  publishAll<T>(
    messages: Iterable<OutgoingMessage<T>> | AsyncIterable<OutgoingMessage<T>>,
    options?: { signal?: AbortSignal },
  ): Promise<number>;
  /** Resolves when every event accepted so far has an outcome. */
  flush(): Promise<void>;
  /** Refuses new events, sends the accepted ones, and ends the stream. */
  close(): Promise<void>;
}

/** Events: delivered at most once, to everyone subscribed at that moment. */
export interface EventsClient {
  /**
   * Publishes one event. Resolves when the server has processed it, which does not mean that a subscriber received it. Events that
   * are published at once share a stream, in the order of the calls; an event of more than 64 KiB is sent beside it. Do not change the
   * body before the promise resolves.
   *
   * @throws {KubeMQError} TIMEOUT when the server did not confirm the event in time
   * @throws {KubeMQError} UNAVAILABLE when the connection was lost before that: the event may have been published or not
   */
  publish<T>(message: OutgoingMessage<T>, options?: CallOptions): Promise<void>;
  /** Opens a stream to publish many events. */
  publisher(options?: StreamOptions): EventPublisher<void>;
  /**
   * Subscribes to a channel, which may have wildcards. Events published while the connection is
   * lost are not delivered. A slow loop buffers 256 events; beyond that, flow control holds back
   * the server, which drops about one event every two seconds.
   */
  subscribe<T = Uint8Array>(filter: ChannelFilter<T>, options?: StreamOptions): Subscription<EventMessage<T>>;
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
  channel: string;
  /** The start: any position except `new`. */
  start: Exclude<StartPosition, { from: "new" }>;
  /** Decodes `event.value`. Default: none, the value is the body. */
  codec?: Codec<T>;
  /** How long a server that answers may send nothing until that counts as "there is nothing", in milliseconds. Default 1000. */
  quietMs?: number;
}

/** Events store: events that the server keeps, and that can be read from any position. */
export interface EventsStoreClient {
  /**
   * Publishes one event. Resolves when the server has taken it. KubeMQ confirms an event when it hands it to its store: a server that
   * dies in that moment may still lose it, and it can be read a moment later; a `replay()` of this client waits for it. Events share a
   * stream of the client, in the order of the calls; an event of more than 64 KiB is sent beside it. Do not change the body before the
   * promise resolves.
   *
   * @throws {KubeMQError} TIMEOUT when the server did not confirm the event in time
   * @throws {KubeMQError} UNAVAILABLE when the connection was lost before that: the event may have been stored or not
   */
  publish<T>(message: OutgoingMessage<T>, options?: CallOptions): Promise<{ readonly id: string }>;
  /** Opens a stream to publish many events, each with the server's answer. They are stored in the order of the calls. */
  publisher(options?: StreamOptions): EventPublisher<{ readonly id: string }>;
  /**
   * Subscribes to one channel, without wildcards. Without a group the loop sees every event from the start position on, in the order
   * of sequences, once, however often the connection breaks and however slow the loop is:
   *
   * - Every attempt subscribes with a ClientID of its own (the client's, and 8 random characters) after the last event that was
   *   received. Each leaves a position behind on the server, which forgets it with the channel.
   * - Until the first event has come, `new` and `timeDelta` mean the moment of the first attempt by this machine's clock; `last`
   *   means what is last when an attempt succeeds.
   * - What a server drops because the loop is slow (after 2 seconds) is noticed by its sequence and fetched again. After a loop was
   *   held back for a second or more and has caught up, the end of the channel is fetched once more, for the case that its last events
   *   were dropped. `client.status()` tells each `gap`, also when events are gone for good, by the server's retention.
   * - A channel that lost events or was removed, and counts anew, is read from its new beginning; that is a `gap` too, to a lower sequence.
   *
   * With a group each event goes to one of its members, and the position is the group's, kept by the server: the start position
   * counts only for the first member there ever was. The server moves it on as it sends, so when a member's connection breaks, or its loop
   * ends or is slow, what was on its way to it is lost to the group: some hundred events. Sequences then have gaps by nature, and none is reported.
   */
  subscribe<T = Uint8Array>(
    filter: ChannelFilter<T> & { start: StartPosition },
    options?: StreamOptions,
  ): StoreSubscription<T>;
  /**
   * Reads from a start position to the end of what is stored when it is called, then ends by itself. Resumes like `subscribe`.
   *
   * The end is found by a second, short subscription that asks for the last event: its sequence is the end, and what is stored
   * meanwhile is not part of the replay. What this client published in the ten seconds before the call, and the server confirmed, is
   * part of it: when the end comes before such an event, the replay waits for it, for three times `quietMs` at most. KubeMQ does not say that a channel is empty; so a channel counts as empty when it stays silent for
   * `quietMs` after the server has answered a ping. When the rest of a channel stays silent for so long, it is asked for again, and
   * after three times counts as gone.
   */
  replay<T = Uint8Array>(request: ReplayRequest<T>, options?: StreamOptions): StoreSubscription<T>;
}
