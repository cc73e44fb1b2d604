import type { Codec } from "./codec.js";

/** Options of a single call. */
export interface CallOptions {
  /** Gives up: the promise rejects with `signal.reason`. Whether the server has carried out the call is then unknown. */
  signal?: AbortSignal;
  /** How long to wait for the answer, in milliseconds. Default: the client's `timeoutMs`. Rejects with `TIMEOUT`. */
  timeoutMs?: number;
}

/** Options of a stream: a subscription, a consumer, a publisher. */
export interface StreamOptions {
  /** Stops the stream: its loop ends quietly. */
  signal?: AbortSignal;
  /** False: the first lost connection ends the stream with `UNAVAILABLE`. Default: as the client's `reconnect` says. */
  reconnect?: boolean;
}

/** Options of what calls a handler for every message: `handle` and `process`. */
export interface HandlerOptions<M = unknown> extends StreamOptions {
  /** How many handlers may run at once. One keeps the order. @default 1 */
  concurrency?: number;
  /**
   * How long handlers that run when the service is stopped may take to finish, in milliseconds. Then their messages are given up: the
   * signals of requests and of leased messages abort, other messages of queues go back to their queue. Handlers that still run a
   * second later end the service with `TIMEOUT`. @default 5000 for requests, 30000 for queues
   */
  drainTimeoutMs?: number;
  /**
   * Called when a handler throws or returns what cannot be used, with what it threw. The same is told by `status()` and on the
   * diagnostics channel, as `handler-failed`. What it throws itself is told there, too.
   */
  onError?(error: unknown, message: M): void;
}

/** Bytes and strings travel as they are; anything else needs a codec. */
export type Payload<T> = { body: Uint8Array | string; codec?: undefined } | { body: T; codec: Codec<T> };

/** A message to send. */
export type OutgoingMessage<T = unknown> = Outgoing & Payload<T>;

/** What every message to send has, whatever its body is. */
export interface Outgoing {
  /** Id of the message. Default: a random one. */
  id?: string;
  /** Where to: no wildcards, no white space or control characters, no trailing dot. */
  channel: string;
  /** Free text. A message needs metadata or a body that is not empty. */
  metadata?: string;
  /** Key-value pairs for the application. */
  tags?: Readonly<Record<string, string>>;
}

/** What every received message has. */
export interface Incoming<T = Uint8Array> {
  /** Id of the message, given by its sender or by the server. */
  readonly id: string;
  /** The channel it was sent to, concrete also for a wildcard subscription. */
  readonly channel: string;
  /** Free text of the sender. */
  readonly metadata: string;
  /** Key-value pairs of the sender. */
  readonly tags: Readonly<Record<string, string>>;
  /**
   * True when the id, the channel, the metadata or a tag was not UTF-8 on the wire: each invalid part was read as U+FFFD. The body is
   * bytes and is not concerned. Some senders write such text, protobufjs for half an emoji; servers store and deliver it.
   */
  readonly hasInvalidText: boolean;
  /**
   * The body as it came: the message's own, nobody else writes to it. A small one may share its memory with others, which therefore cannot be
   * transferred: `postMessage(body)` copies, and `body.slice()` can be transferred. Keeping a body keeps at most 8 KiB of memory when it
   * has less than 4 KiB, at most 64 KiB or the memory of its own message when it is larger.
   */
  readonly body: Uint8Array;
  /** The body, decoded by the codec on first read. Throws `DECODE_FAILED` in your frame; without a codec it is `body`. */
  readonly value: T;
  /** The body as UTF-8 text; what is not UTF-8 becomes U+FFFD. */
  text(): string;
  /** The body as JSON. Throws `DECODE_FAILED`. */
  json<U = unknown>(): U;
}
