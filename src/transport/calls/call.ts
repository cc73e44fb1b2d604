import { Code, type ConnectError } from "@connectrpc/connect";
import { type ClientHttp2Stream, constants, type Http2Session, type IncomingHttpHeaders } from "node:http2";
import { clearTimeout, monotonicMs, setImmediate, setTimeout } from "../../support/timers.js";
import { asTransportError, type TransportError } from "../../support/transport-error.js";
import { tooLarge } from "../message-codec.js";
import { abortedBy, deadlineExceeded, protocolError } from "../response.js";
import { endedUnopened, lostStream } from "../session/lost.js";
import { recordResponse } from "../session/refusals.js";
import { resetSoon } from "../session/reset.js";
import { ignoreData, listen, listenForErrors, type StreamListener } from "./stream-events.js";

/**
 * Length of the prefix of a gRPC message: one byte for compression, and four for the length, big
 * endian.
 */
const HEADER_BYTES = 5;

export interface CallOptions {
  readonly signal: AbortSignal | undefined;
  readonly deadlineMs: number | undefined;
  readonly readMaxBytes: number;
  readonly writeMaxBytes: number;
  /** Opens the request. */
  request(): Promise<ClientHttp2Stream>;
}

type CallState =
  | { readonly kind: "opening" }
  | { readonly kind: "open"; readonly stream: ClientHttp2Stream; readonly session: Http2Session | undefined }
  | { readonly kind: "over" };

const OPENING: CallState = { kind: "opening" };

const OVER: CallState = { kind: "over" };

/**
 * The common base of unary and streaming calls: an HTTP/2 stream, its end, and the gRPC messages in
 * its DATA frames.
 *
 * A call ends once, by the first of: a status, an abort, the deadline, or the loss of the stream.
 * The call records the cause itself instead of reading it from error objects, because node:http2
 * reports a killed server, an abort and a shutdown with the same error.
 *
 * A message that one chunk contains completely is passed on in place. A message that spans chunks
 * is collected in its own memory, which is allocated after its length has been checked.
 */
export abstract class Http2Call implements StreamListener {
  // Hot fields first: with many subscriptions every extra cache line is a miss per message.
  #state: CallState = OPENING;
  readonly #maxBytes: number;
  /** The prefix of a message that has arrived in part. */
  #header: Buffer | undefined;
  #headerBytes = 0;
  /** The body of a message that has arrived in part, after a complete prefix. */
  #body: Buffer | undefined;
  #bodyBytes = 0;
  readonly #options: CallOptions;
  readonly #deadlineAt: number;
  #timer: NodeJS.Timeout | undefined;
  #failure: unknown;
  #hasResponse = false;
  /** The error of data that was received before the headers of the response. */
  #early: ConnectError | undefined;

  constructor(options: CallOptions) {
    this.#options = options;
    this.#maxBytes = options.readMaxBytes;
    this.#deadlineAt = options.deadlineMs === undefined ? Infinity : monotonicMs() + options.deadlineMs;
  }

  /** Called when the stream can be written to. */
  protected abstract onOpen(stream: ClientHttp2Stream): void;
  /**
   * Called for each message.
   *
   * @throws TransportError to end the call
   */
  protected abstract onMessage(bytes: Buffer, start: number, end: number): void;
  /** Called once, when the call is over, with an error or as a success. */
  protected abstract onOver(error: ConnectError | undefined): void;
  abstract onResponse(headers: IncomingHttpHeaders): void;
  abstract onTrailers(trailers: IncomingHttpHeaders): void;
  abstract onEnd(): void;
  abstract onClose(): void;

  protected get isOver(): boolean {
    return this.#state.kind === "over";
  }

  /** The stream, while the call is open. */
  protected get stream(): ClientHttp2Stream | undefined {
    return this.#state.kind === "open" ? this.#state.stream : undefined;
  }

  /** True between two messages, where a stream may end. */
  protected get isAtBoundary(): boolean {
    return this.#headerBytes === 0 && this.#body === undefined;
  }

  /** Sends the request. */
  protected begin(): void {
    const { signal, deadlineMs } = this.#options;
    if (signal?.aborted === true) return this.finish(abortedBy(signal));
    signal?.addEventListener("abort", this.#onAbort);
    if (deadlineMs !== undefined) this.#timer = setTimeout(this.#onDeadline, deadlineMs); // promise: call-deadline
    this.#options.request().then(this.#onStream, (error: unknown) => this.finish(asTransportError(error)));
  }

  readonly #onStream = (stream: ClientHttp2Stream): void => {
    listenForErrors(stream, this);
    if (this.#state.kind !== "opening") return resetSoon(stream, stream.session, constants.NGHTTP2_CANCEL);
    this.#state = { kind: "open", stream, session: stream.session };
    listen(stream);
    this.onOpen(stream);
  };

  readonly #onAbort = (): void => {
    if (this.#options.signal !== undefined) this.finish(abortedBy(this.#options.signal));
  };

  /**
   * Waits for a turn: after a blocked event loop, timers run before the socket is read, and an
   * answer in the socket still counts.
   */
  readonly #onDeadline = (): void => {
    setImmediate(() => this.finish(deadlineExceeded()));
  };

  onError(error: unknown): void {
    this.#failure ??= error;
  }

  onData(chunk: Buffer): void {
    try {
      this.split(chunk);
    } catch (error) {
      this.#unreadable(asTransportError(error));
    }
  }

  /**
   * Ends the call, or waits for the headers of the response: Deno (2.9.6) emits data before the
   * headers that arrive with it (https://github.com/denoland/deno/issues/35947). Such data can be
   * the page of a proxy, which the headers tell.
   */
  #unreadable(error: ConnectError): void {
    const { stream } = this;
    if (this.#hasResponse || stream === undefined) return this.finish(error);
    this.#early = error; // promise: page-before-headers
    ignoreData(stream);
    stream.resume();
  }

  /** Called when the headers of the response allow messages. */
  protected responded(): void {
    this.#hasResponse = true;
    if (this.#state.kind === "open") recordResponse(this.#state.session);
    if (this.#early !== undefined) this.finish(this.#early);
  }

  /**
   * Passes on the messages that end in this chunk.
   *
   * @throws TransportError when a message is too large or unreadable
   */
  protected split(chunk: Buffer): void {
    let at = 0;
    if (!this.isAtBoundary) at = this.#resume(chunk);
    const length = chunk.length;
    while (at + HEADER_BYTES <= length && this.#body === undefined) {
      const size = this.#messageSize(chunk, at);
      at += HEADER_BYTES;
      if (at + size <= length) {
        this.onMessage(chunk, at, at + size);
        at += size;
      } else {
        this.#gather(size);
        at = this.#fill(chunk, at);
      }
    }
    if (at < length) {
      this.#header ??= Buffer.alloc(HEADER_BYTES);
      this.#headerBytes = chunk.copy(this.#header, 0, at);
    }
  }

  /** Continues the message that has arrived in part. */
  #resume(chunk: Buffer): number {
    let at = 0;
    const header = this.#header;
    if (this.#headerBytes > 0 && header !== undefined) {
      at = chunk.copy(header, this.#headerBytes, 0, HEADER_BYTES - this.#headerBytes);
      this.#headerBytes += at;
      if (this.#headerBytes < HEADER_BYTES) return chunk.length;
      this.#headerBytes = 0;
      this.#gather(this.#messageSize(header, 0));
    }
    return this.#fill(chunk, at);
  }

  #gather(size: number): void {
    this.#body = Buffer.allocUnsafeSlow(size);
    this.#bodyBytes = 0;
  }

  #fill(chunk: Buffer, at: number): number {
    const body = this.#body;
    if (body === undefined) return at;
    const copied = chunk.copy(body, this.#bodyBytes, at);
    this.#bodyBytes += copied;
    if (this.#bodyBytes === body.length) {
      this.#body = undefined;
      this.onMessage(body, 0, body.length);
    }
    return at + copied;
  }

  #messageSize(bytes: Buffer, at: number): number {
    const flags = bytes[at] ?? 0;
    // Not `readUInt32BE`, which V8 looks up along the prototypes of a Buffer.
    const high = ((bytes[at + 1] ?? 0) << 8) | (bytes[at + 2] ?? 0);
    const size = high * 0x10000 + (((bytes[at + 3] ?? 0) << 8) | (bytes[at + 4] ?? 0));
    // promise: envelope-too-large
    if (size > this.#maxBytes) {
      throw tooLarge("received", size, this.#maxBytes);
    }
    if ((flags & 1) === 1) {
      throw protocolError(Code.Internal, "received compressed envelope, but do not know how to decompress");
    }
    return size;
  }

  /** The error of a stream that ended without a status and was not ended by this side. */
  protected lost(): TransportError {
    // The server's timer also runs, and may reset the stream shortly before this deadline.
    if (monotonicMs() >= this.#deadlineAt) return deadlineExceeded();
    if (this.#state.kind !== "open") return endedUnopened(this.#failure);
    return lostStream(this.#state.stream, this.#state.session, this.#failure);
  }

  /**
   * Ends the call, unless it is over.
   *
   * @param rstCode error code of the reset; with NO_ERROR a stream that has ended is not reset
   */
  // promise: abort-resets-with-cancel
  protected finish(error: ConnectError | undefined, rstCode: number = constants.NGHTTP2_CANCEL): void {
    if (this.#leave(rstCode)) this.onOver(error);
  }

  /**
   * Like `finish`, without calling `onOver`.
   *
   * @returns false when the call was over
   */
  #leave(rstCode: number): boolean {
    const state = this.#state;
    if (state.kind === "over") return false;
    this.#state = OVER;
    clearTimeout(this.#timer);
    this.#options.signal?.removeEventListener("abort", this.#onAbort); // promise: call-leaves-no-listener
    if (state.kind === "opening") return true;
    const { stream, session } = state;
    // A server may end a call before it has seen the end of the requests, which the reset also
    // ends.
    if (rstCode !== constants.NGHTTP2_NO_ERROR || !stream.writableFinished) {
      ignoreData(stream);
      resetSoon(stream, session, rstCode); // promise: left-stream-reset
      if (stream.isPaused()) stream.resume(); // a paused stream never reaches its end
    }
    return true;
  }
}
