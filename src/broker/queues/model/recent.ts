import { Fifo } from "../../fifo.js";

/** The most recently added ids, up to a limit; a new one replaces the oldest. */
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

  /** Adds a new id, and returns the one that it replaced. */
  add(id: string): string | undefined {
    this.#order.push(id);
    this.#ids.add(id);
    if (this.#order.size <= this.#capacity) return undefined;
    const oldest = this.#order.shift();
    if (oldest !== undefined) this.#ids.delete(oldest);
    return oldest;
  }
}
