import { KubeMQError } from "./errors.js";
import {
  checkBytes,
  checkChannel,
  checkInteger,
  checkOutgoing,
  checkSize,
  encodePayload,
  refuse,
  type Subject,
} from "./internal/check.js";
import type { Connection } from "./internal/connection.js";
import { fault } from "./internal/fault.js";
import { newId } from "./internal/ids.js";
import {
  estimatedSize,
  exactSize,
  requestOf,
  responseParts,
  sendRequestMethod,
  type RequestKind,
  type ResponseParts,
  type WireRequest,
} from "./internal/wire-requests.js";
import type { CallOptions, Incoming, OutgoingMessage, StreamOptions } from "./message.js";
import { MAX_TIMER_MS } from "./options.js";

/** Options of a command or a query. */
export interface RequestOptions extends CallOptions {
  /**
   * How long the server waits for a response, in milliseconds, a whole number up to 2147483647. Rejects with `TIMEOUT` after that: nobody
   * responds on the channel, or not in time. Default: the client's `timeoutMs`.
   */
  timeoutMs?: number;
}

/** A command or a query to send. */
export type OutgoingRequest<T = unknown> = OutgoingMessage<T> & {
  /** Opaque bytes for tracing, carried to the responder as they are. */
  span?: Uint8Array;
};

/** What goes with a response. */
export interface Reply {
  /** Free text. Askers of queries get it; servers strip it from responses to commands. */
  metadata?: string;
  /** Key-value pairs for the application. */
  tags?: Record<string, string>;
  /** Opaque bytes for tracing, carried to the asker as they are. */
  span?: Uint8Array;
}

/** What happens to a request that a loop leaves without an answer. */
export type Unanswered = "fail" | "leave";

/** Options of a subscription to commands or queries. */
export interface RequestStreamOptions extends StreamOptions {
  /**
   * What becomes of requests that the subscription has received and not answered when it ends: the one in whose body the loop was
   * left by `break`, `return` or `throw`, and those that waited for their turn. With `"fail"` they are failed at once with a text
   * that says so, and their askers need not wait out their time-outs. Use `"leave"` when you answer a request after
   * the loop was left, or when several responders without a group get the same requests: the first answer wins, a failure too.
   * @default "fail"
   */
  unanswered?: Unanswered;
}

/** What received commands and queries share. */
export interface IncomingRequest<T = Uint8Array> extends Incoming<T> {
  /** Who asks: the asker's `clientId`. */
  readonly clientId: string;
  /** How long the asker waits, in milliseconds from when it asked. */
  readonly timeoutMs: number;
  /** The asker's tracing bytes, if it sent any. */
  readonly span?: Uint8Array;
  /**
   * Aborts when an answer is of no use any more; its reason is the error that `respond` would now reject with. So it is when
   * the asker's time-out has passed, counted from the arrival of the request (`TIMEOUT`), and when the request was failed because its loop
   * was left or its handler was given up (`ALREADY_RESPONDED`). It does not abort when the connection is lost, nor when the subscription
   * is stopped: the asker still waits, and the response goes over whatever connection there is. That an asker has gone away itself is
   * not told by the server.
   */
  readonly signal: AbortSignal;
  /**
   * Says that the request was not carried out, and why. Rejects like `respond`.
   */
  fail(error: string | Error, options?: CallOptions): Promise<void>;
}

/** What commands and queries say of a response, whatever its outcome. */
export interface ResponseInfo {
  /** When the responder answered, by its clock; where it does not say, when its answer arrived. */
  readonly timestamp: Date;
  /** Key-value pairs of the responder. */
  readonly tags: Readonly<Record<string, string>>;
  /** Who answered: the responder's `clientId`. */
  readonly clientId: string;
  /** The responder's tracing bytes, if it sent any. */
  readonly span?: Uint8Array;
}

/** The call may take longer than the server waits for a responder: the server's own answer, that nobody did, is to arrive. */
const MARGIN_MS = 5_000;

/** A request that is ready to be sent. @internal */
export interface PreparedRequest {
  readonly id: string;
  readonly timeoutMs: number;
  readonly wire: WireRequest;
}

/** Checks a request and makes its wire form. @internal */
export function prepareRequest(
  connection: Connection,
  kind: RequestKind,
  message: OutgoingRequest,
  options: RequestOptions | undefined,
  cache?: { key: string; ttlSeconds: number },
): PreparedRequest {
  const operation = `${kind}.send`;
  const { channel, span } = message;
  const subject = { operation, channel };
  checkChannel(operation, channel);
  checkOutgoing(operation, message);
  checkBytes(subject, "span", span);
  if (cache !== undefined) checkCache(subject, cache);
  const timeoutMs = requestTimeout(connection, subject, options);
  const { clientId, maxMessageBytes } = connection.options;
  const body = encodePayload(operation, message);
  const id = message.id ?? newId();
  const wire = requestOf(kind, clientId, { ...message, id }, body, { timeoutMs, span, cache });
  checkSize(subject, estimatedSize(wire), () => exactSize(wire), maxMessageBytes);
  return { id, timeoutMs, wire };
}

/** How long the server is to wait: whole milliseconds in 32 bits. @internal */
export function requestTimeout(connection: Connection, subject: Subject, options: RequestOptions | undefined): number {
  const timeoutMs = options?.timeoutMs ?? Math.ceil(connection.options.timeoutMs);
  return checkInteger(subject, "timeoutMs", timeoutMs, 1, MAX_TIMER_MS);
}

/** Sends a request and waits for its response. @internal */
export async function ask(
  connection: Connection,
  subject: Subject,
  { wire, timeoutMs }: Pick<PreparedRequest, "wire" | "timeoutMs">,
  signal: AbortSignal | undefined,
): Promise<ResponseParts> {
  try {
    const response = await connection.unary(sendRequestMethod, wire, {
      ...subject,
      timeoutMs: Math.min(timeoutMs + MARGIN_MS, MAX_TIMER_MS),
      ...(signal === undefined ? {} : { options: { signal } }),
    });
    return responseParts(response, new Date());
  } catch (error) {
    if (!KubeMQError.is(error, "TIMEOUT") || error.serverCode === undefined) throw error;
    const { serverCode } = error;
    const text = `no answer within ${timeoutMs} ms: nobody responds on this channel, or not in time`;
    throw fault("TIMEOUT", subject, text, { cause: error, serverCode });
  }
}

/** Checks what goes with a response. @internal */
export function checkReply(subject: Subject & { readonly channel: string }, reply: Reply): void {
  const { metadata, tags, span } = reply;
  checkOutgoing(subject.operation, {
    channel: subject.channel,
    ...(metadata === undefined ? {} : { metadata }),
    ...(tags === undefined ? {} : { tags }),
  });
  checkBytes(subject, "span", span);
}

/** What every result says of its response. @internal */
export function responseInfo({ timestamp, tags, clientId, span }: ResponseParts): ResponseInfo {
  return { timestamp, tags, clientId, ...(span === undefined ? {} : { span }) };
}

/** Why a request was not carried out; a responder may leave it open. @internal */
export function reasonOf({ error }: ResponseParts): string {
  return error === "" ? "not carried out, without a reason" : error;
}

function checkCache(subject: Subject, cache: { key: unknown; ttlSeconds: unknown }): void {
  if (typeof cache.key !== "string" || cache.key === "") {
    throw refuse(subject, "cache.key must be a text that is not empty");
  }
  checkInteger(subject, "cache.ttlSeconds", cache.ttlSeconds, 1, 2 ** 31 - 1);
}
