import { Fifo } from "../../support/fifo.js";

/** Counts the sends of a sender that have no outcome, and holds the flushes that wait for them. */
export class Unsettled {
  #count = 0;
  readonly #flushes = new Fifo<() => void>();

  get count(): number {
    return this.#count;
  }

  add(): void {
    this.#count += 1;
  }

  remove(): void {
    this.#count -= 1;
  }

  /** Resolves when every send accepted before has its outcome. */
  flushed(): Promise<void> {
    return this.#count === 0 ? Promise.resolve() : new Promise((resolve) => this.#flushes.push(resolve));
  }

  /** Every send has its outcome. */
  resolveFlushes(): void {
    if (this.#flushes.size > 0) for (const resolve of this.#flushes.drain()) resolve();
  }
}
