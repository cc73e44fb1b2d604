import { type BatchReader, BatchStream } from "../transport/index.js";
import type { CallHeader } from "./token.js";

/** Who hears of a stream. */
export interface Hearer {
  /** Something was received on what was asked for with this header. */
  heard(header: CallHeader): void;
}

/** A stream that may still be opening, heard on its way to its reader. */
export class HeardStream<T> extends BatchStream<T> implements BatchReader<T> {
  // First what every batch meets.
  readonly #hearer: Hearer;
  /** With what, and when, it was asked for. */
  header: CallHeader;
  #reader: BatchReader<T> | undefined;
  #stream: BatchStream<T> | undefined;
  askedAt = Infinity;
  readonly #failure: (error: unknown) => unknown;
  readonly #opening: Promise<BatchStream<T>>;

  /** @param failure what to make of an error */
  constructor(
    hearer: Hearer,
    open: (stream: HeardStream<T>) => Promise<BatchStream<T>>,
    failure: (error: unknown, stream: HeardStream<T>) => unknown,
  ) {
    super();
    this.#hearer = hearer;
    this.#failure = (error) => failure(error, this);
    this.#opening = open(this);
    this.#opening.catch(() => {}); // it is looked at when the stream is read; until then it must not end the process
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
    this.#hearer.heard(this.header);
    this.#reader?.batch(messages);
  }

  end(error?: unknown): void {
    this.#reader?.end(error === undefined ? undefined : this.#failure(error));
  }
}
