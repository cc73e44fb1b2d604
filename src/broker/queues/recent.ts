import { Fifo } from "./fifo.js";

/** The latest of the ids that were added, up to a number; each newer one pushes out the oldest. */
export class Recent {
  readonly #capacity: number;
  readonly #order = new Fifo<string>();
  readonly #ids = new Set<string>();

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  has(id: string): boolean {
    return this.#ids.has(id);
  }

  /** Adds an id that was not there before, and says which one had to go for it. */
  add(id: string): string | undefined {
    this.#order.push(id);
    this.#ids.add(id);
    if (this.#order.size <= this.#capacity) return undefined;
    const oldest = this.#order.shift();
    if (oldest !== undefined) this.#ids.delete(oldest);
    return oldest;
  }
}
