import type { Codec } from "./codec.js";
import type { KubeMQError } from "./errors.js";

/** Which messages a subscription receives. */
export interface ChannelFilter<T = Uint8Array> {
  /**
   * The channel. Where wildcards are allowed, `*` matches one part between dots and a final `>` one
   * or more.
   */
  channel: string;
  /** Members of one group share the messages: each goes to one of them. Default: no group, every message. */
  group?: string;
  /** Decodes `message.value`. Default: none, the value is the body. */
  codec?: Codec<T>;
}

/**
 * A started, single-use stream of messages. Iterate it once, with `for await`; leaving the loop in
 * any way ends it and cancels its call. It ends without an error by `break`, by its signal, by
 * `close()` and by the client's `close()`; it throws a {@link KubeMQError} only when the server
 * refuses it permanently. A second iteration throws `STREAM_CONSUMED`.
 */
export interface Subscription<T> extends AsyncIterable<T>, AsyncDisposable {
  [Symbol.asyncIterator](): AsyncIterator<T, void, void>;
  /**
   * Resolves when the request is on the wire and the server has answered a ping sent behind it:
   * KubeMQ does not confirm subscriptions, and this is the closest available signal. Rejects when
   * the stream ends before that.
   */
  readonly ready: Promise<void>;
  /** Resolves when the stream has ended for good, with its error, if any; never rejects. */
  readonly closed: Promise<KubeMQError | undefined>;
  /**
   * Stops the stream: its loop ends quietly after the current body. Resolves when its resources are gone; called while the body of the
   * loop runs, it resolves at once, since it may be that body which awaits it: what it has in hand can still be settled or answered, and
   * `closed` tells when that is over. Never rejects.
   */
  close(): Promise<void>;
}

/**
 * Handlers that run until they are stopped: what `handle` and `process` give. It works from the call on. Stop it by its signal, by
 * `close()`, by the client's `close()`, or declare it with `await using`.
 *
 * It is a promise as well: `await service` resolves when the service was stopped and its handlers are done, and rejects with the
 * {@link KubeMQError} that ended it. An error that nobody awaits, neither here nor in `closed`, is an unhandled rejection. So do not
 * return a service from an `async` function: the caller would get it when it is over.
 *
 * @example
 * ```ts
 * await using service = client.queries.handle({ channel: "prices" }, (query) => lookUp(query.text()));
 * await service.ready; // from here on questions are answered
 * await untilTheProcessIsToEnd();
 * ```
 */
export interface Service extends Promise<void>, AsyncDisposable {
  /** Resolves when messages are received, as the `ready` of a {@link Subscription} does. Rejects when the service ends before that. */
  readonly ready: Promise<void>;
  /** Resolves when the service has ended and its handlers are done, with the error if one ended it; never rejects. */
  readonly closed: Promise<KubeMQError | undefined>;
  /**
   * Takes no more messages, and resolves when the handlers that run are done: see `drainTimeoutMs`. In a handler it resolves at once,
   * since it would wait for the handler that awaits it. Never rejects.
   */
  close(): Promise<void>;
}
