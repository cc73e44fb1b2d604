/** Backing arrays up to this size are reused. */
const KEPT = 256;

/**
 * A first-in-first-out queue with O(1) operations, unlike `Array.shift`. Alternating pushes and
 * shifts create no garbage.
 */
export class Fifo<T> {
  #items: (T | undefined)[] = [];
  #head = 0;
  #tail = 0;

  get size(): number {
    return this.#tail - this.#head;
  }

  push(item: T): void {
    this.#items[this.#tail++] = item;
  }

  peek(): T | undefined {
    return this.size === 0 ? undefined : this.#items[this.#head];
  }

  shift(): T | undefined {
    if (this.#head === this.#tail) return undefined;
    const item = this.#items[this.#head];
    this.#items[this.#head++] = undefined;
    if (this.#head === this.#tail) {
      if (this.#tail > KEPT) this.#items = [];
      this.#head = 0;
      this.#tail = 0;
    } else if (this.#head >= 1024 && this.#head * 2 >= this.#tail) {
      // Frees the consumed half; the cost is amortised over the shifts before.
      this.#items = this.#items.slice(this.#head, this.#tail);
      this.#tail -= this.#head;
      this.#head = 0;
    }
    return item;
  }

  /** Removes the first match; O(1) at the head, O(n) behind it. */
  take(isSo: (item: T) => boolean): T | undefined {
    for (let at = this.#head; at < this.#tail; at++) {
      if (!isSo(this.#items[at] as T)) continue;
      if (at === this.#head) return this.shift();
      this.#tail -= 1;
      return this.#items.splice(at, 1)[0];
    }
    return undefined;
  }

  /** The first match, which stays. */
  find(isSo: (item: T) => boolean): T | undefined {
    for (let at = this.#head; at < this.#tail; at++) {
      const item = this.#items[at] as T;
      if (isSo(item)) return item;
    }
    return undefined;
  }

  forEach(run: (item: T) => void): void {
    for (let at = this.#head; at < this.#tail; at++) run(this.#items[at] as T);
  }

  /** Removes and returns all items. */
  drain(): T[] {
    const rest = this.#items.slice(this.#head, this.#tail) as T[];
    this.#items = [];
    this.#head = 0;
    this.#tail = 0;
    return rest;
  }
}
