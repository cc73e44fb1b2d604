import type { DescMessage, DescMethodUnary, MessageInitShape, MessageShape } from "@bufbuild/protobuf";
import { Code, ConnectError, type UnaryResponse } from "@connectrpc/connect";
import { type ClientHttp2Stream, constants, type Http2Session, type IncomingHttpHeaders } from "node:http2";
import { WireWriter } from "../codec/writer.js";
import type { MethodCall } from "./call.js";
import { type EnvelopeSink, EnvelopeSplitter } from "./envelopes.js";
import { ignoreData, listen, listenForErrors, type StreamListener } from "./listener.js";
import { writeParts } from "./outgoing.js";
import { resetSoon } from "./session/reset.js";
import {
  abortedBy,
  deadlineExceeded,
  endedUnopened,
  hasStatus,
  lostStream,
  openingOf,
  protocolError,
  trailerError,
  webHeaders,
} from "./status.js";
import { clearTimeout, monotonicMs, setTimeout } from "../support/timers.js";

type State =
  | { readonly t: "opening" }
  | { readonly t: "open"; readonly stream: ClientHttp2Stream; readonly session: Http2Session | undefined }
  | { readonly t: "over" };

/** Unary calls are encoded and taken in one go, so one writer serves them all. */
const writer = new WireWriter();

/** One unary call: a promise, a request and a handful of listeners; no Headers, AbortController or generator. */
export class UnaryCall<I extends DescMessage, O extends DescMessage> implements StreamListener, EnvelopeSink {
  private state: State = { t: "opening" };
  private timer: NodeJS.Timeout | undefined;
  private headers: IncomingHttpHeaders = {};
  private trailers: IncomingHttpHeaders = {};
  private status: { readonly error: ConnectError | undefined; readonly inHeader: boolean } | undefined;
  private splitter: EnvelopeSplitter | undefined;
  private message: MessageShape<O> | undefined;
  private failure: unknown;
  private readonly deadlineAt: number;

  constructor(
    private readonly call: MethodCall<I, O>,
    private readonly method: DescMethodUnary<I, O>,
    private readonly resolve: (response: UnaryResponse<I, O>) => void,
    private readonly reject: (error: ConnectError) => void,
  ) {
    this.deadlineAt = call.deadlineMs === undefined ? Infinity : monotonicMs() + call.deadlineMs;
  }

  start(input: MessageInitShape<I>): void {
    const { signal, deadlineMs } = this.call;
    if (signal?.aborted === true) return this.finish(abortedBy(signal));
    let parts: readonly Uint8Array[];
    try {
      this.call.input.write(writer, input, this.call.writeMaxBytes);
      parts = writer.take();
    } catch (error) {
      return this.finish(ConnectError.from(error));
    }
    signal?.addEventListener("abort", this.onAbort);
    if (deadlineMs !== undefined) this.timer = setTimeout(this.onDeadline, deadlineMs); // promise: call-deadline
    this.call.request().then(
      (stream) => this.onOpen(stream, parts),
      (error: unknown) => this.finish(ConnectError.from(error)),
    );
  }

  private onOpen(stream: ClientHttp2Stream, parts: readonly Uint8Array[]): void {
    listenForErrors(stream, this);
    if (this.state.t !== "opening") {
      resetSoon(stream, stream.session, constants.NGHTTP2_CANCEL);
      return;
    }
    this.state = { t: "open", stream, session: stream.session };
    listen(stream);
    const only = parts.length === 1 ? parts[0] : undefined;
    if (only !== undefined) stream.end(only);
    else {
      writeParts(stream, parts, () => {});
      stream.end();
    }
  }

  onResponse(headers: IncomingHttpHeaders): void {
    this.headers = headers;
    const opening = openingOf(headers);
    if (opening.t === "refused") this.finish(opening.error);
    else if (opening.t === "status") this.status = { error: opening.error, inHeader: true };
  }

  onTrailers(trailers: IncomingHttpHeaders): void {
    this.trailers = trailers;
    if (hasStatus(trailers)) {
      this.status ??= { error: trailerError(trailers, this.headers), inHeader: false };
    }
  }

  onData(chunk: Buffer): void {
    this.splitter ??= new EnvelopeSplitter(this.call.readMaxBytes, this);
    try {
      this.splitter.push(chunk);
    } catch (error) {
      this.finish(ConnectError.from(error));
    }
  }

  onMessage(bytes: Buffer, start: number, end: number): void {
    const message = this.call.output.decode(bytes, start, end) as MessageShape<O>;
    if (this.message !== undefined) {
      throw protocolError(Code.Unimplemented, "protocol error: received extra output message for unary method");
    }
    this.message = message;
  }

  onEnd(): void {
    const { message, status } = this;
    if (status === undefined) return this.finish(this.lost());
    if (status.error === undefined && this.splitter?.atBoundary === false) {
      return this.finish(protocolError(Code.InvalidArgument, "protocol error: incomplete envelope"));
    }
    if (status.error !== undefined && status.inHeader && message !== undefined) {
      const text = "protocol error: received output message for unary method with error status";
      return this.finish(protocolError(Code.Unknown, text));
    }
    // The stream has ended by itself: resetting it would count as misuse, and node:http2 servers close connections for a burst of that.
    if (status.error !== undefined) return this.finish(status.error, constants.NGHTTP2_NO_ERROR);
    if (message === undefined) {
      const code = status.inHeader ? Code.Unknown : Code.Unimplemented;
      return this.finish(protocolError(code, "protocol error: missing output message for unary method"));
    }
    if (!this.close(constants.NGHTTP2_NO_ERROR)) return;
    this.resolve(new FastUnaryResponse(this.method, message, this.headers, this.trailers));
  }

  onError(error: unknown): void {
    this.failure ??= error;
  }

  onClose(): void {
    // Every call closes, most of them long after their answer; an error costs more than a small message.
    if (this.state.t !== "over") this.finish(this.status?.error ?? this.lost());
  }

  private readonly onAbort = (): void => {
    if (this.call.signal !== undefined) this.finish(abortedBy(this.call.signal));
  };

  private readonly onDeadline = (): void => this.finish(deadlineExceeded());

  private lost(): ConnectError {
    if (monotonicMs() >= this.deadlineAt) return deadlineExceeded();
    if (this.state.t !== "open") return endedUnopened(this.failure);
    return lostStream(this.state.stream, this.state.session, this.failure);
  }

  // promise: abort-resets-with-cancel
  private finish(error: ConnectError, rstCode: number = constants.NGHTTP2_CANCEL): void {
    if (this.close(rstCode)) this.reject(error);
  }

  /** Leaves nothing behind; false when the call was over before. */
  private close(rstCode: number): boolean {
    const state = this.state;
    if (state.t === "over") return false;
    this.state = { t: "over" };
    clearTimeout(this.timer);
    this.call.signal?.removeEventListener("abort", this.onAbort);
    if (state.t === "opening") return true;
    if (rstCode !== constants.NGHTTP2_NO_ERROR || !state.stream.writableFinished) {
      ignoreData(state.stream);
      resetSoon(state.stream, state.session, rstCode);
    }
    return true;
  }
}

/** Headers are made only for those who look at them. */
class FastUnaryResponse<I extends DescMessage, O extends DescMessage> implements UnaryResponse<I, O> {
  readonly stream = false;
  readonly service;

  constructor(
    readonly method: DescMethodUnary<I, O>,
    readonly message: MessageShape<O>,
    private readonly headers: IncomingHttpHeaders,
    private readonly trailers: IncomingHttpHeaders,
  ) {
    this.service = method.parent;
  }

  get header(): Headers {
    return webHeaders(this.headers);
  }

  get trailer(): Headers {
    return webHeaders(this.trailers);
  }
}
