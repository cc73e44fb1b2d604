import { Code, ConnectError } from "@connectrpc/connect";
import { TransportError, type TransportFault } from "../support/transport-error.js";
import { codeFromHttpStatus, findTrailerError, parseContentType } from "@connectrpc/connect/protocol-grpc";
import { type ClientHttp2Stream, constants, type Http2Session, type IncomingHttpHeaders } from "node:http2";

/** What the header block of a response says about the call. */
export type Opening =
  | { readonly t: "messages" }
  /** A trailers-only response: the status came with the headers. */
  | { readonly t: "status"; readonly error: TransportError | undefined }
  | { readonly t: "refused"; readonly error: TransportError };

/** Judges a response by its headers, as Connect does. */
export function openingOf(headers: IncomingHttpHeaders): Opening {
  const status = headers[":status"];
  if (Number(status) !== 200) {
    const code = Number(status);
    return {
      t: "refused",
      error: new TransportError({ kind: "http-status", httpStatus: code }, codeFromHttpStatus(code), `HTTP ${code}`, {
        headers: webHeaders(headers),
      }),
    };
  }
  const contentType = headers["content-type"];
  if (contentType !== "application/grpc" && parseContentType(contentType ?? null) === undefined) {
    return { t: "refused", error: protocolError(Code.Unknown, `unsupported content type ${contentType ?? null}`) };
  }
  if (headers["grpc-status"] !== undefined) return { t: "status", error: statusError(headers) };
  const encoding = headers["grpc-encoding"];
  if (encoding !== undefined && String(encoding).toLowerCase() !== "identity") {
    const message = `unsupported response encoding "${String(encoding)}"`;
    return { t: "refused", error: protocolError(Code.Internal, message, { headers: webHeaders(headers) }) };
  }
  return { t: "messages" };
}

/** Whether trailers say how the call ended. */
export function hasStatus(trailers: IncomingHttpHeaders): boolean {
  return trailers["grpc-status"] !== undefined || trailers["grpc-status-details-bin"] !== undefined;
}

/** The error that trailers report, with the response's headers added to its metadata, as Connect does. */
export function trailerError(trailers: IncomingHttpHeaders, headers: IncomingHttpHeaders): TransportError | undefined {
  const error = statusError(trailers);
  if (error !== undefined) webHeaders(headers).forEach((value, name) => error.metadata.append(name, value));
  return error;
}

function statusError(block: IncomingHttpHeaders): TransportError | undefined {
  if (block["grpc-status"] === "0" && block["grpc-status-details-bin"] === undefined) return undefined;
  const headers = webHeaders(block);
  try {
    const error = findTrailerError(headers);
    return error === undefined ? undefined : grpcStatus(error.code, error.rawMessage, error.metadata);
  } catch {
    // A message that is not percent-encoded properly, or details that are not base64: the code still counts.
    const known = statusCodes[Number(headers.get("grpc-status")) - 1];
    return grpcStatus(known ?? Code.Internal, headers.get("grpc-message") ?? "", headers);
  }
}

function grpcStatus(grpcCode: Code, message: string, headers: Headers): TransportError {
  return new TransportError({ kind: "grpc-status", grpcCode }, grpcCode, message, { headers });
}

/** A response that gRPC does not allow. */
export function protocolError(
  code: Code,
  message: string,
  details?: ConstructorParameters<typeof TransportError>[3],
): TransportError {
  return new TransportError({ kind: "protocol" }, code, message, details);
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

/** The message of every error of a lost connection or stream, which all count as unavailable. */
function unavailable(fault: TransportFault, detail: string, cause: unknown): TransportError {
  // promise: reset-is-lost
  return new TransportError(fault, Code.Unavailable, `connection lost: ${detail}`, { cause });
}

/** The error of any kind for a call that ended without a status before it had a stream. */
export function endedUnopened(cause: unknown): TransportError {
  return unavailable({ kind: "lost", unprocessed: true }, "the stream was closed before it was opened", cause);
}

/** Whether a server has ever spoken HTTP/2, on this connection or on one before it. */
export interface Greeting {
  isHeard: boolean;
}

const greetings = new WeakMap<Http2Session, Greeting>();

/** The highest stream that the server may have processed, by the GOAWAY that it sent (RFC 9113, section 6.8). */
const lastProcessed = new WeakMap<Http2Session, number>();

/** Notes on a new connection what the error of a call on it depends on. */
export function watchSession(session: Http2Session, greeting: Greeting): void {
  greetings.set(session, greeting);
  session.once("remoteSettings", () => (greeting.isHeard = true));
  session.on("goaway", (_code: number, lastStreamId: number) => lastProcessed.set(session, lastStreamId));
}

/** The error of a call whose stream ended without a status, unless it was cancelled here. */
export function lostStream(
  stream: ClientHttp2Stream,
  session: Http2Session | undefined,
  cause: unknown,
): TransportError {
  const unprocessed = isBeyondGoaway(stream, session);
  if (session === undefined || session.destroyed) {
    const detail =
      session === undefined || greetings.get(session)?.isHeard !== false
        ? "the connection was closed"
        : "closed before the server spoke HTTP/2, it may want TLS, or refuse this client's certificate";
    return unavailable({ kind: "lost", unprocessed }, detail, cause);
  }
  const rstCode = stream.rstCode ?? constants.NGHTTP2_NO_ERROR;
  if (rstCode === constants.NGHTTP2_NO_ERROR) {
    return unavailable({ kind: "lost", unprocessed }, "the stream ended without a status", cause);
  }
  const refused = rstCode === constants.NGHTTP2_REFUSED_STREAM;
  const fault = { kind: "reset", rstCode, unprocessed: unprocessed || refused } as const;
  return unavailable(fault, `the stream was reset with ${resetName(rstCode)}`, cause);
}

function isBeyondGoaway({ id }: ClientHttp2Stream, session: Http2Session | undefined): boolean {
  if (id === undefined) return true; // its HEADERS were never written
  const last = session === undefined ? undefined : lastProcessed.get(session);
  return last !== undefined && id > last;
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

export function deadlineExceeded(): TransportError {
  return new TransportError({ kind: "deadline" }, Code.DeadlineExceeded, "the operation timed out");
}

/** The error of a call that its caller aborted. */
export function abortedBy(signal: AbortSignal): ConnectError {
  const reason: unknown = signal.reason;
  if (reason instanceof ConnectError) return reason;
  return new TransportError({ kind: "canceled" }, Code.Canceled, messageOf(reason), { cause: reason });
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
