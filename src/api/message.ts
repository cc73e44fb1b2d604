import type { Encoder } from "./codec.js";

/** Options of an operation that a signal stops. */
export interface AbortOptions {
  /** Stops the operation: see the method. */
  readonly signal?: AbortSignal | undefined;
}

/** Options of a single call. */
export interface CallOptions {
  /**
   * Cancels the call: the promise rejects with `signal.reason`. Whether the server has executed the
   * call is then unknown.
   */
  readonly signal?: AbortSignal | undefined;
  /**
   * Maximum time to wait for the answer, in milliseconds. Default: the client's `timeoutMs`.
   * Rejects with `TIMEOUT`.
   */
  readonly timeoutMs?: number | undefined;
}

/** Whether a message without an answer is sent again. */
export interface ResendOptions {
  /**
   * Sends the message again, with the same id, when the connection is lost before its answer, or
   * when no server can be reached: on the next connection, with the delays of the client's
   * `reconnect` (each at most a tenth of `timeoutMs`), within `timeoutMs` and until `signal`
   * aborts. The call then fails only when no server could be reached meanwhile. What the server
   * refuses, and what a connection that works does not answer in time (`TIMEOUT`), is not sent
   * again.
   *
   * The server may have stored or executed the message before the connection was lost: it may be
   * stored or executed twice, or more often. Receivers recognise the copies by their `id`. Default:
   * the client's `resend`.
   */
  readonly resend?: boolean | undefined;
}

/** Options of a call that sends. */
export interface SendOptions extends CallOptions, ResendOptions {}

/** Options of a stream: a subscription, a consumer, a publisher. */
export interface StreamOptions {
  /** Stops the stream: its loop ends without an error. */
  readonly signal?: AbortSignal | undefined;
  /**
   * False: the first lost connection ends the stream with `UNAVAILABLE`. Default: the client's
   * `reconnect`.
   */
  readonly reconnect?: boolean | undefined;
}

/** Options of a publisher of events. */
export interface EventPublisherOptions extends StreamOptions, ResendOptions {}

/** Options of the methods that call a handler for every message: `handle` and `process`. */
export interface HandlerOptions<M = unknown> extends StreamOptions {
  /** Maximum number of concurrent handlers. With 1, order is preserved. @default 1 */
  readonly concurrency?: number | undefined;
  /**
   * How long running handlers may take to finish when the service is stopped, in milliseconds.
   * After that the signals of requests and leased messages abort, and other queue messages return
   * to their queue. Handlers that still run a second later end the service with `TIMEOUT`.
   *
   * @default 5000 for requests, 30000 for queues
   */
  readonly drainTimeoutMs?: number | undefined;
  /**
   * Called with the error when a handler throws or returns an unusable value. `status()` and the
   * diagnostics channel report the same as `handler-failed`, and also what `onError` itself throws.
   */
  readonly onError?: ((error: unknown, message: M) => void) | undefined;
}

/** Bytes and strings are sent unchanged; anything else needs a codec. */
export type Payload<T> =
  | { readonly body: Uint8Array | string; readonly codec?: undefined }
  | { readonly body: NoInfer<T>; readonly codec: Encoder<T> };

/** A message to send. */
export type OutgoingMessage<T = unknown> = Outgoing & Payload<T>;

/** The properties of every message to send, apart from its body. */
export interface Outgoing {
  /** Id of the message. Default: a random one. */
  readonly id?: string | undefined;
  /**
   * The channel: no wildcards, white space or control characters, no trailing dot, and at most 3,000
   * bytes. Servers store channels of queues of at most 246 bytes, and of the events store of 240.
   */
  readonly channel: string;
  /** A free string. A message needs metadata or a body that is not empty. */
  readonly metadata?: string | undefined;
  /** Key-value pairs for the application. */
  readonly tags?: Readonly<Record<string, string>> | undefined;
}

/** The properties of every received message. */
export interface Incoming<T = Uint8Array> {
  /** Id of the message, set by its sender or by the server. */
  readonly id: string;
  /** The channel it was sent to, without wildcards. */
  readonly channel: string;
  /** The sender's metadata string. */
  readonly metadata: string;
  /** The sender's key-value pairs. */
  readonly tags: Readonly<Record<string, string>>;
  /**
   * True when the id, the channel, the metadata or a tag was not valid UTF-8: each invalid part was
   * replaced by U+FFFD. The body consists of bytes and is not affected. Some senders write invalid
   * strings, such as protobufjs for half an emoji; servers store and deliver them.
   */
  readonly hasInvalidText: boolean;
  /**
   * The received body. It belongs to this message, and no other code writes to it. A small body may
   * share its memory with others and can therefore not be transferred: `postMessage(body)` copies
   * it, and `body.slice()` can be transferred. A retained body retains at most 8 KiB of memory if
   * it has less than 4 KiB, otherwise at most 64 KiB or the memory of its own message.
   */
  readonly body: Uint8Array;
  /**
   * The body, decoded by the codec at the first access. Throws `DECODE_FAILED` there; without a
   * codec it is `body`.
   */
  readonly value: T;
  /** The body as a UTF-8 string; invalid parts become U+FFFD. */
  text(): string;
  /** The body as JSON. Throws `DECODE_FAILED`. */
  json<U = unknown>(): U;
}
