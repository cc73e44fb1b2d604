import { Fifo } from "./fifo.js";

/**
 * The client-to-server half of a bidirectional call: what is sent is taken by the transport as fast as HTTP/2 allows. Written by
 * hand, since a generator that is parked on an `await` does not end when its call is aborted. Connect asks such an iterable twice
 * for its iterator, and needs `throw()`. Who sends bounds what is on its way: `size` tells how much the transport has not taken.
 */
export class Uplink<T> implements AsyncIterableIterator<T, void, void> {
  readonly #queue = new Fifo<T>();
  readonly #flushed = new Fifo<() => void>();
  #taker: ((result: IteratorResult<T, void>) => void) | undefined;
  #closed = false;

  /** How many messages wait for the transport. */
  get size(): number {
    return this.#queue.size;
  }

  /** True until the call ends or is being closed. */
  get isOpen(): boolean {
    return !this.#closed;
  }

  /** Accepts a message behind what was sent before. Rejects when this side has ended. */
  send(message: T): Promise<void> | undefined {
    if (this.#closed) return Promise.reject(new Error("send refused: the stream has ended"));
    const taker = this.#taker;
    if (taker === undefined) this.#queue.push(message);
    else {
      this.#taker = undefined;
      taker({ done: false, value: message });
    }
    return undefined;
  }

  /** Half-closes behind what was sent. */
  close(): void {
    this.#closed = true;
    if (this.#queue.size === 0) this.#done();
  }

  /** Resolves when the transport has taken all that was sent before. */
  flushed(): Promise<void> {
    return this.#queue.size === 0 ? Promise.resolve() : new Promise((resolve) => this.#flushed.push(resolve));
  }

  /** For a transport that takes many at once: everything that waits. */
  takeAll(): T[] {
    const all = this.#queue.drain();
    this.#emptied();
    return all;
  }

  next(): Promise<IteratorResult<T, void>> {
    const message = this.#queue.shift();
    if (message !== undefined) {
      if (this.#queue.size === 0) this.#emptied();
      return Promise.resolve({ done: false, value: message });
    }
    if (this.#closed) return Promise.resolve({ done: true, value: undefined });
    return new Promise((resolve) => (this.#taker = resolve));
  }

  /** The call is over: nothing is taken any more. */
  return(): Promise<IteratorResult<T, void>> {
    this.#closed = true;
    this.#queue.drain();
    this.#done();
    return Promise.resolve({ done: true, value: undefined });
  }

  throw(): Promise<IteratorResult<T, void>> {
    return this.return();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #emptied(): void {
    for (const resolve of this.#flushed.drain()) resolve();
  }

  #done(): void {
    this.#emptied();
    const taker = this.#taker;
    this.#taker = undefined;
    taker?.({ done: true, value: undefined });
  }
}
