/**
 * Remembers at least the `count` latest items, and at most twice as many. Two sets in turn:
 * removing the oldest item of one set takes V8 longer, the more items were removed before.
 */
export class Latest<T> {
  readonly #count: number;
  #newer = new Set<T>();
  #older = new Set<T>();

  constructor(count: number) {
    this.#count = count;
  }

  has(item: T): boolean {
    return this.#newer.has(item) || this.#older.has(item);
  }

  add(item: T): void {
    this.#newer.add(item);
    if (this.#newer.size < this.#count) return;
    this.#older = this.#newer;
    this.#newer = new Set();
  }
}
