import { Fifo } from "./fifo.js";

interface Taker<Item> {
  readonly resolve: (result: IteratorResult<readonly Item[], void>) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * What a consumer hands to the engine, batch by batch. The engine reads ahead of what it takes in, so what it was given last is
 * remembered until it has taken in all of it.
 */
export class Handover<Item> implements AsyncIterable<readonly Item[]> {
  readonly #ready = new Fifo<readonly Item[]>();
  /** From `#taken` on the engine has not taken it in yet. */
  #given: readonly Item[] = [];
  #taken = 0;
  #failure: { readonly error: unknown } | undefined;
  #taker: Taker<Item> | undefined;

  get hasFailed(): boolean {
    return this.#failure !== undefined;
  }

  push(items: readonly Item[]): void {
    const taker = this.#taker;
    this.#taker = undefined;
    if (taker === undefined) this.#ready.push(items);
    else taker.resolve(this.#give(items));
  }

  /** Ends the attempt, behind what is ready. */
  fail(error: unknown): void {
    if (this.#failure !== undefined) return;
    this.#failure = { error };
    const taker = this.#taker;
    this.#taker = undefined;
    taker?.reject(error);
  }

  /** Another attempt begins. */
  reopen(): void {
    this.#failure = undefined;
    this.#taker = undefined;
  }

  /** The engine has taken in one item. */
  took(): void {
    this.#taken += 1;
  }

  /** Takes back what the engine has not taken in. */
  drain(): Item[] {
    const rest = [...this.#given.slice(this.#taken), ...this.#ready.drain().flat()];
    this.#given = [];
    this.#taken = 0;
    return rest;
  }

  [Symbol.asyncIterator](): AsyncIterator<readonly Item[], void> {
    return { next: () => this.#next() };
  }

  #next(): Promise<IteratorResult<readonly Item[], void>> {
    const items = this.#ready.shift();
    if (items !== undefined) return Promise.resolve(this.#give(items));
    if (this.#failure !== undefined) return Promise.reject(this.#failure.error);
    return new Promise((resolve, reject) => (this.#taker = { resolve, reject }));
  }

  #give(items: readonly Item[]): IteratorYieldResult<readonly Item[]> {
    this.#given = items;
    this.#taken = 0;
    return { done: false, value: items };
  }
}
