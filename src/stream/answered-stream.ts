import type { DescMessage, DescMethodStreaming, MessageShape } from "@bufbuild/protobuf";
import type { Connection } from "../connection/connection.js";
import type { Subject } from "../support/checks.js";
import { cancelled } from "../support/faults.js";
import type { BatchReader, BatchStream } from "../transport/index.js";
import { Uplink } from "./uplink.js";

/** Receives what comes of a stream. Not called any more once the stream was cancelled. */
export interface AnswerReader<O> {
  answers(answers: readonly O[]): void;
  /** The stream is over: without an error when the server ended it with OK. */
  ended(error: unknown): void;
}

/** A bidirectional stream that is open from the moment it is made. */
export class AnsweredStream<I, O> implements BatchReader<O> {
  readonly #uplink: Uplink<I>;
  readonly #controller = new AbortController();
  readonly #stream: BatchStream<O>;
  readonly #reader: AnswerReader<O>;
  #state: "open" | "half-closed" | "over" = "open";
  #isAccepted = false;
  #onOver: (() => void) | undefined;

  private constructor(uplink: Uplink<I>, open: (signal: AbortSignal) => BatchStream<O>, reader: AnswerReader<O>) {
    this.#uplink = uplink;
    this.#reader = reader;
    this.#stream = open(this.#controller.signal);
  }

  static open<I extends DescMessage, O extends DescMessage>(
    connection: Connection,
    method: DescMethodStreaming<I, O>,
    subject: Subject,
    reader: AnswerReader<MessageShape<O>>,
    /** How many messages are kept while the stream opens or the server takes none. */
    capacity: number,
  ): AnsweredStream<MessageShape<I>, MessageShape<O>> {
    const uplink = new Uplink<MessageShape<I>>(capacity);
    const open = (signal: AbortSignal) => connection.stream(method, uplink, signal, subject);
    const stream = new AnsweredStream<MessageShape<I>, MessageShape<O>>(uplink, open, reader);
    stream.#stream.read(stream);
    return stream;
  }

  /** Whether the server has let the stream in: it has answered something on it. */
  get isAccepted(): boolean {
    return this.#isAccepted;
  }

  /** Whether everything that was sent, and the end behind it, has left for the server. */
  get isHalfClosed(): boolean {
    return this.#uplink.isHalfClosed;
  }

  send(message: I): void {
    // An uplink that ends rejects this too; the reader of the answers is told why.
    this.#uplink.send(message)?.catch(() => {});
  }

  /** Tells the server that nothing more will be sent. */
  halfClose(): void {
    if (this.#state !== "open") return;
    this.#state = "half-closed";
    this.#uplink.close();
  }

  /** Resolves when the stream is over, whatever ended it. */
  over(): Promise<void> {
    return this.#state === "over" ? Promise.resolve() : new Promise((resolve) => (this.#onOver = resolve));
  }

  /** Ends the stream now. */
  cancel(): void {
    if (this.#state !== "over") this.#end();
  }

  batch(answers: readonly O[]): void {
    if (this.#state === "over") return;
    this.#isAccepted = true;
    this.#reader.answers(answers);
    if (this.#isOpen()) this.#stream.read(this);
  }

  end(error?: unknown): void {
    if (this.#state === "over") return;
    this.#end();
    this.#reader.ended(error);
  }

  /** A method, since the compiler does not know that a callback can change the state. */
  #isOpen(): boolean {
    return this.#state !== "over";
  }

  #end(): void {
    this.#state = "over";
    this.#controller.abort(cancelled());
    this.#onOver?.();
  }
}
