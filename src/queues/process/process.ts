import type { Delivery, OutgoingQueueMessage } from "../../api/queues/message.js";
import type { ProcessOptions } from "../../api/queues/requests.js";
import type { Service } from "../../api/subscription.js";
import type { Connection } from "../../connection/connection.js";
import { checkLimits, type HandlerPlan, HandlerService, reportFailure, type Source } from "../../stream/handlers.js";
import { backoffDelay } from "../../support/time/backoff.js";
import { checkInteger, type Subject } from "../../support/checks.js";
import { DEFAULTS } from "../../support/defaults.js";
import { toKubeMQError } from "../../support/faults.js";
import { LIMITS } from "../checks.js";
import { deadLetterOf } from "./dead-letter.js";
import { DelayedRejections } from "./delayed-rejections.js";
import { type Retry, RetryPolicy } from "./retry.js";
import { type Settling, settlementOf } from "./settlement.js";

/** The parts of the client that `process` needs. */
export interface Processing<T, D extends Delivery<T>> {
  readonly connection: Connection;
  readonly subject: Subject & { readonly channel: string };
  /** Maximum messages held, if the application sets it. */
  readonly prefetch: number | undefined;
  readonly isLeased: boolean;
  consume(prefetch: number): Source<D>;
  send(message: OutgoingQueueMessage): Promise<unknown>;
  /** The application's handler. */
  readonly handler: (message: D) => unknown;
}

/**
 * Runs a handler for every message of a queue, and settles the message by the handler's outcome.
 */
export function processQueue<T, D extends Delivery<T>>(
  processing: Processing<T, D>,
  options: ProcessOptions<D>,
): Service {
  const { connection, subject } = processing;
  const { processDrainTimeoutMs: drainTimeoutMs } = DEFAULTS;
  const limits = checkLimits(subject, "queues", options, { drainTimeoutMs, mostConcurrent: LIMITS.prefetch }, [
    "retry",
  ]);
  const { concurrency } = limits;
  // Twice the concurrency, to leave room for messages that wait for their rejection. Not for
  // leases, whose time also runs while a message is buffered.
  const usual = processing.isLeased ? concurrency : Math.min(2 * concurrency, LIMITS.prefetch);
  const { prefetch: wished = usual } = processing;
  const prefetch = Math.max(checkInteger(subject, "prefetch", wished, 1, LIMITS.prefetch), concurrency);
  const plan = new ProcessPlan(processing, options, prefetch);
  return new HandlerService(connection, subject, plan, limits, options.signal);
}

class ProcessPlan<T, D extends Delivery<T>> implements HandlerPlan<D> {
  readonly givenUp = { kind: "queues", outcome: "retried" } as const;
  readonly hasSignals: boolean;
  readonly #processing: Processing<T, D>;
  readonly #options: ProcessOptions<D>;
  readonly #prefetch: number;
  readonly #retry: RetryPolicy;
  #source: Source<D> | undefined;
  #stopped = false;
  /** Settlements that run outside any handler. */
  readonly #pending = new Set<Promise<void>>();
  readonly #delayedRejections: DelayedRejections;

  constructor(processing: Processing<T, D>, options: ProcessOptions<D>, prefetch: number) {
    this.hasSignals = processing.isLeased;
    this.#processing = processing;
    this.#options = options;
    this.#prefetch = prefetch;
    this.#delayedRejections = new DelayedRejections(processing.connection.clock, prefetch);
    this.#retry = new RetryPolicy(processing.subject, options.retry);
  }

  open(): Source<D> {
    this.#source = this.#processing.consume(this.#prefetch);
    return this.#source;
  }

  async work(message: D): Promise<void> {
    const { subject, handler } = this.#processing;
    let settling: Settling;
    try {
      settling = settlementOf(subject, await handler(message)); // promise: settlement-checked
    } catch (error) {
      return this.#failed(message, error);
    }
    if (settling.kind === "reject" && settling.delayMs > 0) this.#rejectLater(message, settling.delayMs);
    else await this.#settle(message, settling);
  }

  /** Sends delayed rejections immediately. */
  onStop(): void {
    this.#stopped = true;
    this.#delayedRejections.end();
  }

  async settled(): Promise<void> {
    while (this.#pending.size > 0) await Promise.all(this.#pending);
  }

  /** Deliveries have no signal of their own. Ending the consumer returns all of them. */
  giveUp(): void {
    this.#source?.cancel();
  }

  async #failed(message: D, error: unknown): Promise<void> {
    const { connection } = this.#processing;
    const retry = this.#retry.after(message.receiveCount, connection.random);
    const outcome = retry.kind;
    reportFailure(connection, { kind: "queues", message, error, outcome }, this.#options);
    await this.#follow(message, retry, error);
  }

  async #follow(message: D, retry: Retry, error: unknown): Promise<void> {
    if (message.settled) return;
    switch (retry.kind) {
      case "retried":
        return this.#rejectLater(message, retry.delayMs);
      case "dropped":
        return this.#settle(message, { kind: "ack" });
      case "dead-lettered":
        try {
          // Sent before the acknowledgement: if the process dies in between, the message is in both
          // queues.
          await this.#processing.send(deadLetterOf(message, retry.queue, error));
        } catch (cause) {
          this.#report(message, cause);
          return this.#rejectLater(message, this.#delayMs(message.receiveCount));
        }
        return this.#settle(message, { kind: "ack" });
    }
  }

  /** The message keeps its place in the prefetch, and its handler is free for the next message. */
  #rejectLater(message: D, delayMs: number, failures = 0): void {
    const wait = this.#delayedRejections.wait(Math.min(delayMs, leftMs(message)));
    const rejected = wait.then(() => this.#settle(message, { kind: "reject", delayMs: 0 }, failures));
    this.#pending.add(rejected);
    void rejected.then(() => this.#pending.delete(rejected));
  }

  /** Settles a message. If that fails, returns the message to the queue. Never rejects. */
  async #settle(message: D, settling: Settling, failures = 0): Promise<void> {
    if (message.settled) return;
    try {
      await settleAs(message, settling);
    } catch (cause) {
      const isHeld = this.#report(message, cause);
      // When the service stops, the end of its consumer returns a message that cannot be rejected.
      // promise: refused-settlement-returned
      if (isHeld && !(failures > 0 && this.#stopped))
        this.#rejectLater(message, this.#delayMs(failures + 1), failures + 1);
    }
  }

  /** Reports a failed settlement. @returns whether this consumer still holds the message */
  #report(message: D, cause: unknown): boolean {
    const { connection, subject } = this.#processing;
    const { channel } = subject;
    const error = toKubeMQError(cause, { operation: "queues.settle", channel });
    connection.report({ type: "settle-failed", channel, sequence: message.sequence, error });
    return !["ALREADY_SETTLED", "CLIENT_CLOSED", "LEASE_LOST", "TIMEOUT", "UNAVAILABLE"].includes(error.code);
  }

  #delayMs(failures: number): number {
    return backoffDelay(DEFAULTS.retryDelay, Math.max(failures, 1), this.#processing.connection.random);
  }
}

/** Time reserved for the rejection itself, in milliseconds. */
const LEASE_MARGIN_MS = 500;

function leftMs(message: Delivery<unknown>): number {
  if (!("leasedUntil" in message)) return Infinity;
  return (message.leasedUntil as Date).getTime() - Date.now() - LEASE_MARGIN_MS;
}

function settleAs(message: Delivery<unknown>, settling: Settling): Promise<void> {
  if (settling.kind === "requeue") return message.requeue(settling.channel);
  return settling.kind === "ack" ? message.ack() : message.reject();
}
