import { clearTimeout, monotonicNanos, setTimeout } from "./timers.js";

/**
 * Stops a timer that has not fired. Has no effect when called again or after the timer has fired.
 */
export type Cancel = () => void;

/** The broker's source of time: the machine's clock or a test's. */
export interface Clock {
  /** Nanoseconds since 1970. Never decreases. */
  now(): bigint;
  /** Calls `fn` once, `ms` milliseconds from now. */
  setTimer(ms: number, fn: () => void): Cancel;
}

// setTimeout fires immediately for longer delays, because it stores them in 32 bits.
const longestTimeoutMs = 2 ** 31 - 1;

const wallAtStart = BigInt(Date.now()) * 1_000_000n;
const hrtimeAtStart = monotonicNanos();

/**
 * The machine's clock. It reads the wall clock once and then uses the monotonic clock, so that
 * setting the machine's clock never makes a timestamp decrease.
 */
export const systemClock: Clock = {
  now: () => wallAtStart + (monotonicNanos() - hrtimeAtStart),
  setTimer(ms, fn) {
    let remaining = ms;
    let timer: NodeJS.Timeout;
    const arm = () => {
      const step = Math.min(remaining, longestTimeoutMs);
      remaining -= step;
      timer = setTimeout(remaining > 0 ? arm : fn, step);
      // The broker's sockets keep the process alive; its timers do not.
      timer.unref();
    };
    arm();
    return () => clearTimeout(timer);
  },
};

interface Entry {
  readonly at: bigint;
  readonly order: number;
  fn: (() => void) | undefined;
}

/**
 * A clock whose time changes only when a test advances it.
 *
 * Timers fire within {@link ManualClock.advance}, earliest first, each at its own time.
 */
export class ManualClock implements Clock {
  #now: bigint;
  #order = 0;
  // A binary heap: a broker under test arms a timer for every request and every message in flight.
  readonly #heap: Entry[] = [];
  #live = 0;

  /** @param start - nanoseconds since 1970. @default 1_700_000_000_000_000_000n */
  constructor(start = 1_700_000_000_000_000_000n) {
    this.#now = start;
  }

  now(): bigint {
    return this.#now;
  }

  /** Number of armed timers. */
  get timers(): number {
    return this.#live;
  }

  setTimer(ms: number, fn: () => void): Cancel {
    const entry: Entry = { at: this.#now + nanoseconds(Math.max(0, ms)), order: this.#order++, fn };
    this.#push(entry);
    this.#live++;
    return () => {
      if (entry.fn === undefined) return;
      entry.fn = undefined;
      this.#live--;
    };
  }

  /** Advances the time by `ms` milliseconds and fires every timer that becomes due. */
  advance(ms: number): void {
    const until = this.#now + nanoseconds(ms);
    for (let next = this.#heap[0]; next !== undefined && next.at <= until; next = this.#heap[0]) {
      this.#pop();
      const { fn } = next;
      if (fn === undefined) continue;
      next.fn = undefined;
      this.#live--;
      if (next.at > this.#now) this.#now = next.at;
      fn();
    }
    if (until > this.#now) this.#now = until;
  }

  #push(entry: Entry): void {
    const heap = this.#heap;
    let at = heap.push(entry) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = heap[parent];
      if (above === undefined || isBefore(above, entry)) break;
      heap[at] = above;
      at = parent;
    }
    heap[at] = entry;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      let below = heap[child];
      if (below === undefined) break;
      const right = heap[child + 1];
      if (right !== undefined && isBefore(right, below)) {
        child++;
        below = right;
      }
      if (isBefore(last, below)) break;
      heap[at] = below;
      at = child;
    }
    heap[at] = last;
  }
}

const nanoseconds = (ms: number) => BigInt(Math.round(ms * 1_000_000));

const isBefore = (a: Entry, b: Entry) => a.at < b.at || (a.at === b.at && a.order < b.order);
