import { Code, ConnectError } from "@connectrpc/connect";
import { codeFromHttpStatus, findTrailerError, parseContentType } from "@connectrpc/connect/protocol-grpc";
import { constants, type Http2Session, type IncomingHttpHeaders } from "node:http2";

/** What the header block of a response says about the call. */
export type Opening =
  | { readonly t: "messages" }
  /** A trailers-only response: the status came with the headers. */
  | { readonly t: "status"; readonly error: ConnectError | undefined }
  | { readonly t: "refused"; readonly error: ConnectError };

/** Judges a response by its headers, as Connect does. */
export function openingOf(headers: IncomingHttpHeaders): Opening {
  const status = headers[":status"];
  if (Number(status) !== 200) {
    const code = Number(status);
    return {
      t: "refused",
      error: new ConnectError(`HTTP ${code}`, codeFromHttpStatus(code), webHeaders(headers)),
    };
  }
  const contentType = headers["content-type"];
  if (contentType !== "application/grpc" && parseContentType(contentType ?? null) === undefined) {
    return { t: "refused", error: new ConnectError(`unsupported content type ${contentType ?? null}`, Code.Unknown) };
  }
  if (headers["grpc-status"] !== undefined) return { t: "status", error: statusError(headers) };
  const encoding = headers["grpc-encoding"];
  if (encoding !== undefined && String(encoding).toLowerCase() !== "identity") {
    const message = `unsupported response encoding "${String(encoding)}"`;
    return { t: "refused", error: new ConnectError(message, Code.Internal, webHeaders(headers)) };
  }
  return { t: "messages" };
}

/** Whether trailers say how the call ended. */
export function hasStatus(trailers: IncomingHttpHeaders): boolean {
  return trailers["grpc-status"] !== undefined || trailers["grpc-status-details-bin"] !== undefined;
}

/** The error that trailers report, with the response's headers added to its metadata, as Connect does. */
export function trailerError(trailers: IncomingHttpHeaders, headers: IncomingHttpHeaders): ConnectError | undefined {
  const error = statusError(trailers);
  if (error !== undefined) webHeaders(headers).forEach((value, name) => error.metadata.append(name, value));
  return error;
}

function statusError(block: IncomingHttpHeaders): ConnectError | undefined {
  if (block["grpc-status"] === "0" && block["grpc-status-details-bin"] === undefined) return undefined;
  const headers = webHeaders(block);
  try {
    return findTrailerError(headers);
  } catch {
    // A message that is not percent-encoded properly, or details that are not base64: the code still counts.
    const known = statusCodes[Number(headers.get("grpc-status")) - 1];
    return new ConnectError(headers.get("grpc-message") ?? "", known ?? Code.Internal, headers);
  }
}

/** gRPC status codes from 1 on. */
const statusCodes: readonly Code[] = [
  Code.Canceled,
  Code.Unknown,
  Code.InvalidArgument,
  Code.DeadlineExceeded,
  Code.NotFound,
  Code.AlreadyExists,
  Code.PermissionDenied,
  Code.ResourceExhausted,
  Code.FailedPrecondition,
  Code.Aborted,
  Code.OutOfRange,
  Code.Unimplemented,
  Code.Internal,
  Code.Unavailable,
  Code.DataLoss,
  Code.Unauthenticated,
];

/** A connection that went away under a call, whatever made it go. */
export function connectionLost(detail: string, cause?: unknown): ConnectError {
  // promise: reset-is-lost
  return new ConnectError(`connection lost: ${detail}`, Code.Unavailable, undefined, undefined, cause);
}

/** Connections on which the server has spoken HTTP/2. */
const greeted = new WeakSet<Http2Session>();

/** Notes whether the server ever speaks HTTP/2 on a new connection. */
export function awaitGreeting(session: Http2Session): void {
  session.once("remoteSettings", () => greeted.add(session));
}

/** A connection that was closed while a call was on it. */
export function sessionLost(session: Http2Session | undefined, cause: unknown): ConnectError {
  const detail =
    session === undefined || greeted.has(session)
      ? "the connection was closed"
      : "closed before the server spoke HTTP/2, it may want TLS, or refuse this client's certificate";
  return connectionLost(detail, cause);
}

/** What a RST_STREAM that is not our own means. */
export function lostByReset(rstCode: number, cause: unknown): ConnectError {
  if (rstCode === constants.NGHTTP2_NO_ERROR) return connectionLost("the stream ended without a status", cause);
  return connectionLost(`the stream was reset with ${resetName(rstCode)}`, cause);
}

function resetName(rstCode: number): string {
  return resetNames[rstCode] ?? `code ${rstCode}`;
}

/** RFC 9113, section 7. */
const resetNames: readonly string[] = [
  "NO_ERROR",
  "PROTOCOL_ERROR",
  "INTERNAL_ERROR",
  "FLOW_CONTROL_ERROR",
  "SETTINGS_TIMEOUT",
  "STREAM_CLOSED",
  "FRAME_SIZE_ERROR",
  "REFUSED_STREAM",
  "CANCEL",
  "COMPRESSION_ERROR",
  "CONNECT_ERROR",
  "ENHANCE_YOUR_CALM",
  "INADEQUATE_SECURITY",
  "HTTP_1_1_REQUIRED",
];

export function deadlineExceeded(): ConnectError {
  return new ConnectError("the operation timed out", Code.DeadlineExceeded);
}

/** The error of a call that its caller aborted. */
export function abortedBy(signal: AbortSignal): ConnectError {
  const reason: unknown = signal.reason;
  if (reason instanceof ConnectError) return reason;
  return new ConnectError(messageOf(reason), Code.Canceled, undefined, undefined, reason);
}

/** The message of anything thrown; by shape, because errors of another realm are not `instanceof Error`. */
export function messageOf(error: unknown): string {
  return typeof error === "object" && error !== null && "message" in error ? String(error.message) : String(error);
}

/** Headers as Connect gives them: without HTTP/2's own fields, whose names begin with a colon. */
export function webHeaders(headers: IncomingHttpHeaders): Headers {
  const result = new Headers();
  for (const [name, value] of Object.entries(headers)) {
    if (value === undefined || name.startsWith(":")) continue;
    if (Array.isArray(value)) for (const one of value) result.append(name, one);
    else result.append(name, value);
  }
  return result;
}

/**
 * Headers of a call, for those who look, also before they have come. The first web `Headers` of a process load all of fetch, and a
 * start would wait for it.
 */
export class LateHeaders {
  private block: IncomingHttpHeaders = {};
  private seen: Headers | undefined;

  receive(block: IncomingHttpHeaders): void {
    this.block = block;
    const { seen } = this;
    if (seen !== undefined) webHeaders(block).forEach((value, name) => seen.append(name, value));
  }

  /** The same object at every look. */
  get web(): Headers {
    return (this.seen ??= webHeaders(this.block));
  }

  get received(): IncomingHttpHeaders {
    return this.block;
  }
}
