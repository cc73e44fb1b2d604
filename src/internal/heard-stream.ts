import { BatchStream, type BatchReader } from "./transport/index.js";

/** What a stream's owner has to do with it. */
export interface Hearing {
  /** Something was received. */
  heard(): void;
  /** What to make of an error. */
  failure(error: unknown): unknown;
}

/** A stream that may still be opening, heard on its way to its reader. */
export class HeardStream<T> extends BatchStream<T> implements BatchReader<T> {
  readonly #opening: Promise<BatchStream<T>>;
  readonly #hearing: Hearing;
  #stream: BatchStream<T> | undefined;
  #reader: BatchReader<T> | undefined;

  constructor(opening: Promise<BatchStream<T>>, hearing: Hearing) {
    super();
    this.#opening = opening;
    this.#hearing = hearing;
    opening.catch(() => {}); // it is looked at when the stream is read; until then it must not end the process
  }

  override read(reader: BatchReader<T>): void {
    this.#reader = reader;
    if (this.#stream !== undefined) return this.#stream.read(this);
    this.#opening.then(
      (stream) => {
        this.#stream = stream;
        stream.read(this);
      },
      (error: unknown) => this.end(error),
    );
  }

  override leave(): void {
    this.#opening.then(
      (stream) => stream.leave(),
      () => {},
    );
  }

  batch(messages: readonly T[]): void {
    this.#hearing.heard();
    this.#reader?.batch(messages);
  }

  end(error?: unknown): void {
    this.#reader?.end(error === undefined ? undefined : this.#hearing.failure(error));
  }
}
