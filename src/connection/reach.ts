import type { Subject } from "../support/checks.js";
import type { Connection } from "./connection.js";
import { pingMethod, pingRequest } from "./wire.js";

/**
 * Connects, and returns the server in use; undefined for a client with one server. A stream whose
 * request depends on the server opens with it.
 *
 * @param attempt - read only when there is a list: its signal is created at the first access
 */
export function reach(
  connection: Connection,
  { operation, channel }: Subject & { readonly channel: string },
  attempt: { readonly signal: AbortSignal },
): Promise<string> | undefined {
  if (!connection.route.isList) return undefined;
  const call = { operation, channel, background: true, options: { signal: attempt.signal } };
  return connection.unary(pingMethod, pingRequest, call).then(() => connection.route.server.name);
}
