import type { Cancel, Clock } from "../clock.js";

/** The limits of a log. */
export interface Retention {
  readonly maxMessages: number;
  readonly maxAgeMs: number;
}

/** An event in the log. */
export interface Logged<T> {
  readonly sequence: number;
  /** Nanoseconds since 1970. */
  readonly timestamp: bigint;
  readonly event: T;
}

/** The start of a new position. */
export type StartPosition =
  | { readonly from: "new" }
  | { readonly from: "first" }
  | { readonly from: "last" }
  | { readonly from: "sequence"; readonly sequence: bigint }
  /** Nanoseconds since 1970. */
  | { readonly from: "time"; readonly timestamp: bigint };

// Removed entries are cut off in bulk: shifting the array for each one would cost O(length).
const slack = 1024;

/** Events in order of arrival, numbered from 1, with the oldest removed by retention. */
export class EventLog<T> {
  readonly #clock: Clock;
  readonly #retention: Retention;
  #entries: Logged<T>[] = [];
  #deletedCount = 0;
  #next = 1;
  #expiry: Cancel | undefined;

  constructor(clock: Clock, retention: Retention) {
    this.#clock = clock;
    this.#retention = retention;
  }

  get size(): number {
    return this.#entries.length - this.#deletedCount;
  }

  /** The sequence of the oldest event; of the next one if the log is empty. */
  get first(): number {
    return this.#next - this.size;
  }

  /** The sequence of the newest event ever logged; 0 before the first. */
  get last(): number {
    return this.#next - 1;
  }

  append(event: T): Logged<T> {
    const logged = { sequence: this.#next++, timestamp: this.#clock.now(), event };
    this.#entries.push(logged);
    if (this.size > this.#retention.maxMessages) this.#remove(1);
    if (this.#expiry === undefined) this.#armExpiry();
    return logged;
  }

  get(sequence: number): Logged<T> | undefined {
    return sequence < this.first ? undefined : this.#at(sequence - this.first);
  }

  /** The first sequence that a new position delivers. */
  startOf(position: StartPosition): number {
    switch (position.from) {
      case "new":
        return this.#next;
      case "first":
        return this.first;
      case "last":
        return this.size === 0 ? this.#next : this.last;
      case "sequence": {
        const { sequence } = position;
        if (sequence >= BigInt(this.#next)) return this.#next;
        return Math.max(this.first, Number(sequence));
      }
      case "time":
        return this.first + this.#olderThan(position.timestamp);
    }
    return position satisfies never;
  }

  /** Removes all events up to and including a sequence. Numbering continues. */
  purge(through: number): void {
    this.#remove(Math.min(this.size, through - this.first + 1));
  }

  /** Removes all events, and numbers from 1 again. */
  reset(): void {
    this.#remove(this.size);
    this.#next = 1;
  }

  /** Cancels the timer. */
  close(): void {
    this.#expiry?.();
    this.#expiry = undefined;
  }

  #at(index: number): Logged<T> | undefined {
    return this.#entries[this.#deletedCount + index];
  }

  // Number of retained events older than `timestamp`. Timestamps never decrease.
  #olderThan(timestamp: bigint): number {
    let low = 0;
    let high = this.size;
    while (low < high) {
      const middle = (low + high) >> 1;
      const logged = this.#at(middle);
      if (logged !== undefined && logged.timestamp < timestamp) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #remove(count: number): void {
    if (count <= 0) return;
    this.#deletedCount += count;
    if (this.#deletedCount === this.#entries.length) this.#cut();
    else if (this.#deletedCount > slack && this.#deletedCount * 2 > this.#entries.length) this.#cut();
    if (this.size === 0) this.close();
  }

  #cut(): void {
    this.#entries = this.#entries.slice(this.#deletedCount);
    this.#deletedCount = 0;
  }

  #armExpiry(): void {
    const oldest = this.#at(0);
    const { maxAgeMs } = this.#retention;
    if (oldest === undefined || maxAgeMs === Infinity) return;
    const age = Number(this.#clock.now() - oldest.timestamp) / 1e6;
    // One extra millisecond: timers may fire slightly early.
    this.#expiry = this.#clock.setTimer(Math.max(0, maxAgeMs - age) + 1, () => {
      this.#expiry = undefined;
      this.#remove(this.#olderThan(this.#clock.now() - BigInt(Math.floor(maxAgeMs)) * 1_000_000n));
      this.#armExpiry();
    });
  }
}
