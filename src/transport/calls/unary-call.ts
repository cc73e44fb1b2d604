import type { DescMessage, DescMethodUnary, MessageInitShape, MessageShape } from "@bufbuild/protobuf";
import { Code, type ConnectError, type UnaryResponse } from "@connectrpc/connect";
import { type ClientHttp2Stream, constants, type IncomingHttpHeaders } from "node:http2";
import { WireWriter } from "../../codec/writer.js";
import { asTransportError } from "../../support/transport-error.js";
import { type CallOptions, Http2Call } from "./call.js";
import type { MessageCodec } from "../message-codec.js";
import { writeParts } from "../outgoing.js";
import { hasStatus, openingOf, protocolError, trailerError, webHeaders } from "../response.js";

/**
 * Shared by all unary calls, because each encodes its request and takes the bytes synchronously.
 */
const writer = new WireWriter();

/**
 * One unary call. It needs one promise, one request and a few listeners; no Headers,
 * AbortController or generator.
 */
export class UnaryCall<I extends DescMessage, O extends DescMessage> extends Http2Call {
  #headers: IncomingHttpHeaders = {};
  #trailers: IncomingHttpHeaders = {};
  #status: { readonly error: ConnectError | undefined; readonly inHeader: boolean } | undefined;
  #message: MessageShape<O> | undefined;
  #parts: readonly Uint8Array[] = [];
  readonly #method: DescMethodUnary<I, O>;
  readonly #codecs: { readonly input: MessageCodec; readonly output: MessageCodec };
  readonly #writeMaxBytes: number;
  readonly #resolve: (response: UnaryResponse<I, O>) => void;
  readonly #reject: (error: ConnectError) => void;

  constructor(
    method: DescMethodUnary<I, O>,
    codecs: { readonly input: MessageCodec; readonly output: MessageCodec },
    options: CallOptions,
    resolve: (response: UnaryResponse<I, O>) => void,
    reject: (error: ConnectError) => void,
  ) {
    super(options);
    this.#method = method;
    this.#codecs = codecs;
    this.#writeMaxBytes = options.writeMaxBytes;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  start(input: MessageInitShape<I>): void {
    try {
      this.#codecs.input.write(writer, input, this.#writeMaxBytes);
      this.#parts = writer.take();
    } catch (error) {
      this.finish(asTransportError(error));
      return;
    }
    this.begin();
  }

  protected override onOpen(stream: ClientHttp2Stream): void {
    const parts = this.#parts;
    this.#parts = [];
    const only = parts.length === 1 ? parts[0] : undefined;
    if (only !== undefined) stream.end(only);
    else {
      writeParts(stream, parts, () => {});
      stream.end();
    }
  }

  onResponse(headers: IncomingHttpHeaders): void {
    this.#headers = headers;
    const opening = openingOf(headers);
    if (opening.kind === "refused") this.finish(opening.error);
    else if (opening.kind === "status") this.#status = { error: opening.error, inHeader: true };
    this.responded();
  }

  onTrailers(trailers: IncomingHttpHeaders): void {
    this.#trailers = trailers;
    if (hasStatus(trailers)) {
      this.#status ??= { error: trailerError(trailers, this.#headers), inHeader: false };
    }
  }

  protected override onMessage(bytes: Buffer, start: number, end: number): void {
    const message = this.#codecs.output.decode(bytes, start, end) as MessageShape<O>;
    if (this.#message !== undefined) {
      throw protocolError(Code.Unimplemented, "protocol error: received extra output message for unary method");
    }
    this.#message = message;
  }

  onEnd(): void {
    if (this.isOver) return;
    const message = this.#message;
    const status = this.#status;
    if (status === undefined) return this.finish(this.lost());
    if (status.error === undefined && !this.isAtBoundary) {
      return this.finish(protocolError(Code.InvalidArgument, "protocol error: incomplete envelope"));
    }
    if (status.error !== undefined && status.inHeader && message !== undefined) {
      const text = "protocol error: received output message for unary method with error status";
      return this.finish(protocolError(Code.Unknown, text));
    }
    // NO_ERROR: the stream has ended. A reset would count as misuse, and node:http2 servers close
    // connections for a burst of resets (https://github.com/nodejs/node/issues/56306).
    if (status.error !== undefined) return this.finish(status.error, constants.NGHTTP2_NO_ERROR);
    if (message === undefined) {
      const code = status.inHeader ? Code.Unknown : Code.Unimplemented;
      return this.finish(protocolError(code, "protocol error: missing output message for unary method"));
    }
    this.finish(undefined, constants.NGHTTP2_NO_ERROR);
  }

  onClose(): void {
    // Checked first because creating an error costs more than a small message: every call is
    // closed, most of them after their answer.
    if (!this.isOver) this.finish(this.#status?.error ?? this.lost());
  }

  protected override onOver(error: ConnectError | undefined): void {
    if (error !== undefined) return this.#reject(error);
    const message = this.#message as MessageShape<O>;
    this.#resolve(new FastUnaryResponse(this.#method, message, this.#headers, this.#trailers));
  }
}

/** A response that creates web `Headers` only when they are read. */
class FastUnaryResponse<I extends DescMessage, O extends DescMessage> implements UnaryResponse<I, O> {
  readonly stream = false;
  readonly service;
  readonly method: DescMethodUnary<I, O>;
  readonly message: MessageShape<O>;
  readonly #headers: IncomingHttpHeaders;
  readonly #trailers: IncomingHttpHeaders;

  constructor(
    method: DescMethodUnary<I, O>,
    message: MessageShape<O>,
    headers: IncomingHttpHeaders,
    trailers: IncomingHttpHeaders,
  ) {
    this.service = method.parent;
    this.method = method;
    this.message = message;
    this.#headers = headers;
    this.#trailers = trailers;
  }

  get header(): Headers {
    return webHeaders(this.#headers);
  }

  get trailer(): Headers {
    return webHeaders(this.#trailers);
  }
}
