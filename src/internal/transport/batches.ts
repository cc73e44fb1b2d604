/** The method by which our own transport hands on all messages of a chunk at once. */
export const batches: unique symbol = Symbol("kubemq.batches");

/** A stream of messages that can also be taken many at a time. */
export interface BatchSource<T> extends AsyncIterable<T> {
  [batches](): AsyncIterator<readonly T[], undefined, undefined>;
}

/**
 * The messages of a stream, as many at a time as there are: one promise for each chunk received instead of one for each
 * message. Batches are never empty. A transport that knows no batches gives batches of one.
 *
 * `return()` ends the call at once, whether or not a `next()` is waiting, where the source can do that.
 */
export function batchesOf<T>(source: AsyncIterable<T>): AsyncIterable<readonly T[]> {
  if (hasBatches(source)) return { [Symbol.asyncIterator]: () => source[batches]() };
  return { [Symbol.asyncIterator]: () => singles(source[Symbol.asyncIterator]()) };
}

function hasBatches<T>(source: AsyncIterable<T>): source is BatchSource<T> {
  return batches in source;
}

function singles<T>(iterator: AsyncIterator<T>): AsyncIterator<readonly T[], undefined, undefined> {
  return {
    async next() {
      const result = await iterator.next();
      return result.done === true ? { done: true, value: undefined } : { done: false, value: [result.value] };
    },
    async return() {
      await iterator.return?.();
      return { done: true, value: undefined };
    },
  };
}
