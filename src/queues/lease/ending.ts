import type { Connection } from "../../connection/connection.js";
import { pingMethod, pingRequest } from "../../connection/wire.js";
import { setImmediate } from "../../support/timers.js";

/**
 * Milliseconds that the server may take to end the call of a settled message. After this time the
 * client cancels the call, and a consumer continues in any case.
 */
export const END_GRACE_MS = 1_000;

/**
 * Waits until the server has ended the call of a lease, or has answered a ping. Never rejects.
 *
 * A community server (v2.4.0) answers a settlement before it removes the lease from its queue, and
 * ends the call 10 ms later. The removal usually takes less time than a ping.
 *
 * @param end - resolves when the server has ended the call
 * @returns whether the call has ended
 */
export async function endOrPing(connection: Connection, operation: string, end: Promise<void>): Promise<boolean> {
  const hasEnded = end.then(() => true);
  // Other servers end the call with the answer, which needs no ping.
  const turn = new Promise<false>((resolve) => setImmediate(() => resolve(false)));
  if (await Promise.race([hasEnded, turn])) return true;
  const ping = connection.unary(pingMethod, pingRequest, { operation, timeoutMs: END_GRACE_MS, background: true });
  const isAnswered = ping.then(
    () => false,
    () => false,
  );
  return Promise.race([hasEnded, isAnswered]);
}
