import { Code, ConnectError } from "@connectrpc/connect";
import { type ErrorCode, type ErrorDetails, KubeMQError } from "../api/errors.js";
import { placeOf, type Subject } from "./checks.js";
import { isNotHttp2, nodeFault } from "./node-faults.js";
import { textOfThrown } from "./thrown.js";
import { type TransportFault, transportFault } from "./transport-error.js";

/**
 * Converts any error to a KubeMQError. The {@link TransportFault} classifies an error of the
 * transport. The only strings that are matched are those of servers here, and those of Node.js in
 * `node-faults.ts`.
 *
 * Community servers report nearly everything as INTERNAL with a message `Error NNN: …`, so the
 * message decides before the gRPC code.
 */
export function toKubeMQError(error: unknown, subject: Subject): KubeMQError {
  if (error instanceof KubeMQError) return error;
  const node = nodeFault(error);
  // promise: node-faults-by-shape
  if (node !== undefined) return fault(node.code, subject, node.text, { cause: error });
  const connectError = asConnectError(error);
  if (connectError === undefined) {
    return fault("INTERNAL", subject, textOfThrown(error), { cause: error });
  }
  const transported = transportFault(error);
  const text = transported?.kind === "too-large" ? tooLarge(transported) : connectError.rawMessage;
  const told = byFault(transported) ?? serverText(text);
  // promise: server-number-decides
  if (told !== undefined) return fault(told.code, subject, text, { ...told.details, cause: error });
  const { code, details } = byCode(connectError.code, text);
  return fault(code, subject, text === "" ? Code[connectError.code] : text, { ...details, cause: error });
}

/** The transport has a limit for each direction; the option of the client is one for both. */
function tooLarge({ direction, byteLength, maxBytes }: TransportFault & { readonly kind: "too-large" }): string {
  return `a ${direction} message of ${byteLength} bytes is larger than maxMessageBytes, ${maxBytes}`;
}

/** The transport's own diagnosis; undefined for errors from the server. */
function byFault(fault: TransportFault | undefined): Told | undefined {
  switch (fault?.kind) {
    case "no-connection":
    case "lost":
    case "reset":
      return { code: "UNAVAILABLE", details: { retryable: true } };
    case "protocol":
      return { code: "PROTOCOL", details: {} };
    case "deadline":
      return { code: "TIMEOUT", details: { retryable: false } };
    case "too-large":
      return { code: "RESOURCE_EXHAUSTED", details: { retryable: false } };
    case "unsendable":
    case "internal":
      return { code: "INTERNAL", details: { retryable: false } };
    // Callers check their own signals first, so any other cancellation means a lost connection.
    case "canceled":
      return { code: "UNAVAILABLE", details: { retryable: true } };
    case "grpc-status":
    case "http-status":
    case undefined:
    default:
      return undefined;
  }
}

/** The error for a message that a server put into a response; the message may be empty. */
export function serverError(text: string, subject: Subject): KubeMQError {
  const told = serverText(text) ?? { code: "REJECTED_BY_SERVER" as const, details: {} };
  return fault(told.code, subject, text || "refused without a reason", told.details);
}

/**
 * A lost connection, or a stream that the server ended: a subscription handles both in the same
 * way.
 */
export function connectionLost(subject: Subject, why: string, cause?: unknown): KubeMQError {
  return fault("UNAVAILABLE", subject, why, { cause });
}

/** A client that was closed. */
export function clientClosed(subject: Subject): KubeMQError {
  return fault("CLIENT_CLOSED", subject, "the client is closed");
}

/** A publisher that was closed, perhaps together with its client. */
export function publisherClosed(subject: Subject): KubeMQError {
  return fault("CLIENT_CLOSED", subject, "the publisher is closed");
}

/** The same error, marked as retryable. */
export function retryable(error: KubeMQError, subject: Subject): KubeMQError {
  return new KubeMQError(error.code, error.message, { ...subject, cause: error.cause, retryable: true });
}

/**
 * Whether the server refused the caller, as opposed to the client refusing the server's
 * certificate.
 */
export function isTokenRefused(error: KubeMQError): boolean {
  // promise: certificate-costs-no-token
  return error.code === "UNAUTHENTICATED" && !error.retryable && nodeFault(error.cause) === undefined;
}

/**
 * Whether the server refused a call because it does not serve yet or any more. It has not processed
 * the call.
 */
export function isNotServing(error: unknown): boolean {
  const text = asConnectError(error)?.rawMessage;
  return text !== undefined && /grpc server is not ready|\bError (402|405|406|409)\b/.test(text);
}

/** Whether the server refused a stream before it began, because it does not serve yet. */
export function isNotReady(error: unknown): boolean {
  return /grpc server is not ready/.test(asConnectError(error)?.rawMessage ?? "");
}

/**
 * Whether a call or a stream ended without an answer of the server: its connection was lost, no
 * server could be reached, or a server or a proxy said that it does not serve.
 */
export function wasCutOff(error: KubeMQError): boolean {
  // A publisher whose token has expired; the client fetches another one.
  const hasOldToken = error.code === "UNAUTHENTICATED" && error.retryable;
  if (hasOldToken || isNotServing(error.cause)) return true;
  if (error.code !== "UNAVAILABLE" || error.serverCode !== undefined || error.cause === undefined) return false;
  const fault = transportFault(error.cause);
  if (fault?.kind !== "grpc-status") return true;
  // Any other status with this code is from the server itself, for example when its store cannot be
  // reached.
  return fault.grpcCode === Code.Unavailable || fault.grpcCode === Code.Canceled; // promise: resend-after-loss-only
}

/**
 * Whether the peer answers, but not as a server of gRPC does: it speaks HTTP/1, or ends streams
 * without a status. A server in trouble refuses or cancels streams, or asks for calm, and a lost
 * connection shows nothing.
 */
export function isNoServer(error: KubeMQError): boolean {
  const fault = transportFault(error.cause);
  if (fault?.kind === "reset") return !fault.unprocessed && !TROUBLE.has(fault.rstCode);
  return isNotHttp2(error.cause);
}

/** CANCEL and ENHANCE_YOUR_CALM (RFC 9113, section 7). */
const TROUBLE: ReadonlySet<number> = new Set([8, 11]);

/**
 * The reason for aborting an RPC's own controller: any other reason would reset the stream with
 * INTERNAL_ERROR instead of CANCEL.
 */
export function cancelled(): ConnectError {
  return new ConnectError("cancelled by the client", Code.Canceled);
}

/** An error whose message names the operation and the channel. */
export function fault(code: ErrorCode, subject: Subject, text: string, details: ErrorDetails = {}): KubeMQError {
  return new KubeMQError(code, `${placeOf(subject)}: ${text.trim()}`, { ...subject, ...details });
}

interface Told {
  readonly code: ErrorCode;
  readonly details: { serverCode?: number; retryable?: boolean };
}

/** Parses the error messages of KubeMQ servers; undefined for messages of gRPC. */
function serverText(text: string): Told | undefined {
  const number = /\bError (\d{3})\b/.exec(text)?.[1];
  if (number !== undefined) {
    const serverCode = Number(number);
    const code = codeOf(serverCode);
    return { code, details: { serverCode, retryable: code === "UNAVAILABLE" } };
  }
  // The server keeps the id of a subscription that has just ended for a moment. Its own connection
  // to the store can break.
  // promise: client-id-taken
  if (/clientID already registered|grpc server is not ready|nats: connection closed|publish ack timeout/.test(text)) {
    return { code: "UNAVAILABLE", details: { retryable: true } };
  }
  // Errors of the store and the message bus behind the server. Except for refusals they are
  // temporary: time-outs, lost connections, no leader.
  if (/^(stan|nats): /.test(text)) {
    const isRefusal = /invalid (?!connection)|can't contain|violation|maximum payload|duplicate durable/.test(text);
    return isRefusal
      ? { code: "REJECTED_BY_SERVER", details: {} }
      : { code: "UNAVAILABLE", details: { retryable: true } };
  }
  if (/^too many |^empty messages batch|^no messages to send/.test(text)) {
    return { code: "REJECTED_BY_SERVER", details: {} };
  }
  return undefined;
}

function codeOf(serverCode: number): ErrorCode {
  switch (serverCode) {
    case 301: // promise: request-unanswered
    case 138:
      return "TIMEOUT";
    case 129:
      return "LEASE_LOST";
    case 302:
    case 402:
    case 405:
    case 406:
    case 409:
      return "UNAVAILABLE";
    case 412:
    case 414:
    case 415:
      return "PERMISSION_DENIED";
    case 413:
    case 421:
    case 423:
    case 424:
      return "UNAUTHENTICATED";
    default:
      return isRefusal(serverCode) ? "REJECTED_BY_SERVER" : "INTERNAL";
  }
}

/**
 * Servers number refusals below 200 and from 400 on, such as 443 for a channel that is reserved for
 * a connector. Numbers that newer servers add there are refusals too.
 */
function isRefusal(serverCode: number): boolean {
  return serverCode < 200 || serverCode === 206 || serverCode === 207 || (serverCode >= 400 && serverCode < 500);
}

/** Classifies by the gRPC status of the server's answer, or by the status for its HTTP status. */
function byCode(code: Code, text: string): Told {
  switch (code) {
    // Not cancelled by this side, which checks its own signals first. A server that shuts down
    // cancels its calls.
    // promise: cancelled-is-lost
    case Code.Canceled:
    case Code.Aborted:
    case Code.Unavailable:
      return { code: "UNAVAILABLE", details: { retryable: true } };
    case Code.DeadlineExceeded:
      return { code: "TIMEOUT", details: { retryable: false } };
    case Code.Unauthenticated:
      return { code: "UNAUTHENTICATED", details: { retryable: false } };
    case Code.PermissionDenied:
      return { code: "PERMISSION_DENIED", details: { retryable: false } };
    case Code.NotFound:
      return { code: "NOT_FOUND", details: { retryable: false } };
    case Code.Unimplemented:
      return { code: "UNSUPPORTED", details: { retryable: false } };
    case Code.ResourceExhausted:
      // grpc-go: "received message larger than max", "trying to send message larger than max". Such
      // a message remains too large; a busy server can be asked again.
      return { code: "RESOURCE_EXHAUSTED", details: { retryable: !/message larger than max/.test(text) } };
    case Code.InvalidArgument:
    case Code.FailedPrecondition:
    case Code.OutOfRange:
    case Code.AlreadyExists:
      return { code: "REJECTED_BY_SERVER", details: { retryable: false } };
    case Code.Internal:
    case Code.DataLoss:
    case Code.Unknown:
    default:
      return { code: "INTERNAL", details: { retryable: false } };
  }
}

/**
 * Recognises errors by shape: in a jest sandbox, neither ConnectError nor Error are the classes
 * known to this module.
 */
function asConnectError(error: unknown): ConnectError | undefined {
  if (error instanceof ConnectError) return error;
  if (typeof error !== "object" || error === null || !("rawMessage" in error) || !("code" in error)) return undefined;
  return error as ConnectError;
}
