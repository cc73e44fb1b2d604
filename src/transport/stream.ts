import type { DescMessage, DescMethodStreaming, MessageShape } from "@bufbuild/protobuf";
import { Code, ConnectError, type StreamResponse } from "@connectrpc/connect";
import { type ClientHttp2Stream, constants, type Http2Session, type IncomingHttpHeaders } from "node:http2";
import type { MethodCall } from "./call.js";
import type { MessageCodec } from "./codec.js";
import { type EnvelopeSink, EnvelopeSplitter } from "./envelopes.js";
import { Incoming } from "./incoming.js";
import { ignoreData, listen, listenForErrors, type StreamListener } from "./listener.js";
import { Outgoing, Pull } from "./outgoing.js";
import { attach, canPush } from "./push.js";
import { TransportError } from "../support/transport-error.js";
import { resetSoon } from "./session/reset.js";
import {
  abortedBy,
  deadlineExceeded,
  endedUnopened,
  hasStatus,
  LateHeaders,
  lostStream,
  openingOf,
  protocolError,
  trailerError,
} from "./status.js";
import { clearTimeout, monotonicMs, setTimeout } from "../support/timers.js";

type State<T> =
  | { readonly t: "opening"; resolve(): void; reject(error: ConnectError): void }
  | {
      readonly t: "open";
      readonly stream: ClientHttp2Stream;
      readonly session: Http2Session | undefined;
      readonly outgoing: Outgoing<T>;
    }
  | { readonly t: "over" };

/**
 * One streaming call.
 *
 * It ends once, by whatever comes first: a status, the caller's signal, the deadline, the reader leaving, or the loss of the stream.
 * Whose doing an end was is known here and not read from error objects: node reports a killed server, an abort and a
 * shutdown with the same error.
 */
export class StreamCall<I extends DescMessage, O extends DescMessage> implements StreamListener, EnvelopeSink {
  // First what every message meets.
  readonly incoming: Incoming<MessageShape<O>>;
  private readonly splitter: EnvelopeSplitter;
  private readonly decode: MessageCodec["decode"];
  private readonly header = new LateHeaders();
  private readonly trailer = new LateHeaders();
  private state: State<MessageShape<I>> = { t: "over" };
  private readonly deadlineAt: number;
  private timer: NodeJS.Timeout | undefined;
  private status: { readonly error: ConnectError | undefined } | undefined;
  private failure: unknown;

  constructor(
    private readonly call: MethodCall<I, O>,
    private readonly input: AsyncIterable<MessageShape<I>>,
  ) {
    this.incoming = new Incoming<MessageShape<O>>({
      pause: () => this.openStream()?.pause(),
      resume: () => this.openStream()?.resume(),
      cancel: () => this.cancel(new TransportError({ kind: "canceled" }, Code.Canceled, "the reader has left")),
    });
    this.decode = call.output.decode;
    this.splitter = new EnvelopeSplitter(call.readMaxBytes, this);
    this.deadlineAt = call.deadlineMs === undefined ? Infinity : monotonicMs() + call.deadlineMs;
  }

  /** Resolves when the request is on its way; a server answers a subscription only with its first message. */
  open(method: DescMethodStreaming<I, O>): Promise<StreamResponse<I, O>> {
    const { signal, deadlineMs } = this.call;
    if (signal?.aborted === true) {
      this.releaseInput(abortedBy(signal));
      return Promise.reject(abortedBy(signal));
    }
    return new Promise<void>((resolve, reject) => {
      this.state = { t: "opening", resolve, reject };
      signal?.addEventListener("abort", this.onAbort);
      if (deadlineMs !== undefined) this.timer = setTimeout(this.onDeadline, deadlineMs);
      this.call.request().then(this.onOpen, (error: unknown) => this.finish(ConnectError.from(error)));
    }).then(() => this.response(method));
  }

  private response(method: DescMethodStreaming<I, O>): StreamResponse<I, O> {
    const { header, trailer } = this;
    const message = this.incoming.messages;
    return {
      stream: true,
      service: method.parent,
      method,
      message,
      get header() {
        return header.web;
      },
      get trailer() {
        return trailer.web;
      },
    };
  }

  private readonly onOpen = (stream: ClientHttp2Stream): void => {
    listenForErrors(stream, this);
    const opening = this.state;
    if (opening.t !== "opening") {
      resetSoon(stream, stream.session, constants.NGHTTP2_CANCEL);
      return;
    }
    const outgoing = new Outgoing<MessageShape<I>>(stream, this.call.input, this.call.writeMaxBytes, (error) =>
      this.cancel(ConnectError.from(error)),
    );
    this.state = { t: "open", stream, session: stream.session, outgoing };
    listen(stream);
    outgoing.tell(canPush(this.input) ? this.input[attach](outgoing) : new Pull(this.input, outgoing));
    opening.resolve();
  };

  onResponse(headers: IncomingHttpHeaders): void {
    this.header.receive(headers);
    const opening = openingOf(headers);
    if (opening.t === "refused") this.finish(opening.error);
    else if (opening.t === "status") {
      if (opening.error !== undefined) this.finish(opening.error);
      else this.status = { error: undefined };
    }
  }

  onTrailers(trailers: IncomingHttpHeaders): void {
    this.trailer.receive(trailers);
    if (hasStatus(trailers)) {
      this.status ??= { error: trailerError(trailers, this.header.received) };
    }
  }

  onData(chunk: Buffer): void {
    try {
      this.splitter.push(chunk);
    } catch (error) {
      this.incoming.chunkDone();
      this.finish(ConnectError.from(error));
      return;
    }
    this.incoming.chunkDone();
  }

  onMessage(bytes: Buffer, start: number, end: number): void {
    this.incoming.push(this.decode(bytes, start, end) as MessageShape<O>, end - start);
  }

  onEnd(): void {
    const status = this.status;
    // promise: end-without-status
    if (status === undefined) this.finish(this.lost());
    // promise: incomplete-message
    else if (status.error === undefined && !this.splitter.atBoundary) {
      this.finish(protocolError(Code.InvalidArgument, "protocol error: incomplete envelope"));
    } else this.finish(status.error, constants.NGHTTP2_NO_ERROR);
  }

  onError(error: unknown): void {
    this.failure ??= error;
  }

  onClose(): void {
    if (this.state.t === "over") return;
    const status = this.status;
    this.finish(status === undefined || !this.splitter.atBoundary ? this.lost() : status.error);
  }

  private readonly onAbort = (): void => {
    const signal = this.call.signal;
    if (signal !== undefined) this.cancel(abortedBy(signal));
  };

  private readonly onDeadline = (): void => this.cancel(deadlineExceeded());

  private lost(): ConnectError {
    // The server's timer runs too, and may reset the stream a moment before ours fires.
    if (monotonicMs() >= this.deadlineAt) return deadlineExceeded();
    if (this.state.t !== "open") return endedUnopened(this.failure);
    return lostStream(this.state.stream, this.state.session, this.failure);
  }

  /** Ends the call from this side: what was received and not read is dropped. */
  private cancel(error: ConnectError): void {
    if (this.state.t === "over") return;
    this.incoming.drop(error); // promise: abort-drops-buffered
    this.finish(error);
  }

  private finish(error: ConnectError | undefined, rstCode: number = constants.NGHTTP2_CANCEL): void {
    const state = this.state;
    if (state.t === "over") return;
    this.state = { t: "over" };
    clearTimeout(this.timer);
    this.call.signal?.removeEventListener("abort", this.onAbort); // promise: call-leaves-no-listener
    if (state.t === "opening") {
      this.releaseInput(error);
      state.reject(error ?? endedUnopened(this.failure));
      return;
    }
    this.incoming.end(error);
    state.outgoing.stop(error);
    const { stream, session } = state;
    // A server may end a call whose requests are not at their end: ours end here, too.
    resetSoon(stream, session, rstCode); // promise: left-stream-reset
    ignoreData(stream);
    // A paused stream would never come to its end.
    stream.resume();
  }

  private releaseInput(reason: ConnectError | undefined): void {
    if (canPush(this.input)) {
      this.input[attach]({ write: () => false, end() {}, fail() {}, isFlushed: () => true }).onEnd(reason);
      return;
    }
    const iterator = this.input[Symbol.asyncIterator]();
    if (reason !== undefined) iterator.throw?.(reason).catch(() => {});
    iterator.return?.().catch(() => {});
  }

  private openStream(): ClientHttp2Stream | undefined {
    return this.state.t === "open" ? this.state.stream : undefined;
  }
}
