import { ManualClock, type Cancel, type Clock } from "kubemq-es/testing";

const TICK_MS = 5;
/** The most time that is counted between two turns of the event loop. */
const MOST_MS = 25;

/**
 * The process's own time: while a busy machine does not run the process, no time passes, neither
 * for the server nor for the test. A server that is too slow in its own time still fails.
 */
export class ProcessTime implements Clock, Disposable {
  readonly #clock = new ManualClock(BigInt(Date.now()) * 1_000_000n);
  readonly #ticking: NodeJS.Timeout;
  #last = performance.now();

  constructor() {
    this.#ticking = setInterval(() => this.#tick(), TICK_MS);
  }

  now(): bigint {
    return this.#clock.now();
  }

  /** Milliseconds since 1970. */
  get ms(): number {
    return Number(this.#clock.now() / 1_000n) / 1_000;
  }

  setTimer(ms: number, fn: () => void): Cancel {
    return this.#clock.setTimer(ms, fn);
  }

  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => this.setTimer(ms, resolve));
  }

  [Symbol.dispose](): void {
    clearInterval(this.#ticking);
  }

  #tick(): void {
    const now = performance.now();
    const passed = Math.min(now - this.#last, MOST_MS);
    this.#last = now;
    this.#clock.advance(passed);
  }
}
