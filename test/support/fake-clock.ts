import type { Clock } from "../../src/support/time/clock.js";

/** A clock that stands still until a test advances it. */
export class FakeClock implements Clock {
  #now = 0;
  #timers: { readonly at: number; readonly run: () => void }[] = [];

  now(): number {
    return this.#now;
  }

  /** Number of armed timers. */
  get timers(): number {
    return this.#timers.length;
  }

  setTimer(delayMs: number, run: () => void): () => void {
    const timer = { at: this.#now + delayMs, run };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  /** Moves the time as a blocked event loop does: timers that become due fire late. */
  block(ms: number): void {
    this.#now += ms;
  }

  /**
   * Advances the time. Each timer fires at its own time, and the promises that it settles run
   * before the next timer.
   */
  async advance(ms: number): Promise<void> {
    const until = this.#now + ms;
    for (;;) {
      const due = this.#timers.filter(({ at }) => at <= until).sort((a, b) => a.at - b.at)[0];
      if (due === undefined) break;
      this.#timers = this.#timers.filter((other) => other !== due);
      this.#now = Math.max(this.#now, due.at);
      due.run();
      await settle();
    }
    this.#now = Math.max(this.#now, until);
    await settle();
  }

  /** Advances the time by milliseconds until the promise has settled, and returns its outcome. */
  async passUntil<T>(promise: Promise<T>): Promise<T> {
    const pending = Promise.resolve(Symbol("pending"));
    while ((await Promise.race([promise, pending])) === (await pending)) await this.advance(1);
    return promise;
  }
}

/** Lets pending promise reactions run. */
export async function settle(): Promise<void> {
  await turns(4);
}

/** Lets the event loop turn this often. */
export async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve));
}
