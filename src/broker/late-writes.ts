import type { Cancel, Clock } from "./clock.js";
import { Fifo } from "./queues/fifo.js";

interface Write {
  readonly dueAt: bigint;
  readonly write: () => void;
}

/** Writes that happen a fixed time after they were ordered, in their order. One timer runs for all of them. */
export class LateWrites {
  readonly #clock: Clock;
  readonly #delayMs: number;
  readonly #waiting = new Fifo<Write>();
  #timer: Cancel | undefined;

  constructor(clock: Clock, delayMs: number) {
    this.#clock = clock;
    this.#delayMs = delayMs;
  }

  /** Runs `write` after the delay; at once if there is none. */
  add(write: () => void): void {
    if (this.#delayMs === 0) return write();
    this.#waiting.push({ dueAt: this.#clock.now() + BigInt(Math.round(this.#delayMs * 1e6)), write });
    if (this.#timer === undefined) this.#arm(this.#delayMs);
  }

  /** Forgets the writes that have not happened. */
  close(): void {
    this.#timer?.();
    this.#timer = undefined;
    this.#waiting.clear();
  }

  #arm(ms: number): void {
    this.#timer = this.#clock.setTimer(ms, () => {
      this.#timer = undefined;
      const now = this.#clock.now();
      for (let next = this.#waiting.peek(); next !== undefined; next = this.#waiting.peek()) {
        // Rounded up, because a timer that fires too early would find nothing due.
        if (next.dueAt > now) return this.#arm(Math.ceil(Number(next.dueAt - now) / 1e6));
        this.#waiting.shift();
        next.write();
      }
    });
  }
}
