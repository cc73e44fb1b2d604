/**
 * What went wrong, in one word: what each means, and what to do.
 *
 * - `INVALID_ARGUMENT`: an argument was refused before a byte was sent; the message names it and what is allowed. Mend the call
 * - `UNAVAILABLE`: the server cannot be reached, or the connection was lost; whether a call was carried out is unknown. Try again if doing it twice does no harm
 * - `TIMEOUT`: no answer in time, from a responder or from the server; or an answer that came too late for whoever asked. See whether somebody listens on the channel, or allow more time
 * - `UNAUTHENTICATED`: the token, or the certificate, was refused. Give a valid token, or certificate
 * - `PERMISSION_DENIED`: the token does not allow this. Ask for the permission, or for another channel
 * - `NOT_FOUND`: the server does not know what was asked for. Look at the name
 * - `UNSUPPORTED`: the server does not have this operation. Use another way, or another server
 * - `RESOURCE_EXHAUSTED`: a limit was reached, such as the largest message. Send less at once, or smaller messages
 * - `CLIENT_CLOSED`: the client, or the publisher, was closed. Nothing, when it was meant; else keep the client open longer
 * - `STREAM_CONSUMED`: a subscription was iterated a second time. Subscribe again for a second loop
 * - `ALREADY_SETTLED`: a delivery was acknowledged, rejected or requeued a second time. Settle each delivery once
 * - `LEASE_LOST`: the server has taken the delivery back, and delivers it again. Undo what must not be done twice, or hold the message longer
 * - `ALREADY_RESPONDED`: a request was answered a second time. Answer each request once
 * - `ENCODE_FAILED`: a codec could not make bytes of a value. Give a value that the codec can write; `cause` has the codec's own error
 * - `DECODE_FAILED`: a codec could not make a value of bytes. Reject the message or set it aside; `cause` has the codec's own error
 * - `REJECTED_BY_SERVER`: the server understood, and refused; `serverCode` has its number where it gave one. Read the message: it has the server's words
 * - `PROTOCOL`: the server sent what the protocol does not allow. See whether something else than a KubeMQ server answers there, and report it if not
 * - `INTERNAL`: the server failed, or this library has a defect. Look at the server's log, and report it if nothing is there
 */
export type ErrorCode =
  | "INVALID_ARGUMENT"
  | "UNAVAILABLE"
  | "TIMEOUT"
  | "UNAUTHENTICATED"
  | "PERMISSION_DENIED"
  | "NOT_FOUND"
  | "UNSUPPORTED"
  | "RESOURCE_EXHAUSTED"
  | "CLIENT_CLOSED"
  | "STREAM_CONSUMED"
  | "ALREADY_SETTLED"
  | "LEASE_LOST"
  | "ALREADY_RESPONDED"
  | "ENCODE_FAILED"
  | "DECODE_FAILED"
  | "REJECTED_BY_SERVER"
  | "PROTOCOL"
  | "INTERNAL";

/** What may be said of an error beside its code and its message. */
export interface ErrorDetails {
  /** What caused it, kept as it was. */
  cause?: unknown;
  /** The operation that failed, such as `events.publish`. */
  operation?: string;
  /** The channel it failed on. */
  channel?: string;
  /** The NNN of the server's `Error NNN: …` text. */
  serverCode?: number;
  /** Whether trying again can help. Default: true for `UNAVAILABLE`, false for the rest. */
  retryable?: boolean;
}

// A registered symbol, so that errors of a second installed copy of this package are recognised too.
const brand = Symbol.for("kubemq-es.KubeMQError");

/** The one error class of this library. Look at `code`, or ask {@link KubeMQError.is}. */
export class KubeMQError extends Error {
  /** Always `KubeMQError`. */
  override readonly name = "KubeMQError" as const;
  /** What went wrong, in one word. */
  readonly code: ErrorCode;
  /** Whether trying the same again can help. A send that failed so may have been carried out: trying again can double it. */
  readonly retryable: boolean;
  /** The operation that failed, such as `events.publish`. */
  readonly operation?: string;
  /** The channel it failed on. */
  readonly channel?: string;
  /** The NNN of the server's `Error NNN: …` text. */
  readonly serverCode?: number;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.retryable = details.retryable ?? code === "UNAVAILABLE";
    if (details.operation !== undefined) this.operation = details.operation;
    if (details.channel !== undefined) this.channel = details.channel;
    if (details.serverCode !== undefined) this.serverCode = details.serverCode;
    Object.defineProperty(this, brand, { value: true });
  }

  /** What `JSON.stringify` writes: everything but the stack and the cause. */
  toJSON(): Record<string, unknown> {
    const { name, code, message, retryable, operation, channel, serverCode } = this;
    return { name, code, message, retryable, operation, channel, serverCode };
  }

  static override [Symbol.hasInstance](value: unknown): boolean {
    return typeof value === "object" && value !== null && brand in value;
  }

  /** True for a KubeMQError with one of the codes, or with any code when none is given. */
  static is<C extends ErrorCode = ErrorCode>(
    error: unknown,
    ...codes: C[]
  ): error is KubeMQError & { readonly code: C } {
    return error instanceof KubeMQError && (codes.length === 0 || (codes as readonly ErrorCode[]).includes(error.code));
  }
}
