import type { BatchReader, BatchSource } from "../transport/index.js";

/**
 * What a consumer hands to the engine, batch by batch. The engine takes in no more than there is room for, so what it was given
 * last is remembered until it has taken in all of it.
 */
export class Handover<Item> implements BatchSource<Item> {
  #ready: Item[] = [];
  /** From `#taken` on the engine has not taken it in yet. */
  #given: readonly Item[] = [];
  #taken = 0;
  #failure: { readonly error: unknown } | undefined;
  #reader: BatchReader<Item> | undefined;

  get hasFailed(): boolean {
    return this.#failure !== undefined;
  }

  push(items: readonly Item[]): void {
    this.#ready.push(...items);
    this.#give();
  }

  /** Ends the attempt, behind what is ready. */
  fail(error: unknown): void {
    this.#failure ??= { error };
    this.#give();
  }

  /** Another attempt begins. */
  reopen(): void {
    this.#failure = undefined;
    this.#reader = undefined;
  }

  /** The engine has taken in one item. */
  took(): void {
    this.#taken += 1;
  }

  /** Takes back what the engine has not taken in. */
  drain(): Item[] {
    const rest = [...this.#given.slice(this.#taken), ...this.#ready];
    this.#given = [];
    this.#taken = 0;
    this.#ready = [];
    return rest;
  }

  read(reader: BatchReader<Item>): void {
    this.#reader = reader;
    this.#give();
  }

  #give(): void {
    const reader = this.#reader;
    if (reader === undefined) return;
    const items = this.#ready;
    if (items.length > 0) {
      this.#reader = undefined;
      this.#ready = [];
      this.#given = items;
      this.#taken = 0;
      reader.batch(items);
    } else if (this.#failure !== undefined) {
      this.#reader = undefined;
      reader.end(this.#failure.error);
    }
  }
}
