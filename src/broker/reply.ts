import type { Http2ServerRequest, OutgoingHttpHeaders, ServerHttp2Stream } from "node:http2";
import { Http2ServerResponse, constants } from "node:http2";
import type { Cancel } from "./clock.js";
import type { Gate } from "./gate.js";
import { setImmediate } from "./timers.js";

/** How a call ends: a gRPC status number and its text. */
export interface Outcome {
  readonly code: number;
  readonly message: string;
}

type Written = (error?: Error | null) => void;

const contentType = "application/grpc+proto";

/**
 * The response that Connect's Node adapter writes to, with what a KubeMQ server needs beyond it:
 * headers before the first message, an end from outside, a gate that holds answers back, and the
 * server's own texts for messages that are too large.
 */
export class Reply<Request extends Http2ServerRequest = Http2ServerRequest> extends Http2ServerResponse<Request> {
  #gate: Gate | undefined;
  #held: Cancel | undefined;
  #state: "running" | "ended" = "running";
  #head: { readonly status: number; readonly headers: OutgoingHttpHeaders } = {
    status: 200,
    headers: { "content-type": contentType },
  };
  #wrote = false;

  constructor(stream: ServerHttp2Stream) {
    super(stream);
    this.once("close", () => this.#held?.());
  }

  /** The gate that everything written from now on passes. */
  behind(gate: Gate): void {
    this.#gate = gate;
  }

  /** Sends the headers now: to a client, the sign that its subscription is active. */
  sendHeaders(): void {
    const gate = this.#gate;
    if (gate === undefined || gate.isOpen) this.#flushHead();
    else this.#hold(gate, () => this.#flushHead());
  }

  /** Answers a unary call: a framed message, if it went well, and the status. */
  answer(outcome: Outcome, framed?: Uint8Array): void {
    const go = () => {
      if (this.#state === "ended" || this.stream.destroyed) return;
      this.#flushHead();
      if (framed !== undefined) super.write(framed);
      super.addTrailers(trailersOf(outcome));
      this.#end();
    };
    const gate = this.#gate;
    if (gate === undefined || gate.isOpen) go();
    else this.#hold(gate, go);
  }

  /** Ends the call with this status, whatever its handler is doing. */
  finish(outcome: Outcome): void {
    if (this.#state === "ended" || this.stream.destroyed) return;
    this.#held?.();
    this.#flushHead();
    super.addTrailers(trailersOf(outcome));
    this.#end();
  }

  override writeHead(status: number, headers?: unknown): this {
    // Connect decides on the headers with the first message; they may be out already.
    this.#head = { status, headers: headers as OutgoingHttpHeaders };
    return this;
  }

  override addTrailers(trailers: OutgoingHttpHeaders): void {
    if (this.#state === "ended") return;
    const message = trailers["grpc-message"];
    super.addTrailers(
      typeof message === "string"
        ? { ...trailers, "grpc-message": percentEncode(sizeText(decodeURIComponent(message))) }
        : trailers,
    );
  }

  override write(chunk: string | Uint8Array, ...rest: unknown[]): boolean {
    // An answer to a call that was cancelled has nowhere to go, which is no error of its handler.
    if (this.#state === "ended" || this.stream.destroyed) return true;
    const written = rest.find((value): value is Written => typeof value === "function");
    this.#wrote = true;
    const gate = this.#gate;
    if (gate === undefined || gate.isOpen) {
      this.#flushHead();
      return super.write(chunk, "binary", written ?? ignore);
    }
    // Connect waits for "drain" before it writes again, so at most one chunk is ever held.
    this.#hold(gate, () => {
      if (this.#state === "ended") return;
      this.#flushHead();
      if (super.write(chunk, "binary", written ?? ignore)) this.emit("drain");
    });
    return false;
  }

  override end(): this {
    if (this.#state === "ended") return this;
    const gate = this.#gate;
    // Trailers that follow a message have waited with it.
    if (gate === undefined || gate.isOpen || (this.#wrote && !gate.isShut)) this.#end();
    else this.#hold(gate, () => this.#end());
    return this;
  }

  // Whatever is held later brings the headers along, if they are still to be sent.
  #hold(gate: Gate, go: () => void): void {
    this.#held?.();
    this.#held = gate.pass(go);
  }

  #end(): void {
    if (this.#state === "ended") return;
    this.#state = "ended";
    this.#flushHead();
    const { stream } = this;
    // A client that has not closed its side would keep the stream open for ever: servers reset it
    // (without an error) once the trailers are out.
    // The body is finished before its trailers are sent, and a reset overtakes what is not sent.
    stream.once("wantTrailers", () =>
      setImmediate(() => {
        if (!stream.readableEnded && !stream.destroyed) stream.close(constants.NGHTTP2_NO_ERROR);
      }),
    );
    super.end();
  }

  #flushHead(): void {
    if (!this.headersSent && !this.stream.destroyed) {
      super.writeHead(this.#head.status, this.#head.headers);
    }
  }
}

const trailersOf = ({ code, message }: Outcome): OutgoingHttpHeaders => ({
  "grpc-status": String(code),
  ...(message !== "" && { "grpc-message": percentEncode(message) }),
});

const ignore = () => {};

const tooLarge = /^message size (\d+) is larger than configured (read|write)MaxBytes (\d+)$/;

/** Connect's text for a message that is too large, in a KubeMQ server's words. */
function sizeText(message: string): string {
  const match = tooLarge.exec(message);
  if (match === null) return message;
  const [, size, way, max] = match;
  const what = way === "read" ? "received message larger than max" : "trying to send message larger than max";
  return `grpc: ${what} (${size} vs. ${max})`;
}

// Connect escapes as in a URL, more than gRPC asks for; grpc-js leaves such escapes in the text.
const percentEncode = (message: string) => message.replaceAll(/[^ -$&-~]+/g, (odd) => encodeURIComponent(odd));
