import type { Cancel, Clock } from "../clock.js";
import { Fifo } from "../fifo.js";

interface Write {
  readonly dueAt: bigint;
  readonly write: () => void;
}

/** Delays writes, in order, to a limited rate. One timer serves all of them. */
export class LateWrites {
  readonly #clock: Clock;
  /** Nanoseconds between two writes. */
  readonly #pace: bigint;
  #lastDueAt = 0n;
  readonly #waiting = new Fifo<Write>();
  #timer: Cancel | undefined;

  /** @param perSecond - writes per second; Infinity: no delay */
  constructor(clock: Clock, perSecond: number) {
    this.#clock = clock;
    this.#pace = BigInt(Math.round(1e9 / perSecond));
  }

  /** Runs `write` after the writes before it. */
  add(write: () => void): void {
    if (this.#pace === 0n) return write();
    const now = this.#clock.now();
    const dueAt = (this.#lastDueAt > now ? this.#lastDueAt : now) + this.#pace;
    this.#lastDueAt = dueAt;
    this.#waiting.push({ dueAt, write });
    if (this.#timer === undefined) this.#arm(dueAt - now);
  }

  /** Discards the pending writes. */
  close(): void {
    this.#timer?.();
    this.#timer = undefined;
    this.#waiting.clear();
  }

  #arm(wait: bigint): void {
    this.#timer = this.#clock.setTimer(Number(wait) / 1e6, () => {
      this.#timer = undefined;
      const now = this.#clock.now();
      for (let next = this.#waiting.peek(); next !== undefined; next = this.#waiting.peek()) {
        if (next.dueAt > now) return this.#arm(next.dueAt - now);
        this.#waiting.shift();
        next.write();
      }
    });
  }
}
