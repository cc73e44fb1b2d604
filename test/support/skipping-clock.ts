import type { Clock as BrokerClock } from "kubemq-es/testing";
import type { Clock as ClientClock } from "../../src/support/time/clock.js";
import { settle } from "./fake-clock.js";

interface Timer {
  readonly at: number;
  readonly run: () => void;
  real: NodeJS.Timeout;
}

/**
 * The time of the machine, which a test moves forward where it would have to wait. One for the broker and its clients, so
 * that a lease ends for all of them at once.
 */
export class SkippingClock {
  readonly #wallAtStart = BigInt(Date.now()) * 1_000_000n;
  readonly #start = performance.now();
  readonly #timers = new Set<Timer>();
  #skippedMs = 0;

  readonly forClients: ClientClock = {
    now: () => this.#nowMs(),
    setTimer: (delayMs, run, options) => this.#setTimer(delayMs, run, options?.holdsProcess ?? true),
  };

  readonly forBroker: BrokerClock = {
    now: () => this.#wallAtStart + BigInt(Math.round((this.#nowMs() - this.#start) * 1_000_000)),
    setTimer: (ms, run) => this.#setTimer(ms, run, false),
  };

  /** Moves time forward. What a timer starts settles before the next timer fires, but answers over the network may not. */
  async pass(ms: number): Promise<void> {
    const until = this.#nowMs() + ms;
    for (;;) {
      const [next] = [...this.#timers].filter(({ at }) => at <= until).sort((a, b) => a.at - b.at);
      if (next === undefined) break;
      this.#skipTo(next.at);
      this.#forget(next);
      next.run();
      await settle();
    }
    this.#skipTo(until);
    for (const timer of this.#timers) this.#arm(timer);
  }

  #nowMs(): number {
    return performance.now() + this.#skippedMs;
  }

  #skipTo(ms: number): void {
    this.#skippedMs += Math.max(0, ms - this.#nowMs());
  }

  #setTimer(delayMs: number, run: () => void, holdsProcess: boolean): () => void {
    const timer: Timer = { at: this.#nowMs() + delayMs, run, real: setTimeout(() => {}, 0) };
    this.#timers.add(timer);
    this.#arm(timer);
    if (!holdsProcess) timer.real.unref();
    return () => this.#forget(timer);
  }

  #arm(timer: Timer): void {
    const isHeld = timer.real.hasRef();
    clearTimeout(timer.real);
    const leftMs = Math.max(0, timer.at - this.#nowMs());
    timer.real = setTimeout(() => (this.#forget(timer), timer.run()), leftMs);
    if (!isHeld) timer.real.unref();
  }

  #forget(timer: Timer): void {
    clearTimeout(timer.real);
    this.#timers.delete(timer);
  }
}
