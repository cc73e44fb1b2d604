/**
 * The kind of an error: the meaning of each code, and what to do.
 *
 * - `INVALID_ARGUMENT`: an argument was refused before a byte was sent; the message names it and
 *   the allowed values. Fix the call
 * - `UNAVAILABLE`: the server cannot be reached, or the connection was lost; whether a call was
 *   executed is unknown. Try again if executing it twice does no harm
 * - `TIMEOUT`: no answer in time from a responder or from the server, or a response after the
 *   requester's timeout. Check that somebody listens on the channel, or allow more time
 * - `UNAUTHENTICATED`: the token or the certificate was refused. Use a valid token or certificate
 * - `PERMISSION_DENIED`: the token does not allow this. Request the permission, or use another
 *   channel
 * - `NOT_FOUND`: the server does not know the requested object. Check the name
 * - `UNSUPPORTED`: the server does not have this operation. Use another operation or another server
 * - `RESOURCE_EXHAUSTED`: a limit was reached, such as the maximum message size. Send less at once,
 *   or smaller messages
 * - `CLIENT_CLOSED`: the client, the publisher or the subscription was closed. Nothing, if
 *   intended; otherwise keep the client open longer
 * - `STREAM_CONSUMED`: a subscription was iterated a second time. Subscribe again for a second loop
 * - `ALREADY_SETTLED`: a delivery was acknowledged, rejected or requeued a second time. Settle each
 *   delivery once
 * - `LEASE_LOST`: the server has taken the delivery back and delivers it again. Undo work that must
 *   not be done twice, or hold the message longer
 * - `ALREADY_RESPONDED`: a request was answered a second time. Answer each request once
 * - `ENCODE_FAILED`: a codec could not encode a value. Pass a value that the codec supports;
 *   `cause` has the codec's error
 * - `DECODE_FAILED`: a codec could not decode a body. Reject the message or move it aside; `cause`
 *   has the codec's error
 * - `REJECTED_BY_SERVER`: the server refused the operation; `serverCode` has its error number, if
 *   any. Read the message: it contains the server's reason
 * - `PROTOCOL`: the server sent data that the protocol does not allow. Check that the address
 *   belongs to a KubeMQ server, and report it if so
 * - `INTERNAL`: the server failed, or this library has a defect. Check the server's log, and report
 *   it if nothing is there
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

/** What a schema found wrong with a value, and where. */
export interface Issue {
  /** The description of the schema library. */
  readonly message: string;
  /** The keys and indexes that lead to the invalid part; empty for the value itself. */
  readonly path: readonly PropertyKey[];
}

/** Details of an error in addition to its code and message. */
export interface ErrorDetails {
  /** The original error. */
  readonly cause?: unknown;
  /** The operation that failed, such as `events.publish`. */
  readonly operation?: string | undefined;
  /** The channel it failed on. */
  readonly channel?: string | undefined;
  /** The number in the server's message `Error NNN: …`. */
  readonly serverCode?: number | undefined;
  /** What a schema found wrong with a value. */
  readonly issues?: readonly Issue[] | undefined;
  /** Whether trying again may help. Default: true for `UNAVAILABLE`, false for the others. */
  readonly retryable?: boolean | undefined;
}

// A registered symbol, so that errors of a second installed copy of this package are recognised,
// too.
const brand = Symbol.for("kubemq-es.KubeMQError");

/** The only error class of this library. Check `code`, or use {@link KubeMQError.is}. */
export class KubeMQError extends Error {
  // `declare`: `util.inspect` would show a field that is undefined.
  /** Always `KubeMQError`. */
  override readonly name = "KubeMQError" as const;
  /** The kind of the error. */
  readonly code: ErrorCode;
  /**
   * Whether trying the same again may help. A failed send may have been executed, so repeating it
   * can duplicate it.
   */
  readonly retryable: boolean;
  /** The operation that failed, such as `events.publish`. */
  declare readonly operation?: string;
  /** The channel it failed on. */
  declare readonly channel?: string;
  /** The number in the server's message `Error NNN: …`. */
  declare readonly serverCode?: number;
  /**
   * What the schema of a codec found wrong with the value, for `ENCODE_FAILED` and `DECODE_FAILED`.
   * The message has the issues, too.
   */
  declare readonly issues?: readonly Issue[];

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.retryable = details.retryable ?? code === "UNAVAILABLE";
    if (details.operation !== undefined) this.operation = details.operation;
    if (details.channel !== undefined) this.channel = details.channel;
    if (details.serverCode !== undefined) this.serverCode = details.serverCode;
    if (details.issues !== undefined) this.issues = details.issues;
    Object.defineProperty(this, brand, { value: true });
  }

  /** The value for `JSON.stringify`: everything except the stack and the cause. */
  toJSON(): Record<string, unknown> {
    const { name, code, message, retryable, operation, channel, serverCode, issues } = this;
    return { name, code, message, retryable, operation, channel, serverCode, issues };
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
