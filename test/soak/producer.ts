import { createHistogram, type RecordableHistogram } from "node:perf_hooks";
import { KubeMQError } from "kubemq-es";
import { sleep } from "../support/until.js";
import type { Findings } from "./findings.js";

/** What a send came to. Unknown: the connection was lost, or no answer came; it may have been carried out, once. */
export const Outcome = { none: 0, pending: 1, confirmed: 2, unknown: 3, skipped: 4 } as const;

/** Beyond so many unanswered sends the open loop leaves sends out, and counts them. */
const MAX_UNANSWERED = 5_000;

/** Numbered messages at a steady rate, and what each came to. What it remembers is not on the heap, whose slope is measured. */
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
    /** The lines that it sends through, as the windows of trouble are named. */
    readonly line: string,
    /** Messages a second. */
    readonly rate: number,
    readonly capacity: number,
    readonly findings: Findings,
    fillerBytes = 100,
    /** How many go together. */
    readonly step = 1,
  ) {
    this.outcome = new Uint8Array(capacity);
    this.doneAt = new Float64Array(capacity);
    this.#filler = "x".repeat(fillerBytes);
  }

  /** When a message was to be sent: latencies count from here, so that a stalled sender is no excuse. */
  intendedAt(number: number): number {
    return this.#startedAt + ((number - (number % this.step)) * 1_000) / this.rate;
  }

  body(number: number): string {
    return `${this.name}:${number}:${this.#filler}`;
  }

  /** Sends until the signal aborts, and waits for what is unanswered. */
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

/** Finds the producer and the number of a body. */
export function parseBody(body: string): { readonly name: string; readonly number: number } {
  const [name = "", number = ""] = body.split(":", 2);
  return { name, number: Number(number) };
}

/** Latencies, in microseconds inside. */
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
