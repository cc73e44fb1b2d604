import { checkInteger, checkNumber, type Subject } from "../support/checks.js";

/**
 * Limits of the protocol and of this client. A server has lower limits, which are settings. It
 * checks them itself, and its refusal has a number, the error's `serverCode`.
 */
export const LIMITS = {
  /** Counts travel as int32. */
  int32: 2 ** 31 - 1,
  /** Messages that a consumer takes by one ReceiveQueueMessages: the default setting of servers. */
  taken: 1_024,
  /** A wait or a visibility needs a timer of the client, which Node.js limits to 24 days. */
  timedSeconds: 2_000_000,
  /** Minimum wait of a consumer's poll, in milliseconds. */
  leastWaitMs: 1_000,
  /**
   * Maximum messages that a consumer may hold. Above it, one poll would exceed the size limit of a
   * gRPC message.
   */
  prefetch: 100_000,
} as const;

export function checkWait(subject: Subject, waitSeconds: unknown): number {
  return waitSeconds === undefined ? 1 : checkInteger(subject, "waitSeconds", waitSeconds, 1, LIMITS.timedSeconds);
}

/**
 * Checks the wait of a poll, whose unit on the wire is the millisecond.
 *
 * @returns milliseconds
 */
export function checkBatchWait(subject: Subject, waitSeconds: unknown): number {
  if (waitSeconds === undefined) return LIMITS.leastWaitMs;
  return Math.round(checkNumber(subject, "waitSeconds", waitSeconds, 1, LIMITS.timedSeconds) * 1_000);
}

export function checkMax(subject: Subject, max: unknown): number {
  return max === undefined ? 1 : checkInteger(subject, "max", max, 1, LIMITS.int32);
}
