import { Code, ConnectError } from "@connectrpc/connect";
import type { IncomingHttpHeaders } from "node:http2";
import { TransportError } from "../support/transport-error.js";
import * as eager from "./connect-status.js";

/** The package evaluates it at the first call (see scripts/bundle.mjs): few responses need it. */
const connect = () => eager;

/** How a call continues after the headers of its response. */
export type Opening =
  | { readonly kind: "messages" }
  /** A trailers-only response: its headers contain the status. */
  | { readonly kind: "status"; readonly error: TransportError | undefined }
  | { readonly kind: "refused"; readonly error: TransportError };

/** Reads the headers of a response. Refuses the same ones as Connect. */
export function openingOf(headers: IncomingHttpHeaders): Opening {
  const status = headers[":status"];
  if (Number(status) !== 200) {
    const code = Number(status);
    return {
      kind: "refused",
      error: new TransportError(
        { kind: "http-status", httpStatus: code },
        connect().codeFromHttpStatus(code),
        `HTTP ${code}`,
        {
          headers: webHeaders(headers),
        },
      ),
    };
  }
  const contentType = headers["content-type"];
  if (contentType !== "application/grpc" && connect().parseContentType(contentType ?? null) === undefined) {
    return { kind: "refused", error: protocolError(Code.Unknown, `unsupported content type ${contentType ?? null}`) };
  }
  if (headers["grpc-status"] !== undefined) return { kind: "status", error: statusError(headers) };
  const encoding = headers["grpc-encoding"];
  if (encoding !== undefined && String(encoding).toLowerCase() !== "identity") {
    const message = `unsupported response encoding "${String(encoding)}"`;
    return { kind: "refused", error: protocolError(Code.Internal, message, { headers: webHeaders(headers) }) };
  }
  return { kind: "messages" };
}

/** Whether trailers contain the status of the call. */
export function hasStatus(trailers: IncomingHttpHeaders): boolean {
  return trailers["grpc-status"] !== undefined || trailers["grpc-status-details-bin"] !== undefined;
}

/**
 * The error that trailers report, with the response's headers added to its metadata, as Connect
 * does.
 */
export function trailerError(trailers: IncomingHttpHeaders, headers: IncomingHttpHeaders): TransportError | undefined {
  const error = statusError(trailers);
  if (error !== undefined) webHeaders(headers).forEach((value, name) => error.metadata.append(name, value));
  return error;
}

function statusError(block: IncomingHttpHeaders): TransportError | undefined {
  if (block["grpc-status"] === "0" && block["grpc-status-details-bin"] === undefined) return undefined;
  const headers = webHeaders(block);
  try {
    const error = connect().findTrailerError(headers);
    return error === undefined ? undefined : grpcStatus(error.code, error.rawMessage, error.metadata);
  } catch {
    // A malformed percent-encoded message or base64 details: the code still counts.
    const known = statusCodes[Number(headers.get("grpc-status")) - 1];
    return grpcStatus(known ?? Code.Internal, headers.get("grpc-message") ?? "", headers);
  }
}

function grpcStatus(grpcCode: Code, message: string, headers: Headers): TransportError {
  return new TransportError({ kind: "grpc-status", grpcCode }, grpcCode, message, { headers });
}

/** The error of a response that gRPC does not allow. */
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

export function deadlineExceeded(): TransportError {
  return new TransportError({ kind: "deadline" }, Code.DeadlineExceeded, "the operation timed out");
}

/** The error of a call that its caller aborted. */
export function abortedBy(signal: AbortSignal): ConnectError {
  const reason: unknown = signal.reason;
  if (reason instanceof ConnectError) return reason;
  return new TransportError({ kind: "canceled" }, Code.Canceled, messageOf(reason), { cause: reason });
}

/**
 * The message of any thrown value. Checks the shape, because errors of another realm are not
 * `instanceof Error`.
 */
export function messageOf(error: unknown): string {
  return typeof error === "object" && error !== null && "message" in error ? String(error.message) : String(error);
}

/**
 * Headers in the form of Connect: without the pseudo-headers of HTTP/2, whose names begin with a
 * colon.
 */
export function webHeaders(headers: IncomingHttpHeaders): Headers {
  const result = new Headers();
  for (const [name, value] of Object.entries(headers)) {
    if (value === undefined || name.startsWith(":")) continue;
    if (Array.isArray(value)) for (const one of value) result.append(name, one);
    else result.append(name, value);
  }
  return result;
}
