import { yielded } from "../support/yielded.js";

/**
 * Who reads a stream: one object for as long as the stream lives. That it waits costs nothing, where a promise for each batch costs
 * more than the messages do when they come to a thousand streams in turn.
 */
export interface BatchReader<T> {
  /** What was received since the last time; never empty. Once for each `read`, and maybe before that returns. */
  batch(messages: readonly T[]): void;
  /** In the place of a batch: the stream is over, by itself when there is no error. */
  end(error?: unknown): void;
}

/** What gives messages many at a time. */
export interface BatchSource<T> {
  /** Asks for the next batch. While nobody asks, the server is held back. */
  read(reader: BatchReader<T>): void;
}

/** The messages of a call; for who has no need of the last microsecond, a loop over batches as well. */
export abstract class BatchStream<T> implements BatchSource<T>, AsyncIterable<readonly T[]> {
  abstract read(reader: BatchReader<T>): void;
  /** The reader goes, whether or not it has asked: ends the call at once, where the source can do that. */
  abstract leave(): void;

  [Symbol.asyncIterator](): AsyncIterator<readonly T[], undefined, undefined> {
    return new BatchIterator(this);
  }
}

class BatchIterator<T> implements AsyncIterator<readonly T[], undefined, undefined>, BatchReader<T> {
  private asked = 0;
  private last: Promise<IteratorResult<readonly T[], undefined>> | undefined;
  private resolve: (result: IteratorResult<readonly T[], undefined>) => void = () => {};
  private reject: (error: unknown) => void = () => {};

  constructor(private readonly stream: BatchStream<T>) {}

  next(): Promise<IteratorResult<readonly T[], undefined>> {
    this.asked += 1;
    // A second next() before the first has its answer: it comes after it.
    this.last = this.asked === 1 || this.last === undefined ? this.ask() : this.last.then(this.ask, this.ask);
    return this.last;
  }

  return(): Promise<IteratorReturnResult<undefined>> {
    this.stream.leave();
    return Promise.resolve({ done: true, value: undefined });
  }

  batch(messages: readonly T[]): void {
    this.asked -= 1;
    this.resolve(yielded(messages));
  }

  end(error?: unknown): void {
    this.asked -= 1;
    if (error === undefined) this.resolve({ done: true, value: undefined });
    else this.reject(error);
  }

  private readonly ask = (): Promise<IteratorResult<readonly T[], undefined>> =>
    new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
      this.stream.read(this);
    });
}

/** Where our own transport gives all messages of a chunk at once. */
export const batches: unique symbol = Symbol("kubemq.batches");

/** What can be read one message at a time, and many at a time. */
export interface Batched<T> extends AsyncIterable<T> {
  readonly [batches]: BatchStream<T>;
}

/** The messages of a stream, as many at a time as there are. A transport that knows no batches gives batches of one. */
export function batchesOf<T>(source: AsyncIterable<T>): BatchStream<T> {
  return hasBatches(source) ? source[batches] : new Singles(source[Symbol.asyncIterator]());
}

function hasBatches<T>(source: AsyncIterable<T>): source is Batched<T> {
  return batches in source;
}

class Singles<T> extends BatchStream<T> {
  constructor(private readonly iterator: AsyncIterator<T>) {
    super();
  }

  read(reader: BatchReader<T>): void {
    this.iterator.next().then(
      (result) => (result.done === true ? reader.end() : reader.batch([result.value])),
      (error: unknown) => reader.end(error),
    );
  }

  leave(): void {
    this.iterator.return?.().catch(() => {});
  }
}
