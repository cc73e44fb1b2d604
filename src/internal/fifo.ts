/** A first-in-first-out queue with O(1) operations, which `Array.shift` does not promise. */
export class Fifo<T> {
  #items: (T | undefined)[] = [];
  #head = 0;

  get size(): number {
    return this.#items.length - this.#head;
  }

  push(item: T): void {
    this.#items.push(item);
  }

  peek(): T | undefined {
    return this.#items[this.#head];
  }

  shift(): T | undefined {
    if (this.#head === this.#items.length) return undefined;
    const item = this.#items[this.#head];
    this.#items[this.#head++] = undefined;
    if (this.#head === this.#items.length) {
      this.#items.length = 0;
      this.#head = 0;
    } else if (this.#head >= 1024 && this.#head * 2 >= this.#items.length) {
      // The dead half is given back, at a cost that the shifts before have paid for.
      this.#items = this.#items.slice(this.#head);
      this.#head = 0;
    }
    return item;
  }

  /** Takes out the first that is so: quick at the head, and less so behind it. */
  take(isSo: (item: T) => boolean): T | undefined {
    for (let at = this.#head; at < this.#items.length; at++) {
      if (isSo(this.#items[at] as T)) return at === this.#head ? this.shift() : this.#items.splice(at, 1)[0];
    }
    return undefined;
  }

  /** Takes everything out. */
  drain(): T[] {
    const rest = this.#items.slice(this.#head) as T[];
    this.#items = [];
    this.#head = 0;
    return rest;
  }
}
