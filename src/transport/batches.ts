import { turn, type TurnTask } from "../support/time/turn.js";
import { yielded } from "../support/yielded.js";
import type { Reader, Source } from "./source.js";

/** Above either limit the source holds its sender back. */
const MAX_MESSAGES = 4096;

const MAX_BYTES = 1024 * 1024;

interface Waiter<T> {
  resolve(result: IteratorResult<readonly T[], undefined>): void;
  reject(error: unknown): void;
}

/**
 * Iterates over the messages of a source, in batches of all that have arrived. For callers whose
 * speed does not matter. Leaving the loop cancels the source.
 */
export function batchesOf<T>(source: Source<T>): Batches<T> {
  return new Batches(source);
}

/** Reads from its creation on. */
export class Batches<T> implements AsyncIterableIterator<readonly T[], undefined, undefined>, Reader<T>, TurnTask {
  isDue = false;
  readonly #source: Source<T>;
  #batch: T[] = [];
  #bytes = 0;
  #isFull = false;
  #end: { readonly error: unknown } | undefined;
  readonly #waiting: Waiter<T>[] = [];

  constructor(source: Source<T>) {
    this.#source = source;
    source.read(this);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<IteratorResult<readonly T[], undefined>> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      if (!this.isDue) this.#answer();
    });
  }

  return(): Promise<IteratorReturnResult<undefined>> {
    this.cancel();
    return Promise.resolve({ done: true, value: undefined });
  }

  /** Cancels the source and ends the loop; messages that the loop has not seen are dropped. */
  cancel(): void {
    this.#source.cancel();
    this.#batch = [];
    this.#end = { error: undefined };
    this.#answer();
  }

  message(message: T, byteLength: number): boolean {
    this.#batch.push(message);
    this.#bytes += byteLength;
    if (this.#waiting.length > 0) turn.atEnd(this);
    if (this.#batch.length < MAX_MESSAGES && this.#bytes < MAX_BYTES) return true;
    this.#isFull = true;
    return false;
  }

  end(error?: unknown): void {
    this.#end = { error };
    this.#answer();
  }

  onTurnEnd(): void {
    this.#answer();
  }

  #answer(): void {
    for (;;) {
      if (this.#batch.length === 0 && this.#end === undefined) return;
      const waiter = this.#waiting.shift();
      if (waiter === undefined) return;
      if (this.#batch.length > 0) waiter.resolve(yielded(this.#take()));
      else {
        const error = this.#end?.error;
        this.#end = { error: undefined }; // the error is thrown once
        if (error === undefined) waiter.resolve({ done: true, value: undefined });
        else waiter.reject(error);
      }
    }
  }

  #take(): readonly T[] {
    const batch = this.#batch;
    this.#batch = [];
    this.#bytes = 0;
    if (this.#isFull) {
      this.#isFull = false;
      this.#source.resume();
    }
    return batch;
  }
}
