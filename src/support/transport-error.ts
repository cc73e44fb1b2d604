import type { Code } from "@connectrpc/connect";
import { ConnectError } from "@connectrpc/connect";
import { customInspect, type InspectArguments, shown } from "./inspect.js";

/** Why a call failed, as recorded by the transport. */
export type TransportFault =
  /** No connection could be made: nothing was sent. */
  | { readonly kind: "no-connection" }
  /** The connection was lost during the call. `server`: the connection to this server is gone. */
  | { readonly kind: "lost"; readonly unprocessed: boolean; readonly server?: string }
  /**
   * The server ended the stream with RST_STREAM; `rstCode` is an error code of RFC 9113, section 7.
   * NO_ERROR (0): the stream ended without a status.
   */
  | { readonly kind: "reset"; readonly rstCode: number; readonly unprocessed: boolean }
  /**
   * The response has an HTTP status other than 200: it is from a proxy, or from a server without
   * gRPC.
   */
  | { readonly kind: "http-status"; readonly httpStatus: number }
  /** The server answered with this gRPC status. */
  | { readonly kind: "grpc-status"; readonly grpcCode: Code }
  /** The response violates gRPC or the protobuf encoding. */
  | { readonly kind: "protocol" }
  | { readonly kind: "deadline" }
  /** The caller aborted the call. */
  | { readonly kind: "canceled" }
  /**
   * A message is larger than `maxBytes`, the client's own limit for messages that it sends or
   * receives.
   */
  | {
      readonly kind: "too-large";
      readonly direction: "sent" | "received";
      readonly byteLength: number;
      readonly maxBytes: number;
    }
  /** A message cannot be encoded, or the headers of the call cannot be sent. Nothing was sent. */
  | { readonly kind: "unsendable" }
  /** The iterable of the requests or the reader of the responses threw an error. */
  | { readonly kind: "internal" };

interface Details {
  readonly headers?: ConstructorParameters<typeof Headers>[0];
  /** The Node.js error that caused this one. */
  readonly cause?: unknown;
}

/** An error of the transport. Code checks its `fault`; the message is for people. */
export class TransportError extends ConnectError {
  readonly fault: TransportFault;

  constructor(fault: TransportFault, code: Code, message: string, { headers, cause }: Details = {}) {
    super(message, code, headers, undefined, cause);
    this.fault = fault;
  }

  /** Without the stack: this is the cause of an error that has one. */
  [customInspect](...inspection: InspectArguments): string {
    const { message, fault, cause } = this;
    return shown("TransportError", { message, fault, cause }, inspection);
  }
}

/**
 * Not `instanceof`: ConnectError overrides it to compare only the class name, so it is true for
 * every ConnectError.
 */
export function isTransportError(error: unknown): error is TransportError {
  return error instanceof ConnectError && "fault" in error;
}

/** Converts the error that ended a call to an error of the transport. */
export function asTransportError(error: unknown): TransportError {
  if (isTransportError(error)) return error;
  const { code, rawMessage, metadata } = ConnectError.from(error);
  return new TransportError({ kind: "internal" }, code, rawMessage, { headers: metadata, cause: error });
}

/**
 * Returns the transport's fault of a failed call, from an error or from its causes.
 *
 * It checks the shape, because a jest sandbox has its own classes.
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
 * Whether a call reached a connection, and the server provably did not begin to process it: the
 * server said so with GOAWAY or REFUSED_STREAM, or the request was not written.
 */
export function wasRefusedUnseen(error: unknown): boolean {
  const fault = transportFault(error);
  return (fault?.kind === "lost" || fault?.kind === "reset") && fault.unprocessed;
}

/**
 * Whether the server provably did not begin to process a call that failed with this error. The
 * request was not sent, or the server refused it unread (RFC 9113, section 8.7). Repeating such a
 * call cannot execute it twice.
 */
export function isUnprocessed(error: unknown): boolean {
  const fault = transportFault(error);
  if (fault === undefined) return false;
  if (fault.kind === "lost" || fault.kind === "reset") return fault.unprocessed;
  return fault.kind === "no-connection" || fault.kind === "unsendable";
}
