import { checkKnown } from "../support/option-names.js";
import type { QueuePolicy } from "../api/queues/message.js";
import { checkInteger, checkNumber, checkQueueChannel, refuse, type Subject } from "../support/checks.js";

/** The limits of a server with its default configuration. It rejects values beyond them. */
export const LIMITS = {
  messages: 1024,
  waitSeconds: 3_600,
  /** Minimum wait of a consumer's poll, in milliseconds. */
  leastWaitMs: 1_000,
  seconds: 43_200,
  receiveCount: 1_024,
  /**
   * Maximum messages that a consumer may hold. Above it, one poll would exceed the size limit of a
   * gRPC message.
   */
  prefetch: 100_000,
} as const;

const POLICY = ["expirationSeconds", "delaySeconds", "deadLetter"];

export function checkPolicy(subject: Subject, policy: unknown): asserts policy is QueuePolicy | undefined {
  if (policy === undefined) return;
  if (typeof policy !== "object" || policy === null) throw refuse(subject, "policy must be an object");
  checkKnown(subject, "policy.", policy, POLICY);
  const { expirationSeconds, delaySeconds, deadLetter } = policy as QueuePolicy;
  if (expirationSeconds !== undefined) {
    checkInteger(subject, "policy.expirationSeconds", expirationSeconds, 1, LIMITS.seconds);
  }
  if (delaySeconds !== undefined) checkInteger(subject, "policy.delaySeconds", delaySeconds, 1, LIMITS.seconds);
  if (deadLetter === undefined) return;
  if (typeof deadLetter !== "object" || deadLetter === null) {
    throw refuse(subject, "policy.deadLetter must have a queue and a maxReceiveCount");
  }
  checkKnown(subject, "policy.deadLetter.", deadLetter, ["queue", "maxReceiveCount"]);
  checkQueueChannel(subject.operation, deadLetter.queue, "policy.deadLetter.queue");
  checkInteger(subject, "policy.deadLetter.maxReceiveCount", deadLetter.maxReceiveCount, 1, LIMITS.receiveCount);
}

export function checkWait(subject: Subject, waitSeconds: unknown): number {
  return waitSeconds === undefined ? 1 : checkInteger(subject, "waitSeconds", waitSeconds, 1, LIMITS.waitSeconds);
}

/**
 * Checks the wait of a poll, whose unit on the wire is the millisecond.
 *
 * @returns milliseconds
 */
export function checkBatchWait(subject: Subject, waitSeconds: unknown): number {
  if (waitSeconds === undefined) return LIMITS.leastWaitMs;
  return Math.round(checkNumber(subject, "waitSeconds", waitSeconds, 1, LIMITS.waitSeconds) * 1_000);
}

export function checkMax(subject: Subject, max: unknown): number {
  return max === undefined ? 1 : checkInteger(subject, "max", max, 1, LIMITS.messages);
}
