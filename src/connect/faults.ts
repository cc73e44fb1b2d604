import { Code, ConnectError } from "@connectrpc/connect";
import { type ErrorCode, KubeMQError } from "../api/errors.js";

/** The codes of Connect for failed queries. All others are `Internal`. */
const CODES: Partial<Record<ErrorCode, Code>> = {
  TIMEOUT: Code.DeadlineExceeded,
  UNAVAILABLE: Code.Unavailable,
  UNAUTHENTICATED: Code.Unauthenticated,
  PERMISSION_DENIED: Code.PermissionDenied, // promise: rpc-permission-denied
  UNSUPPORTED: Code.Unimplemented,
  RESOURCE_EXHAUSTED: Code.ResourceExhausted,
  CLIENT_CLOSED: Code.Canceled, // promise: rpc-closed-client
  // The transport has checked everything but the size of the message.
  INVALID_ARGUMENT: Code.ResourceExhausted,
};

/**
 * Converts what ended a call: an abort of its signal, an error of its query or of an interceptor.
 */
export function connectError(error: unknown, signal?: AbortSignal): ConnectError {
  if (signal?.aborted === true) return ConnectError.from(signal.reason, Code.Canceled);
  if (!KubeMQError.is(error)) return ConnectError.from(error);
  return new ConnectError(error.message, CODES[error.code] ?? Code.Internal, undefined, undefined, error);
}
