import type { BatchReader, BatchSource } from "../transport/index.js";

/** What a queue consumer delivers to the engine. The engine takes everything at once: a consumer bounds what it receives by its prefetch. */
export class Feed<Item> implements BatchSource<Item> {
  /** Delivered before the engine reads. */
  #ready: Item[] = [];
  #failure: { readonly error: unknown } | undefined;
  #reader: BatchReader<Item> | undefined;

  push(items: readonly Item[]): void {
    this.#ready.push(...items);
    this.#deliver();
  }

  /** Ends the attempt, behind what is ready. */
  fail(error: unknown): void {
    this.#failure ??= { error };
    this.#deliver();
  }

  /** Takes back what the engine has not read. */
  drain(): Item[] {
    const rest = this.#ready;
    this.#ready = [];
    return rest;
  }

  read(reader: BatchReader<Item>): void {
    this.#reader = reader;
    this.#deliver();
  }

  #deliver(): void {
    const reader = this.#reader;
    if (reader === undefined) return;
    if (this.#ready.length > 0) {
      this.#reader = undefined;
      reader.batch(this.drain());
    } else if (this.#failure !== undefined) {
      this.#reader = undefined;
      reader.end(this.#failure.error);
    }
  }
}
