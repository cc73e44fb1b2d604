import type { Code } from "@connectrpc/connect";
import { ConnectError } from "@connectrpc/connect";

/** Why a call failed, as the transport knows it. */
export type TransportFault =
  /** No connection could be made: nothing was sent. */
  | { readonly kind: "no-connection" }
  /** The connection went away under the call. */
  | { readonly kind: "lost"; readonly unprocessed: boolean }
  /** The server ended the stream with RST_STREAM; `rstCode` is an error code of RFC 9113, section 7. */
  | { readonly kind: "reset"; readonly rstCode: number; readonly unprocessed: boolean }
  /** The response has an HTTP status that is not 200: an answer of a proxy or of a server that does not speak gRPC. */
  | { readonly kind: "http-status"; readonly httpStatus: number }
  /** The server answered with this status of gRPC. */
  | { readonly kind: "grpc-status"; readonly grpcCode: Code }
  /** The response breaks the rules of gRPC, or of the protobuf encoding. */
  | { readonly kind: "protocol" }
  | { readonly kind: "deadline" }
  /** The caller aborted the call. */
  | { readonly kind: "canceled" }
  /** A message is larger than `maxBytes`, the client's own limit for messages that it sends or receives. */
  | {
      readonly kind: "too-large";
      readonly direction: "sent" | "received";
      readonly byteLength: number;
      readonly maxBytes: number;
    }
  /** A message cannot be encoded, or the headers of the call cannot be sent: it was not sent. */
  | { readonly kind: "unsendable" }
  /** The iterable of the requests threw, or the reader of the responses. */
  | { readonly kind: "internal" };

interface Details {
  readonly headers?: ConstructorParameters<typeof Headers>[0];
  /** The error of Node.js behind this one. */
  readonly cause?: unknown;
}

/** An error of the transport. Code decides by its `fault`; its message is for people. */
export class TransportError extends ConnectError {
  readonly fault: TransportFault;

  constructor(fault: TransportFault, code: Code, message: string, { headers, cause }: Details = {}) {
    super(message, code, headers, undefined, cause);
    this.fault = fault;
  }
}

/** Not by `instanceof`: that of ConnectError looks at the name of the class only, and holds for every ConnectError. */
export function isTransportError(error: unknown): error is TransportError {
  return error instanceof ConnectError && "fault" in error;
}

/** Makes an error of the transport of anything that a call ended with. */
export function asTransportError(error: unknown): TransportError {
  if (isTransportError(error)) return error;
  const { code, rawMessage, metadata } = ConnectError.from(error);
  return new TransportError({ kind: "internal" }, code, rawMessage, { headers: metadata, cause: error });
}

/**
 * The transport's own account of a failed call, from an error or from the causes behind it.
 *
 * It is recognised by its shape: a jest sandbox has classes of its own.
 */
export function transportFault(error: unknown): TransportFault | undefined {
  for (let cause = error, depth = 0; typeof cause === "object" && cause !== null && depth < 8; depth++) {
    const { fault } = cause as { fault?: unknown };
    if (typeof fault === "object" && fault !== null && "kind" in fault) return fault as TransportFault;
    cause = (cause as { cause?: unknown }).cause;
  }
  return undefined;
}

/**
 * Whether a call got as far as a connection, and the server says, by GOAWAY or REFUSED_STREAM, or provably, that it has not begun to work on it.
 */
export function wasRefusedUnseen(error: unknown): boolean {
  const fault = transportFault(error);
  return (fault?.kind === "lost" || fault?.kind === "reset") && fault.unprocessed;
}

/**
 * Whether the server provably did not begin to work on a call that failed with this error: the request was not sent, or the
 * server refused it before it looked at it (RFC 9113, section 8.7). Such a call can be made again without doing its work twice.
 */
export function isUnprocessed(error: unknown): boolean {
  const fault = transportFault(error);
  if (fault === undefined) return false;
  if (fault.kind === "lost" || fault.kind === "reset") return fault.unprocessed;
  return fault.kind === "no-connection" || fault.kind === "unsendable";
}
