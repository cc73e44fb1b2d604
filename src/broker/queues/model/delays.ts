import type { Cancel, Clock } from "../../clock.js";
import { Heap } from "./heap.js";
import type { Content } from "./message.js";

interface Delayed {
  readonly queue: string;
  readonly content: Content;
  readonly dueAt: bigint;
  readonly order: number;
}

const isBefore = (a: Delayed, b: Delayed) => a.dueAt < b.dueAt || (a.dueAt === b.dueAt && a.order < b.order);

/**
 * Delayed messages, for all queues.
 *
 * They become due on time, or at the next check, if checks are periodic. (The real server checks
 * every 500 ms, and loses all but the last of those with the same MessageID.) One timer serves all
 * of them.
 */
export class Delays {
  readonly #clock: Clock;
  readonly #onDue: (queue: string, content: Content) => void;
  readonly #heap = new Heap<Delayed>(isBefore);
  readonly #counts = new Map<string, number>();
  #order = 0;
  #cancel: Cancel | undefined;
  readonly #startedAt: bigint;
  readonly #check: bigint;

  /** @param checkMs - milliseconds between checks; 0: check whenever a message becomes due */
  constructor(clock: Clock, checkMs: number, onDue: (queue: string, content: Content) => void) {
    this.#clock = clock;
    this.#startedAt = clock.now();
    this.#check = BigInt(Math.round(checkMs * 1e6));
    this.#onDue = onDue;
  }

  add(queue: string, content: Content, dueAt: bigint): void {
    const delayed = { queue, content, dueAt, order: this.#order++ };
    this.#heap.push(delayed);
    this.#counts.set(queue, this.count(queue) + 1);
    if (this.#heap.peek() === delayed) this.#arm();
  }

  /** Number of delayed messages of a queue. */
  count(queue: string): number {
    return this.#counts.get(queue) ?? 0;
  }

  /** Removes the delayed messages of a queue, or of all. */
  clear(queue?: string): void {
    if (queue === undefined) {
      this.#heap.clear();
      this.#counts.clear();
    } else if (this.#counts.delete(queue)) {
      this.#heap.keep((delayed) => delayed.queue !== queue);
    }
    this.#arm();
  }

  #arm(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    const next = this.#heap.peek();
    if (next === undefined) return;
    // Rounded up: a timer that fires slightly early would find nothing due and be armed again.
    const ms = Math.max(0, Math.ceil(Number(this.#checkAfter(next.dueAt) - this.#clock.now()) / 1e6));
    this.#cancel = this.#clock.setTimer(ms, () => this.#fire());
  }

  /** The time of the next check. */
  #checkAfter(moment: bigint): bigint {
    if (this.#check === 0n) return moment;
    return this.#startedAt + ((moment - this.#startedAt) / this.#check + 1n) * this.#check;
  }

  #fire(): void {
    const now = this.#clock.now();
    for (let next = this.#heap.peek(); next !== undefined; next = this.#heap.peek()) {
      if (next.dueAt > now) break;
      this.#heap.pop();
      const left = this.count(next.queue) - 1;
      if (left === 0) this.#counts.delete(next.queue);
      else this.#counts.set(next.queue, left);
      this.#onDue(next.queue, next.content);
    }
    this.#arm();
  }
}
