import type { Reader, Source } from "../transport/index.js";

/** What a queue consumer delivers to the engine. The engine takes everything at once: a consumer bounds what it receives by its prefetch. */
export class Feed<Item> implements Source<Item> {
  /** Delivered before the engine reads. */
  #early: Item[] = [];
  #failure: { readonly error: unknown } | undefined;
  #reader: Reader<Item> | undefined;

  push(items: readonly Item[]): void {
    for (const item of items) {
      if (this.#reader === undefined) this.#early.push(item);
      else this.#reader.message(item, 0);
    }
  }

  /** Ends the attempt, behind what was delivered before. */
  fail(error: unknown): void {
    if (this.#failure !== undefined) return;
    this.#failure = { error };
    const reader = this.#reader;
    this.#reader = undefined;
    reader?.end(error);
  }

  /** Takes back what the engine has not read. */
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
