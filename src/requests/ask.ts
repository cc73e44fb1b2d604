import { KubeMQError } from "../api/errors.js";
import type { OutgoingRequest, RequestOptions } from "../api/requests/request.js";
import type { FailureReply, Reply, ResponseInfo } from "../api/requests/response.js";
import type { Connection } from "../connection/connection.js";
import { callAgain } from "../stream/resend/calls.js";
import { resendsOf } from "../stream/resend/policy.js";
import {
  checkBytes,
  checkChannel,
  checkInteger,
  checkOutgoing,
  checkSize,
  refuse,
  type Subject,
} from "../support/checks.js";
import { MAX_TIMER_MS } from "../support/defaults.js";
import { fault } from "../support/faults.js";
import { completed, encodePayload } from "../support/message/payload.js";
import { checkSendOptions } from "../support/names/call-options.js";
import { checkKnown, type Places } from "../support/names/known.js";
import { CALL_PLACES } from "../support/names/places.js";
import { checkMessageNames, checkReplyNames } from "../support/names/message.js";
import { newId } from "../support/message/ids.js";
import {
  estimatedSize,
  exactSize,
  type RequestKind,
  requestOf,
  responseParts,
  type ResponseParts,
  sendRequestMethod,
  type WireRequest,
} from "./wire.js";

/**
 * Milliseconds that a call may exceed the server's wait for a responder. The server reports a
 * missing response itself, and this answer must arrive.
 */
const MARGIN_MS = 5_000;

/** A checked request in wire form. @internal */
export interface PreparedRequest {
  readonly id: string;
  readonly timeoutMs: number;
  readonly wire: WireRequest;
}

/** Checks a request and converts it to its wire form. @internal */
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
  checkMessageNames(operation, kind, message);
  checkChannel(operation, channel);
  const complete = completed(operation, message);
  checkBytes(subject, "span", span);
  if (cache !== undefined) checkCache(subject, cache);
  const timeoutMs = requestTimeout(connection, subject, options);
  const { clientId, maxMessageBytes } = connection.options;
  const body = encodePayload(operation, complete);
  const id = message.id ?? newId();
  const wire = requestOf(kind, clientId, { ...complete, id }, body, { timeoutMs, span, cache });
  checkSize(subject, estimatedSize(wire), () => exactSize(wire), maxMessageBytes);
  return { id, timeoutMs, wire };
}

/** The server's wait for a response: whole milliseconds that fit into 32 bits. @internal */
export function requestTimeout(connection: Connection, subject: Subject, options: RequestOptions | undefined): number {
  checkSendOptions(subject, options);
  const { timeoutMs = Math.ceil(connection.options.timeoutMs) } = options ?? {}; // promise: request-own-timeout
  return checkInteger(subject, "timeoutMs", timeoutMs, 1, MAX_TIMER_MS);
}

/** Sends a request of the caller, again after a lost connection if the options say so. @internal */
export async function askAgain(
  connection: Connection,
  subject: Subject,
  request: PreparedRequest,
  options: RequestOptions | undefined,
): Promise<ResponseParts> {
  const { wire, timeoutMs } = request;
  const signal = options?.signal;
  if (!resendsOf(connection, subject, options?.resend)) return ask(connection, subject, request, signal);
  return callAgain(connection, subject, { timeoutMs, signal, messages: 1 }, (leftMs, settles) => {
    // The server waits for a responder no longer than the caller does.
    const shortened = {
      ...wire,
      Timeout: leftMs, // promise: resend-shortens-wait
    };
    return ask(connection, subject, { wire: shortened, timeoutMs: leftMs }, signal, settles);
  });
}

/** Sends a request and waits for its response. @internal */
export async function ask(
  connection: Connection,
  subject: Subject,
  { wire, timeoutMs }: Pick<PreparedRequest, "wire" | "timeoutMs">,
  signal: AbortSignal | undefined,
  settles = false,
): Promise<ResponseParts> {
  try {
    const response = await connection.unary(sendRequestMethod, wire, {
      ...subject,
      settles,
      timeoutMs: Math.min(timeoutMs + MARGIN_MS, MAX_TIMER_MS), // promise: request-margin
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

/** @internal */
export const REPLY_PLACES: Places = {
  ...CALL_PLACES,
  "fail(error)": ["error"],
};

/**
 * Checks the metadata, tags and span of a response.
 *
 * @param known - the properties that this response may have
 * @internal
 */
export function checkReply(
  subject: Subject & { readonly channel: string },
  response: Reply,
  known: readonly string[],
): void {
  checkReplyNames(subject, response, known, REPLY_PLACES);
  const { metadata, tags, span } = response;
  checkOutgoing(subject.operation, {
    channel: subject.channel,
    ...(metadata === undefined ? {} : { metadata }),
    ...(tags === undefined ? {} : { tags }),
  });
  checkBytes(subject, "span", span);
}

/**
 * Refuses to execute a request with what reports a failure.
 *
 * @throws {KubeMQError} INVALID_ARGUMENT when the response is an `Error` or a failed result.
 */
export function checkNoFailure(subject: Subject, response: unknown): void {
  const what = isFailure(response) ? "a failed result, ok: false" : isError(response) ? "an Error" : undefined;
  if (what !== undefined) throw refuse(subject, `the response is ${what}: call fail(error) instead`);
}

/** Whether this is the result of a request that was not executed. */
export function isFailure(
  response: unknown,
): response is FailureReply & { readonly ok: false; readonly error?: unknown } {
  return typeof response === "object" && response !== null && (response as { ok?: unknown }).ok === false;
}

/** Recognises errors of every realm, such as a jest sandbox. */
export function isError(response: unknown): boolean {
  return Object.prototype.toString.call(response) === "[object Error]";
}

/** The response details that every result carries. @internal */
export function responseInfo({ timestamp, tags, clientId, span }: ResponseParts): ResponseInfo {
  return { timestamp, tags, clientId, ...(span === undefined ? {} : { span }) };
}

/** The reason why a request was not executed. A responder may omit it. @internal */
export function reasonOf({ error }: ResponseParts): string {
  return error === "" ? "not executed: the responder gave no reason" : error;
}

function checkCache(subject: Subject, cache: { key: unknown; ttlSeconds: unknown }): void {
  checkKnown(subject, "cache.", cache, ["key", "ttlSeconds"]);
  if (typeof cache.key !== "string" || cache.key === "") {
    throw refuse(subject, "cache.key must be a non-empty string");
  }
  checkInteger(subject, "cache.ttlSeconds", cache.ttlSeconds, 1, 2 ** 31 - 1);
}
