const chunkSize = 512;

interface Chunk<T> {
  readonly items: (T | undefined)[];
  next: Chunk<T> | undefined;
}

const newChunk = <T>(): Chunk<T> => ({ items: [], next: undefined });

/**
 * First in, first out, in chunks: no operation copies or moves stored items, and the memory of
 * removed items is released at once.
 */
export class Fifo<T> {
  #head = newChunk<T>();
  #tail = this.#head;
  #taken = 0;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  push(item: T): void {
    if (this.#tail.items.length === chunkSize) {
      this.#tail.next = newChunk();
      this.#tail = this.#tail.next;
    }
    this.#tail.items.push(item);
    this.#size++;
  }

  peek(): T | undefined {
    return this.#head.items[this.#taken];
  }

  shift(): T | undefined {
    if (this.#size === 0) return undefined;
    const { items, next } = this.#head;
    const item = items[this.#taken];
    items[this.#taken++] = undefined;
    this.#size--;
    if (this.#taken === chunkSize) {
      this.#head = next ?? newChunk();
      if (next === undefined) this.#tail = this.#head;
      this.#taken = 0;
    }
    return item;
  }

  clear(): void {
    this.#head = newChunk();
    this.#tail = this.#head;
    this.#taken = 0;
    this.#size = 0;
  }
}
