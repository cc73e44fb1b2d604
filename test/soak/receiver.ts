import type { Findings } from "./findings.js";
import { Outcome, parseBody, type Producer } from "./producer.js";

interface Column {
  readonly producer: Producer;
  readonly received: Uint8Array;
  highest: number;
  /** Numbers that arrived after a higher one. */
  readonly late: number[];
}

/** How many late numbers are recorded. */
const MAX_LATE = 10_000;

/** Counts how often each message of each producer arrived at a subscriber, or at a group. */
export class Receiver {
  readonly #columns = new Map<string, Column>();

  constructor(
    readonly name: string,
    /** The lines that it receives through. */
    readonly lines: readonly string[],
    producers: readonly Producer[],
    readonly findings: Findings,
  ) {
    for (const producer of producers) {
      const received = new Uint8Array(producer.capacity);
      this.#columns.set(producer.name, { producer, received, highest: -1, late: [] });
    }
  }

  /**
   * Records a message; a duplicate is a violation. Returns undefined for a body that no producer
   * sent.
   */
  take(body: string): { readonly producer: Producer; readonly number: number } | undefined {
    const { name, number } = parseBody(body);
    const column = this.#columns.get(name);
    if (column === undefined || !(number < column.producer.sent)) {
      this.findings.add("wrong", `${this.name} received what was not sent: ${body.slice(0, 60)}`);
      return undefined;
    }
    const times = (column.received[number] ?? 0) + 1;
    column.received[number] = times;
    if (times > 1) this.findings.add("doubled", `${this.name} received ${name} ${number} ${times} times`);
    if (number > column.highest) column.highest = number;
    else if (column.late.length < MAX_LATE) column.late.push(number);
    return { producer: column.producer, number };
  }

  has(producer: Producer, number: number): boolean {
    return (this.#columns.get(producer.name)?.received[number] ?? 0) > 0;
  }

  total(): number {
    let total = 0;
    for (const { received } of this.#columns.values()) for (const times of received) total += times;
    return total;
  }

  /**
   * A late message is out of order, unless its outcome is unknown: it was then on a connection that
   * the client had given up.
   */
  checkOrder(producers: readonly Producer[]): void {
    for (const { producer, late } of this.#columns.values()) {
      if (!producers.includes(producer)) continue;
      for (const number of late) {
        if (producer.outcome[number] !== Outcome.confirmed) continue;
        this.findings.add("disorder", `${this.name} received ${producer.name} ${number} after a later one`);
      }
    }
  }

  /**
   * Checks that every confirmed message arrived or that its loss is explained. Returns the number
   * of explained losses.
   */
  missing(explains: (producer: Producer, number: number) => boolean): number {
    let explained = 0;
    for (const { producer, received } of this.#columns.values()) {
      for (let number = 0; number < producer.sent; number++) {
        if (producer.outcome[number] !== Outcome.confirmed || (received[number] ?? 0) > 0) continue;
        if (explains(producer, number)) explained += 1;
        else this.findings.add("lost", `${this.name} did not receive ${producer.name} ${number}`);
      }
    }
    return explained;
  }
}
