import type { QueriesClient } from "../api/requests/queries.js";
import { checkInteger, checkNumber, kind, refuse } from "../support/checks.js";
import { NO_LIMIT_BYTES } from "./format.js";
import type { RouteOptions } from "./options.js";

/** @throws {KubeMQError} INVALID_ARGUMENT for anything but a client */
export function checkClient(
  operation: string,
  client: { readonly queries: QueriesClient } | undefined,
  method: "handle" | "send",
): void {
  if (typeof client?.queries?.[method] === "function") return;
  throw refuse({ operation }, `the first argument must be a KubeMQClient, got ${kind(client)}`);
}

/** @throws {KubeMQError} INVALID_ARGUMENT for a limit below 1, or above the limits of Connect */
export function checkRouteLimits(
  operation: string,
  options: Pick<RouteOptions, "readMaxBytes" | "writeMaxBytes" | "maxTimeoutMs">,
): void {
  for (const name of ["readMaxBytes", "writeMaxBytes"] as const) {
    const value = options[name];
    if (value !== undefined) checkInteger({ operation }, name, value, 1, NO_LIMIT_BYTES);
  }
  const { maxTimeoutMs } = options;
  if (maxTimeoutMs !== undefined) checkNumber({ operation }, "maxTimeoutMs", maxTimeoutMs, 1, Infinity);
}
