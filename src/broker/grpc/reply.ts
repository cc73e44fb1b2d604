import type { Http2ServerRequest, OutgoingHttpHeaders, ServerHttp2Stream } from "node:http2";
import { Http2ServerResponse, constants } from "node:http2";
import type { Cancel } from "../clock.js";
import type { Gate } from "./gate.js";
import { setImmediate } from "../timers.js";

/** The end of a call: a gRPC status code and its message. */
export interface Outcome {
  readonly code: number;
  readonly message: string;
}

type Written = (error?: Error | null) => void;

/**
 * The response to a call, with the additions to Node's response that KubeMQ's behaviour needs:
 * headers before the first message, an end from outside, a gate that holds answers back, and
 * trailers.
 */
export class Reply<Request extends Http2ServerRequest = Http2ServerRequest> extends Http2ServerResponse<Request> {
  #gate: Gate | undefined;
  #held: Cancel | undefined;
  #state: "running" | "ended" = "running";
  #contentType = "application/grpc";
  #wrote = false;

  constructor(stream: ServerHttp2Stream) {
    super(stream);
    this.sendDate = false;
    this.once("close", () => this.#held?.());
  }

  /** The content type of the request, which the answer repeats. */
  set contentType(value: string) {
    this.#contentType = value;
  }

  /** The gate for all further writes. */
  behind(gate: Gate): void {
    this.#gate = gate;
  }

  /** Sends the headers now, which tells a client that its subscription is active. */
  sendHeaders(): void {
    const gate = this.#gate;
    if (gate === undefined || gate.isOpen) this.#flushHead();
    else this.#hold(gate, () => this.#flushHead());
  }

  /** Answers a unary call: a framed message on success, and the status. */
  answer(outcome: Outcome, framed?: Uint8Array): void {
    const go = () => {
      if (this.#state === "ended" || this.stream.destroyed) return;
      if (framed !== undefined) {
        this.#flushHead();
        super.write(framed);
      }
      this.#end(outcome);
    };
    const gate = this.#gate;
    if (gate === undefined || gate.isOpen) go();
    else this.#hold(gate, go);
  }

  /** Ends a call after the data written so far. */
  conclude(outcome: Outcome): void {
    if (this.#state === "ended" || this.stream.destroyed) return;
    const gate = this.#gate;
    // Trailers were held back together with the message before them.
    if (gate === undefined || gate.isOpen || (this.#wrote && !gate.isShut)) this.#end(outcome);
    else this.#hold(gate, () => this.#end(outcome));
  }

  /** Ends the call with this status, whatever its handler is doing. */
  finish(outcome: Outcome): void {
    if (this.#state === "ended" || this.stream.destroyed) return;
    this.#held?.();
    this.#end(outcome);
  }

  /**
   * Refuses a request that is not a gRPC call, with an HTTP status for clients that do not speak
   * gRPC.
   */
  refuse(status: number, outcome: Outcome): void {
    this.statusCode = status;
    this.finish(outcome);
  }

  override write(chunk: string | Uint8Array, ...rest: unknown[]): boolean {
    // The answer to a cancelled call is discarded; that is not an error of its handler.
    if (this.#state === "ended" || this.stream.destroyed) return true;
    const written = rest.find((value): value is Written => typeof value === "function");
    this.#wrote = true;
    const gate = this.#gate;
    if (gate === undefined || gate.isOpen) {
      this.#flushHead();
      return super.write(chunk, "binary", written ?? ignore);
    }
    // The caller waits for "drain" before it writes again, so at most one chunk is buffered.
    this.#hold(gate, () => {
      if (this.#state === "ended") return;
      this.#flushHead();
      if (super.write(chunk, "binary", written ?? ignore)) this.emit("drain");
    });
    return false;
  }

  // Any later data sends the headers first, if they are still unsent.
  #hold(gate: Gate, go: () => void): void {
    this.#held?.();
    this.#held = gate.pass(go);
  }

  #end(outcome: Outcome): void {
    if (this.#state === "ended" || this.stream.destroyed) return;
    this.#state = "ended";
    const { stream } = this;
    // A client that has not closed its side would keep the stream open: servers reset it (without
    // an error) after the trailers. A reset discards unsent data.
    const reset = () =>
      setImmediate(() => {
        if (!stream.readableEnded && !stream.destroyed) stream.close(constants.NGHTTP2_NO_ERROR);
      });
    const trailers = trailersOf(outcome);
    if (this.headersSent) {
      super.addTrailers(trailers);
      stream.once("wantTrailers", reset);
    } else {
      // Trailers-only: the status is in the headers, which are the whole answer.
      for (const [name, value] of Object.entries(trailers)) this.setHeader(name, value ?? "");
      this.setHeader("content-type", this.#contentType);
      stream.once("finish", reset);
    }
    super.end();
  }

  #flushHead(): void {
    if (!this.headersSent && !this.stream.destroyed) {
      super.writeHead(200, { "content-type": this.#contentType });
    }
  }
}

const trailersOf = ({ code, message }: Outcome): OutgoingHttpHeaders => ({
  "grpc-status": String(code),
  ...(message !== "" && { "grpc-message": percentEncode(message) }),
});

const ignore = () => {};

// Escapes as in a URL, which is more than gRPC requires; grpc-js does not decode those escapes.
const percentEncode = (message: string) => message.replaceAll(/[^ -$&-~]+/g, (odd) => encodeURIComponent(odd));
