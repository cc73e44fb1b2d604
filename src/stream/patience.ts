import type { KubeMQError } from "../api/errors.js";

/**
 * What a stream does after an error: it ends, it comes back as often as `reconnect.maxAttempts` allows, or it comes back for
 * `reconnect.firstAttempts` attempts in a row.
 */
export type Patience = "ends" | "few" | "many";

/**
 * Proxies and servers in trouble end a stream with almost any status: Envoy's time-outs with 4 and with HTTP 408 (status 2), failed upstreams
 * with 13, routes that are being reloaded with 12 or HTTP 404. So a stream that has worked comes back, whatever ended it, unless the server
 * refuses its credentials or its arguments. Of a stream that has never worked it may be the last word.
 */
export function patienceWith(error: KubeMQError, hasWorked: boolean): Patience {
  switch (error.code) {
    case "UNAVAILABLE":
      return "many";
    case "TIMEOUT":
    case "INTERNAL":
    case "UNSUPPORTED":
    case "NOT_FOUND":
      return error.retryable || hasWorked ? "many" : "few";
    // An HTML page of a proxy is gone after a while; a message that cannot be read is there each time.
    case "PROTOCOL":
      return "few";
    case "UNAUTHENTICATED":
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
