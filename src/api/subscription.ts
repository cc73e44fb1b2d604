import type { Decoder } from "./codec.js";
import type { KubeMQError } from "./errors.js";

/** Selects the messages of a subscription or a service. */
export interface SubscribeRequest<T = Uint8Array> {
  /**
   * The channel, without empty parts between dots. Where wildcards are allowed, `*` matches one
   * part between dots and a final `>` one or more.
   */
  readonly channel: string;
  /**
   * The group of this member. Each message goes to one member of the group. Default: no group,
   * every message.
   */
  readonly group?: string | undefined;
  /** Decodes `message.value`. Default: none, the value is the body. */
  readonly codec?: Decoder<T> | undefined;
}

/**
 * A started, single-use stream of messages. Iterate it once, with `for await`; leaving the loop in
 * any way ends it and cancels its call. It ends without an error by `break`, by its signal, by
 * `close()` and by the client's `close()`; it throws a {@link KubeMQError} only when the server
 * refuses it permanently.
 *
 * @throws {KubeMQError} STREAM_CONSUMED when it is iterated a second time
 * @throws {KubeMQError} UNAUTHENTICATED, PERMISSION_DENIED or REJECTED_BY_SERVER in the loop, when
 *   the server refuses the subscription; another code of the last failure, when
 *   `reconnect.maxAttempts` is reached
 */
export interface Subscription<T> extends AsyncIterable<T>, AsyncDisposable {
  [Symbol.asyncIterator](): AsyncIterator<T, void, void>;
  /**
   * Resolves when the subscription works, as far as a client can know: KubeMQ does not confirm
   * subscriptions. The request is on the wire, at least 10 ms have passed, and the server has
   * answered twelve pings sent after it, one after another, and more while it is slow. Messages
   * sent from then on arrive. That is not a guarantee: a community server (v2.4.0) missed 0 of
   * 10,000, and 1 of 5,000 when it was under load and lacked processor time. Rejects when the
   * stream ends before that.
   */
  readonly ready: Promise<void>;
  /** Resolves when the stream has ended for good, with its error, if any; never rejects. */
  readonly closed: Promise<KubeMQError | undefined>;
  /**
   * Stops the stream: its loop ends without an error after the current body. Resolves when the
   * resources are released. While the body of the loop runs it resolves immediately, because that
   * body may be the caller: the message in hand can still be settled or answered, and `closed`
   * resolves after that. Never rejects.
   */
  close(): Promise<void>;
}

/**
 * A running handler: what `handle` and `process` return. It receives messages from the call on.
 * Stop it with its signal, `close()`, the client's `close()` or `await using`.
 *
 * It is also a promise: `await service` resolves when the service was stopped and its handlers have
 * finished, and rejects with the {@link KubeMQError} that ended it. An error that is awaited
 * neither here nor by `closed` is an unhandled rejection, except after `close()`, when the status
 * (`handler-failed`) reports handlers that ignore their signals. Do not return a service from an
 * `async` function: the caller would receive it only after its end.
 *
 * @example
 * await using service = client.queries.handle({ channel: "prices" }, (query) => priceOf(query.text()));
 * await service.ready; // queries are answered from here on
 */
export interface Service extends Promise<void>, AsyncDisposable {
  /** Resolves like `ready` of a {@link Subscription}. Rejects when the service ends before that. */
  readonly ready: Promise<void>;
  /**
   * Resolves when the service has ended and its handlers have finished, with its error, if any;
   * never rejects.
   */
  readonly closed: Promise<KubeMQError | undefined>;
  /**
   * Receives no more messages, and resolves when the running handlers have finished, see
   * `drainTimeoutMs`. The server then sends the next request to another responder: the service of
   * `handle` has waited up to 5 s for the server's answers to pings. In a handler of the same
   * client it resolves immediately, because it would wait for its own caller. Never rejects.
   */
  close(): Promise<void>;
}
