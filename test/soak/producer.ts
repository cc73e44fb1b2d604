import { createHistogram, type RecordableHistogram } from "node:perf_hooks";
import { KubeMQError } from "kubemq-es";
import { sleep } from "../support/until.js";
import type { Findings } from "./findings.js";

/**
 * The outcome of a send. `unknown`: the connection was lost, or there was no answer; it may have
 * been carried out once.
 */
export const Outcome = { none: 0, pending: 1, confirmed: 2, unknown: 3, skipped: 4 } as const;

/** Maximum unanswered sends; beyond it the open loop skips sends and counts them. */
const MAX_UNANSWERED = 5_000;

/**
 * Sends numbered messages at a steady rate and records each outcome. Its records are off the heap,
 * whose slope is measured.
 */
export class Producer {
  readonly outcome: Uint8Array;
  /** When the outcome was known, in milliseconds of `performance.now()`. */
  readonly doneAt: Float64Array;
  sent = 0;
  skipped = 0;
  #startedAt = 0;
  #unanswered = 0;
  readonly #filler: string;

  constructor(
    readonly name: string,
    /** The lines that it sends through, by the names used in {@link Windows}. */
    readonly line: string,
    /** Messages per second. */
    readonly rate: number,
    readonly capacity: number,
    readonly findings: Findings,
    fillerBytes = 100,
    /** Messages per send. */
    readonly step = 1,
  ) {
    this.outcome = new Uint8Array(capacity);
    this.doneAt = new Float64Array(capacity);
    this.#filler = "x".repeat(fillerBytes);
  }

  /**
   * The time at which a message was due. Latencies start here, so that a stalled sender is counted.
   */
  intendedAt(number: number): number {
    return this.#startedAt + ((number - (number % this.step)) * 1_000) / this.rate;
  }

  body(number: number): string {
    return `${this.name}:${number}:${this.#filler}`;
  }

  /** Sends until the signal aborts, then waits for the unanswered sends. */
  async run(signal: AbortSignal, send: (number: number) => Promise<unknown>): Promise<void> {
    const { step } = this;
    this.#startedAt = performance.now();
    const running = new Set<Promise<void>>();
    for (let number = 0; !signal.aborted && number + step <= this.capacity; number += step) {
      const early = this.intendedAt(number) - performance.now();
      if (early > 0) await sleep(early);
      if (signal.aborted) break;
      this.sent = number + step;
      if (this.#unanswered >= MAX_UNANSWERED) {
        this.#mark(number, step, Outcome.skipped);
        this.skipped += step;
        continue;
      }
      this.#mark(number, step, Outcome.pending);
      const sending = this.#send(number, send).finally(() => running.delete(sending));
      running.add(sending);
    }
    await Promise.all(running);
  }

  count(outcome: number): number {
    let count = 0;
    for (let number = 0; number < this.sent; number++) if (this.outcome[number] === outcome) count += 1;
    return count;
  }

  async #send(number: number, send: (number: number) => Promise<unknown>): Promise<void> {
    const { step } = this;
    this.#unanswered += step;
    try {
      await send(number);
      this.#mark(number, step, Outcome.confirmed);
    } catch (error) {
      this.#mark(number, step, Outcome.unknown);
      if (!KubeMQError.is(error, "UNAVAILABLE", "TIMEOUT")) {
        this.findings.add("unexpected", `${this.name} ${number} was not sent: ${String(error)}`);
      }
    } finally {
      this.#unanswered -= step;
    }
  }

  #mark(number: number, step: number, outcome: number): void {
    this.outcome.fill(outcome, number, number + step);
    this.doneAt.fill(performance.now(), number, number + step);
  }
}

/** Parses the producer's name and the message's number from a body. */
export function parseBody(body: string): { readonly name: string; readonly number: number } {
  const [name = "", number = ""] = body.split(":", 2);
  return { name, number: Number(number) };
}

/** Latencies, stored in microseconds. */
export class Latency {
  readonly #histogram: RecordableHistogram = createHistogram();

  constructor(readonly name: string) {}

  since(from: number): void {
    this.#histogram.record(Math.max(1, Math.round((performance.now() - from) * 1_000)));
  }

  line(): string {
    const { count, max } = this.#histogram;
    if (count === 0) return `${this.name}: none`;
    const ms = (microseconds: number) => `${(microseconds / 1_000).toFixed(1)} ms`;
    const [p50, p99] = [this.#histogram.percentile(50), this.#histogram.percentile(99)];
    return `${this.name}: p50 ${ms(p50)}, p99 ${ms(p99)}, max ${ms(max)} (${count})`;
  }
}
