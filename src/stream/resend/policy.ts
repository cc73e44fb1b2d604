import type { ResendOptions, StreamOptions } from "../../api/message.js";
import type { Connection } from "../../connection/connection.js";
import { backoffDelay } from "../../support/time/backoff.js";
import { refuse, type Subject } from "../../support/checks.js";
import { DEFAULTS } from "../../support/defaults.js";

/** Maximum delay before a message is sent again, as a part of the timeout. */
const MAX_DELAY_SHARE = 0.1;

/** Whether the messages of a call are sent again after a lost connection. */
export function resendsOf(
  connection: Connection,
  { operation, channel }: Pick<Subject, "operation"> & { readonly channel?: string | undefined },
  resend: ResendOptions["resend"],
): boolean {
  if (resend === undefined) return connection.options.resend; // promise: resend-of-client
  if (typeof resend === "boolean") return resend;
  const subject = channel === undefined ? { operation } : { operation, channel };
  throw refuse(subject, `resend must be true or false, got ${JSON.stringify(resend)}`);
}

/**
 * Whether a publisher sends its messages again. A publisher that does not reconnect cannot,
 * because it ends with its first connection.
 */
export function publisherResends(
  connection: Connection,
  subject: Subject,
  options: ResendOptions & StreamOptions,
): boolean {
  const resends = resendsOf(connection, subject, options.resend);
  const reconnects = options.reconnect ?? connection.reconnect !== false;
  if (options.resend === true && !reconnects) {
    throw refuse(subject, "resend needs reconnect: without it the first lost connection ends the publisher");
  }
  return resends && reconnects;
}

/**
 * The delay before a message is sent again after a number of consecutive failures, in milliseconds;
 * undefined when the policy allows no further attempt.
 */
export function resendDelay(connection: Connection, failures: number, timeoutMs: number): number | undefined {
  const policy = connection.reconnect === false ? DEFAULTS.reconnect : connection.reconnect;
  if (failures >= policy.maxAttempts) return undefined;
  const delayMs = backoffDelay(policy, failures, () => connection.random());
  return Math.min(delayMs, Math.ceil(timeoutMs * MAX_DELAY_SHARE));
}
