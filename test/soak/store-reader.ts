import type { Findings } from "./findings.js";
import { parseBody, type Producer } from "./producer.js";

/**
 * Checks one loop over a store channel: each sequence follows the one before, and restarts only
 * when the store does.
 */
export class StoreReader {
  last = 0n;
  total = 0;
  /** How often the channel has restarted, as seen by this loop. */
  eras = 0;
  /** By producer: the sequence of each number; 0 for none. */
  readonly #sequences = new Map<string, Uint32Array>();

  constructor(
    readonly name: string,
    producers: readonly Producer[],
    readonly findings: Findings,
    readonly kills: readonly number[],
  ) {
    for (const { name, capacity } of producers) this.#sequences.set(name, new Uint32Array(capacity));
  }

  take(sequence: bigint, body: string): { readonly name: string; readonly number: number } {
    this.total += 1;
    const { name, number } = parseBody(body);
    const sequences = this.#sequences.get(name);
    if (sequences === undefined || !(number < sequences.length)) {
      this.findings.add("wrong", `${this.name} saw what was not sent: ${body.slice(0, 60)}`);
      return { name, number };
    }
    if (sequence === 1n && this.last > 0n && this.eras < this.kills.length) this.eras += 1;
    else if (sequence <= this.last) this.findings.add("doubled", `${this.name} saw ${sequence} after ${this.last}`);
    else if (sequence !== this.last + 1n) this.findings.add("lost", `${this.name} saw ${sequence} after ${this.last}`);
    this.last = sequence;
    const before = sequences[number] ?? 0;
    if (before > 0) this.findings.add("doubled", `${this.name} saw ${name} ${number} at ${before} and ${sequence}`);
    sequences[number] = Number(sequence);
    return { name, number };
  }

  sequenceOf(producer: Producer, number: number): number {
    return this.#sequences.get(producer.name)?.[number] ?? 0;
  }
}
