import { checkKnown } from "../../support/names/known.js";
import type { RetryOptions } from "../../api/queues/requests.js";
import { backoffDelay, type BackoffPolicy } from "../../support/time/backoff.js";
import { checkInteger, checkQueueChannel, refuse, type Subject } from "../../support/checks.js";
import { DEFAULTS } from "../../support/defaults.js";

/** The next step for a message whose handler failed. */
export type Retry =
  | { readonly kind: "retried"; readonly delayMs: number }
  | { readonly kind: "dead-lettered"; readonly queue: string }
  | { readonly kind: "dropped" };

const PLACES = { "retry.delay": ["initialDelayMs", "maxDelayMs", "jitter"], "retry.exhausted": ["deadLetter"] };

/** Decides when a failed message is delivered again, and how it ends after the last attempt. */
export class RetryPolicy {
  readonly #maxAttempts: number;
  readonly #end: Retry;
  readonly #delay: BackoffPolicy | undefined;

  /** Rejects unknown and contradictory options. */
  constructor(subject: Subject, retry: RetryOptions = {}) {
    checkKnown(subject, "retry.", retry, ["maxAttempts", "exhausted", "delay"], PLACES);
    const { maxAttempts, exhausted, delay } = retry;
    if ((maxAttempts === undefined) !== (exhausted === undefined)) {
      const text = "retry.maxAttempts and retry.exhausted need each other: set both, or neither";
      throw refuse(subject, text);
    }
    this.#maxAttempts =
      maxAttempts === undefined ? Infinity : checkInteger(subject, "retry.maxAttempts", maxAttempts, 1, 1024);
    this.#end = endOf(subject, exhausted);
    this.#delay = delay === false ? undefined : delayOf(subject, delay);
  }

  /** Returns the next step for a message that was delivered `attempts` times. */
  after(attempts: number, random: () => number): Retry {
    if (attempts >= this.#maxAttempts) return this.#end; // promise: attempts-exhausted
    const delayMs = this.#delay === undefined ? 0 : backoffDelay(this.#delay, Math.max(attempts, 1), random);
    return { kind: "retried", delayMs };
  }
}

function endOf(subject: Subject, exhausted: RetryOptions["exhausted"]): Retry {
  if (exhausted === undefined || exhausted === "drop") return { kind: "dropped" };
  const queue: unknown = (exhausted as { readonly deadLetter?: unknown } | null)?.deadLetter;
  if (queue === undefined) throw refuse(subject, 'retry.exhausted must be "drop" or { deadLetter: a queue }');
  checkKnown(subject, "retry.exhausted.", exhausted, ["deadLetter"]);
  checkQueueChannel(subject.operation, queue, "retry.exhausted.deadLetter");
  if (queue === subject.channel) {
    throw refuse(subject, "retry.exhausted.deadLetter must be another queue: its messages would be processed again");
  }
  return { kind: "dead-lettered", queue };
}

function delayOf(subject: Subject, delay: Exclude<RetryOptions["delay"], false> = {}): BackoffPolicy {
  checkKnown(subject, "retry.delay.", delay, ["initialDelayMs", "maxDelayMs", "jitter"]);
  const {
    initialDelayMs = DEFAULTS.retryDelay.initialDelayMs,
    maxDelayMs = DEFAULTS.retryDelay.maxDelayMs,
    jitter = DEFAULTS.retryDelay.jitter,
  } = delay;
  checkInteger(subject, "retry.delay.initialDelayMs", initialDelayMs, 1, MAX_DELAY_MS);
  checkInteger(subject, "retry.delay.maxDelayMs", maxDelayMs, initialDelayMs, MAX_DELAY_MS);
  if (typeof jitter !== "number" || !(jitter >= 0 && jitter <= 1)) {
    throw refuse(subject, `retry.delay.jitter must be a number from 0 to 1, got ${String(jitter)}`);
  }
  return { initialDelayMs, maxDelayMs, jitter, maxAttempts: Infinity };
}

/**
 * Maximum delay in milliseconds. Other consumers cannot receive a message that waits for its
 * rejection here.
 */
export const MAX_DELAY_MS = 300_000;
