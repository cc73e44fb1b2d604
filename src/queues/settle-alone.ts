import type { Delivery } from "../api/queues/message.js";
import type { Connection } from "../connection/connection.js";
import { toKubeMQError } from "../support/faults.js";

/** Settles a message that no caller awaits. The status reports a failure. Never rejects. */
export async function settleAlone(
  connection: Connection,
  channel: string,
  message: Delivery<unknown>,
  settlement: "ack" | "reject",
): Promise<void> {
  if (message.settled) return;
  try {
    await (settlement === "ack" ? message.ack() : message.reject());
  } catch (cause) {
    const error = toKubeMQError(cause, { operation: "queues.settle", channel });
    connection.report({ type: "settle-failed", channel, sequence: message.sequence, error });
  }
}
