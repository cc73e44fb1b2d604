import type { DescMessage, DescMethodStreaming, MessageShape } from "@bufbuild/protobuf";
import type { Connection } from "../../connection/connection.js";
import type { Subject } from "../../support/checks.js";
import { turn, type TurnTask } from "../../support/time/turn.js";
import type { Reader, Source } from "../../transport/index.js";
import { Uplink } from "./uplink.js";

/** Receives the answers and the end of a stream. Not called after the stream was cancelled. */
export interface AnswerReader<O> {
  answers(answers: readonly O[]): void;
  /** Called when the stream is over; without an error when the server ended it with OK. */
  ended(error: unknown): void;
}

/** No answers. Never filled. */
const NONE: never[] = [];

/** A bidirectional stream that is open from its creation. */
export class AnsweredStream<I, O> implements Reader<O>, TurnTask {
  readonly #uplink: Uplink<I>;
  readonly #source: Source<O>;
  /** The answers that have arrived in this turn. */
  #answers: O[] = NONE;
  isDue = false;
  readonly #reader: AnswerReader<O>;
  #state: "open" | "half-closed" | "over" = "open";
  #isAccepted = false;
  /** Number of answers that are expected, if the server answers each message. */
  #unanswered = 0;
  #onOver: (() => void) | undefined;

  private constructor(uplink: Uplink<I>, source: Source<O>, reader: AnswerReader<O>) {
    this.#uplink = uplink;
    this.#reader = reader;
    this.#source = source;
  }

  static open<I extends DescMessage, O extends DescMessage>(
    connection: Connection,
    method: DescMethodStreaming<I, O>,
    subject: Subject,
    reader: AnswerReader<MessageShape<O>>,
    /** Maximum number of messages buffered while the stream opens or the server accepts none. */
    capacity: number,
  ): AnsweredStream<MessageShape<I>, MessageShape<O>> {
    const uplink = new Uplink<MessageShape<I>>(capacity);
    const source = connection.open(method, uplink, subject);
    const stream = new AnsweredStream<MessageShape<I>, MessageShape<O>>(uplink, source, reader);
    source.read(stream);
    return stream;
  }

  /** Whether the server has accepted the stream, which its first answer proves. */
  get isAccepted(): boolean {
    return this.#isAccepted;
  }

  /** Whether further messages can be sent. */
  get isOpen(): boolean {
    return this.#state === "open";
  }

  /** Whether all messages and the end of the requests have been written to the socket. */
  get isHalfClosed(): boolean {
    return this.#uplink.isHalfClosed;
  }

  send(message: I): void {
    this.#unanswered += 1;
    // An uplink that ends also rejects this promise; the reader of the answers receives the reason.
    this.#uplink.send(message)?.catch(() => {});
  }

  /** Ends the requests: nothing more will be sent. */
  halfClose(): void {
    if (this.#state !== "open") return;
    this.#state = "half-closed";
    this.#uplink.close();
  }

  /** Resolves when the stream is over, for any reason. */
  over(): Promise<void> {
    return this.#state === "over" ? Promise.resolve() : new Promise((resolve) => (this.#onOver = resolve));
  }

  /** Ends the stream immediately. */
  cancel(): void {
    if (this.#state !== "over") this.#end();
  }

  message(answer: O): boolean {
    this.#isAccepted = true;
    const isLast = this.#unanswered === 1;
    if (this.#unanswered > 0) this.#unanswered -= 1; // a server may answer twice
    // promise: last-answer-at-once
    if (isLast) this.#answerNow(answer);
    else {
      this.#keep(answer);
      turn.atEnd(this);
    }
    return true;
  }

  #keep(answer: O): void {
    // A literal, because an array that grows allocates room for 17 items.
    if (this.#answers === NONE) this.#answers = [answer];
    else this.#answers.push(answer);
  }

  /**
   * Delivers the last expected answer immediately. A message that its receiver sends now is
   * written together with the acknowledgement of the data that node:http2 has just read.
   */
  #answerNow(answer: O): void {
    if (this.#answers === NONE) this.#reader.answers([answer]);
    else {
      this.#keep(answer);
      this.onTurnEnd();
    }
    turn.endEarly();
  }

  onTurnEnd(): void {
    const answers = this.#answers;
    this.#answers = NONE;
    if (answers.length > 0 && this.#state !== "over") this.#reader.answers(answers);
  }

  end(error?: unknown): void {
    this.onTurnEnd();
    if (this.#state === "over") return;
    this.#end();
    this.#reader.ended(error);
  }

  #end(): void {
    this.#state = "over";
    this.#source.cancel();
    this.#onOver?.();
  }
}
