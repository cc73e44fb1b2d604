import type { CallOptions, Incoming, OutgoingMessage, SendOptions, StreamOptions } from "../message.js";
import type { FailureReply } from "./response.js";

/** Options of a command or a query. */
export interface RequestOptions extends SendOptions {
  /**
   * How long the server waits for a response, in milliseconds: a whole number up to 2147483647.
   * After that the call rejects with `TIMEOUT`: no responder is subscribed to the channel, or none
   * answered in time. Default: the client's `timeoutMs`.
   */
  readonly timeoutMs?: number | undefined;
}

/** A command or a query to send. */
export type OutgoingRequest<T = unknown> = OutgoingMessage<T> & {
  /** Opaque bytes for tracing, delivered to the responder unchanged. */
  readonly span?: Uint8Array | undefined;
};

/** What happens to a request that a loop leaves without a response. */
export type Unanswered = "fail" | "leave";

/** Options of a subscription to commands or queries. */
export interface RequestStreamOptions extends StreamOptions {
  /**
   * How to treat received requests without an answer when the subscription ends: the request in
   * whose body the loop was left by `break`, `return` or `throw`, and the requests that waited for
   * the loop. `"fail"` fails them at once with an explanation, so that their requesters do not wait
   * for their timeouts. Use `"leave"` to answer a request after leaving the loop. Use it also when
   * several responders without a group receive the same requests, because the first answer wins,
   * even a failure.
   * @default "fail"
   */
  readonly unanswered?: Unanswered | undefined;
}

/** The common properties of received commands and queries. */
export interface IncomingRequest<T = Uint8Array> extends Incoming<T> {
  /** The requester's `clientId`. */
  readonly clientId: string;
  /** How long the requester waits, in milliseconds from the time of its request. */
  readonly timeoutMs: number;
  /**
   * How long the requester still waits, in milliseconds from the arrival of the request. It is 0 or
   * less when its time-out has passed.
   */
  readonly remainingMs: number;
  /** The requester's tracing bytes, if it sent any. */
  readonly span?: Uint8Array;
  /**
   * Aborts when an answer has become useless; its reason is the error with which `respond` would
   * reject. It aborts when the requester's timeout has passed, counted from the arrival of the
   * request (`TIMEOUT`). It aborts when the request was failed because its loop was left or its
   * handler was given up (`ALREADY_RESPONDED`). It does not abort when the connection is lost or
   * the subscription is stopped: the requester still waits, and the response uses the next
   * connection. Servers do not report that a requester has gone.
   */
  readonly signal: AbortSignal;
  /**
   * Reports that the request was not carried out, and the reason. `reply` has tags for the
   * requester besides the options of the call.
   *
   * @throws {KubeMQError} ALREADY_RESPONDED when the request was answered before
   * @throws {KubeMQError} TIMEOUT when the requester's timeout has passed
   * @throws {KubeMQError} UNAVAILABLE when the server cannot be reached
   */
  fail(error: string | Error, reply?: FailureReply & CallOptions): Promise<void>;
}
