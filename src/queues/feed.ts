import type { Reader, Source } from "../transport/index.js";

/**
 * Passes the items of a queue consumer to the engine. The engine accepts every item at once,
 * because the consumer's prefetch bounds them.
 */
export class Feed<Item> implements Source<Item> {
  /** Items delivered before the engine reads. */
  #early: Item[] = [];
  #failure: { readonly error: unknown } | undefined;
  #reader: Reader<Item> | undefined;

  push(items: readonly Item[]): void {
    for (const item of items) {
      if (this.#reader === undefined) this.#early.push(item);
      else this.#reader.message(item, 0);
    }
  }

  /** Ends the attempt, after the items delivered so far. */
  fail(error: unknown): void {
    if (this.#failure !== undefined) return;
    this.#failure = { error };
    const reader = this.#reader;
    this.#reader = undefined;
    reader?.end(error);
  }

  /** Takes back the items that the engine has not read. */
  drain(): Item[] {
    return this.#early.splice(0);
  }

  read(reader: Reader<Item>): void {
    for (const item of this.drain()) reader.message(item, 0);
    if (this.#failure === undefined) this.#reader = reader;
    else reader.end(this.#failure.error);
  }

  resume(): void {}

  cancel(): void {
    this.#reader = undefined;
  }
}
