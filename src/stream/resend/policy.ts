import type { KubeMQError } from "../../api/errors.js";
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

/** A failed attempt to send messages, and the time in which they may be sent again. */
export interface FailedAttempt {
  /** Number of messages that have no answer. */
  readonly messages: number;
  /** Number of consecutive failures, this one included. */
  readonly failures: number;
  readonly error: KubeMQError;
  /** Timeout of the call; it limits the delay. */
  readonly timeoutMs: number;
  /** Time until the caller stops waiting. @default no limit */
  readonly leftMs?: number;
}

/**
 * Reports the status `resend`, and returns the delay before the next attempt in milliseconds.
 * Returns undefined, without a report, when the policy or the remaining time allows no attempt.
 */
export function beginResend(connection: Connection, subject: Subject, failed: FailedAttempt): number | undefined {
  const { messages, failures, error, timeoutMs, leftMs = Infinity } = failed;
  const delayMs = resendDelay(connection, failures, timeoutMs);
  if (delayMs === undefined || delayMs >= leftMs) return undefined;
  connection.report({ type: "resend", ...subject, messages, attempt: failures, delayMs, error });
  return delayMs;
}

/** The delay before the next attempt; undefined when the policy allows none. */
function resendDelay(connection: Connection, failures: number, timeoutMs: number): number | undefined {
  const policy = connection.reconnect === false ? DEFAULTS.reconnect : connection.reconnect;
  if (failures >= policy.maxAttempts) return undefined;
  const delayMs = backoffDelay(policy, failures, () => connection.random());
  return Math.min(delayMs, Math.ceil(timeoutMs * MAX_DELAY_SHARE));
}
