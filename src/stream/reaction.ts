import type { KubeMQError } from "../api/errors.js";
import { isNoServer, isTokenRefused } from "../support/faults.js";

/**
 * The reaction of a stream to an error: `ends`; `many`: reconnects up to `reconnect.maxAttempts`
 * times; `few`: up to `reconnect.firstAttempts` times.
 */
export type Reaction = "ends" | "few" | "many";

/**
 * Selects the reaction to an error. Proxies and failing servers end a stream with almost any
 * status: Envoy uses 4 and HTTP 408 (status 2) for its time-outs, 13 for failed upstreams, and 12
 * or HTTP 404 while it reloads routes. A stream that has worked therefore reconnects after any
 * error, unless the server refuses its token or its arguments. A certificate that has expired, or
 * that was replaced on one side first, gets trusted again when the files are renewed. For a stream
 * that has never worked, the error may be permanent.
 */
export function reactionTo(error: KubeMQError, hasWorked: boolean): Reaction {
  switch (error.code) {
    case "UNAVAILABLE":
      return !hasWorked && isNoServer(error) ? "few" : "many"; // promise: first-attempts-no-server
    case "TIMEOUT":
    case "INTERNAL":
    case "UNSUPPORTED":
    case "NOT_FOUND":
      return error.retryable || hasWorked ? "many" : "few";
    // The HTML page of a proxy is temporary, but an unreadable message is unreadable at each
    // attempt.
    case "PROTOCOL":
      return "few";
    case "UNAUTHENTICATED":
      // promise: renewed-certificates
      return error.retryable || (hasWorked && !isTokenRefused(error)) ? "many" : "ends";
    case "RESOURCE_EXHAUSTED":
    case "PERMISSION_DENIED":
    case "REJECTED_BY_SERVER":
    case "INVALID_ARGUMENT":
    case "CLIENT_CLOSED":
    case "STREAM_CONSUMED":
    case "ALREADY_SETTLED":
    case "ALREADY_RESPONDED":
    case "LEASE_LOST":
    case "ENCODE_FAILED":
    case "DECODE_FAILED":
      return error.retryable ? "many" : "ends";
    default:
      return error.code satisfies never;
  }
}
