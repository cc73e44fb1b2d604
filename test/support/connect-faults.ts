import { Code, ConnectError } from "@connectrpc/connect";
import { isTransportError, TransportError, type TransportFault } from "../../src/support/transport-error.js";

/**
 * Adds to an error of Connect's own transport the typed cause that this package's transport gives.
 * Connect reports most causes only in its messages.
 */
export function withFault(error: unknown): unknown {
  if (!(error instanceof ConnectError) || isTransportError(error)) return error;
  const fault = faultOf(error);
  if (fault === undefined) return error;
  const { code, rawMessage, metadata, cause } = error;
  return new TransportError(fault, code, rawMessage, { headers: metadata, cause });
}

function faultOf({ code, rawMessage }: ConnectError): TransportFault | undefined {
  if (/^protocol error(?!: missing status)|^parse binary|^unsupported (content type|response enc)/.test(rawMessage)) {
    return { kind: "protocol" };
  }
  const size = /^message size (\d+) is larger than configured (read|write)MaxBytes (\d+)/.exec(rawMessage);
  if (size !== null) {
    const direction = size[2] === "read" ? "received" : "sent";
    return { kind: "too-large", direction, byteLength: Number(size[1]), maxBytes: Number(size[3]) };
  }
  // A stream that was reset, or ended without trailers.
  const isLost = /missing (status|trailer)|stream (was )?(reset|closed)|REFUSED_STREAM|http\/2 stream/i.test(
    rawMessage,
  );
  return code === Code.Internal && isLost ? { kind: "lost", unprocessed: false } : undefined;
}
