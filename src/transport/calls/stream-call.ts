import type { Message } from "@bufbuild/protobuf";
import { Code, type ConnectError } from "@connectrpc/connect";
import { type ClientHttp2Stream, constants, type IncomingHttpHeaders } from "node:http2";
import { asTransportError, type TransportError } from "../../support/transport-error.js";
import { turn } from "../../support/time/turn.js";
import { type CallOptions, Http2Call } from "./call.js";
import type { MessageCodec } from "../message-codec.js";
import { Outgoing, Pull } from "../outgoing.js";
import { attach, canPush } from "../push.js";
import { hasStatus, openingOf, protocolError, trailerError } from "../response.js";
import type { Reader, Source } from "../source.js";

/** Headers that a caller adds to a request. */
export type CallHeader = Readonly<Record<string, string>> | undefined;

/** Callbacks for the owner of a streaming call, beside the reader of its messages. */
export interface StreamHooks {
  /**
   * Called when data was received, once in a turn of the event loop, before messages are delivered.
   * One function serves many calls.
   */
  readonly onReceived?: (header: CallHeader) => void;
  /** Returns the error for the reader in place of the transport's error. */
  readonly onError?: (error: ConnectError) => unknown;
  /** Called when the call is over, for any reason, after the reader. */
  readonly onOver?: () => void;
}

export interface StreamOptions extends StreamHooks {
  readonly header?: CallHeader;
  /** In milliseconds; 0 or undefined: no deadline. */
  readonly timeoutMs?: number;
}

type Status = { readonly error: TransportError | undefined } | undefined;

/**
 * One streaming call: splits the received data into messages, decodes them and delivers each to its
 * reader. Only the reader buffers messages for the application.
 */
export class StreamCall<I, O extends Message> extends Http2Call implements Source<O> {
  // Hot fields first: see Http2Call.
  #reader: Reader<O> | undefined;
  readonly #decode: MessageCodec["decode"];
  #lastTurn = -1;
  readonly #onReceived: StreamHooks["onReceived"];
  readonly #requestHeader: CallHeader;
  readonly #hooks: StreamHooks;
  readonly #input: AsyncIterable<I>;
  readonly #inputCodec: MessageCodec;
  readonly #writeMaxBytes: number;
  #outgoing: Outgoing<I> | undefined;
  #responseHeaders: IncomingHttpHeaders = {};
  #status: Status;
  /** The outcome of a call that ended before it had a reader. */
  #outcome: { readonly error: unknown } | undefined;
  #isCanceled = false;

  constructor(
    input: AsyncIterable<I>,
    codecs: { readonly input: MessageCodec; readonly output: MessageCodec },
    options: CallOptions,
    stream: StreamOptions,
  ) {
    super(options);
    this.#input = input;
    this.#inputCodec = codecs.input;
    this.#decode = codecs.output.decode;
    this.#writeMaxBytes = options.writeMaxBytes;
    this.#hooks = stream;
    this.#onReceived = stream.onReceived;
    this.#requestHeader = stream.header;
  }

  start(): this {
    this.begin();
    return this;
  }

  read(reader: Reader<O>): void {
    if (this.#outcome !== undefined) return reader.end(this.#outcome.error);
    if (this.isOver) return;
    this.#reader = reader;
    this.stream?.resume();
  }

  resume(): void {
    this.stream?.resume(); // promise: reader-resumes
  }

  cancel(): void {
    if (this.isOver) return;
    this.#isCanceled = true;
    this.finish(undefined);
  }

  protected override onOpen(stream: ClientHttp2Stream): void {
    if (this.#reader === undefined) stream.pause(); // until there is a reader
    const outgoing = new Outgoing<I>(stream, this.#inputCodec, this.#writeMaxBytes, (error) =>
      this.finish(asTransportError(error)),
    );
    this.#outgoing = outgoing;
    outgoing.tell(canPush(this.#input) ? this.#input[attach](outgoing) : new Pull(this.#input, outgoing));
  }

  onResponse(headers: IncomingHttpHeaders): void {
    this.#responseHeaders = headers;
    const opening = openingOf(headers);
    if (opening.kind === "refused") this.finish(opening.error);
    else if (opening.kind === "status") {
      if (opening.error !== undefined) this.finish(opening.error);
      else this.#status = { error: undefined };
    }
    this.responded();
  }

  onTrailers(trailers: IncomingHttpHeaders): void {
    if (hasStatus(trailers)) this.#status ??= { error: trailerError(trailers, this.#responseHeaders) };
  }

  override onData(chunk: Buffer): void {
    const number = turn.received(chunk.length);
    if (number !== this.#lastTurn) {
      this.#lastTurn = number;
      this.#onReceived?.(this.#requestHeader);
    }
    super.onData(chunk);
    turn.delivered();
  }

  protected override onMessage(bytes: Buffer, start: number, end: number): void {
    const reader = this.#reader;
    if (reader === undefined) return; // the reader cancelled in the previous message
    const hasRoom = reader.message(this.#decode(bytes, start, end) as O, end - start);
    if (!hasRoom) this.stream?.pause(); // promise: reader-pauses
  }

  onEnd(): void {
    if (this.isOver) return;
    const status = this.#status;
    // promise: end-without-status
    if (status === undefined) this.finish(this.lost());
    // promise: incomplete-message
    else if (status.error === undefined && !this.isAtBoundary) {
      this.finish(protocolError(Code.InvalidArgument, "protocol error: incomplete envelope"));
    } else this.finish(status.error, constants.NGHTTP2_NO_ERROR);
  }

  onClose(): void {
    if (this.isOver) return;
    const status = this.#status;
    this.finish(status === undefined || !this.isAtBoundary ? this.lost() : status.error);
  }

  protected override onOver(error: ConnectError | undefined): void {
    const reader = this.#reader;
    this.#reader = undefined; // promise: abort-drops-buffered
    const { onError, onOver } = this.#hooks;
    if (!this.#isCanceled) {
      const told = error === undefined || onError === undefined ? error : onError(error);
      if (reader === undefined) this.#outcome = { error: told };
      else reader.end(told);
    }
    if (this.#outgoing === undefined) this.#releaseInput(error);
    else this.#outgoing.stop(error);
    onOver?.();
  }

  /** Releases the request iterable when the call ended before requesting a message. */
  #releaseInput(reason: ConnectError | undefined): void {
    if (canPush(this.#input)) {
      this.#input[attach]({ write: () => false, end() {}, fail() {}, isFlushed: () => true }).onEnd(reason);
      return;
    }
    const iterator = this.#input[Symbol.asyncIterator]();
    if (reason !== undefined) iterator.throw?.(reason).catch(() => {});
    iterator.return?.().catch(() => {});
  }
}
