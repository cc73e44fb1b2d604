import { Code, ConnectError } from "@connectrpc/connect";
import type { ClientHttp2Stream, ClientSessionRequestOptions, Http2Session, OutgoingHttpHeaders } from "node:http2";
import { isTransportError, TransportError, type TransportFault } from "../../src/support/transport-error.js";
import { grpcTimeout } from "../../src/transport/request-headers.js";
import { deadlineExceeded } from "../../src/transport/response.js";
import { lostStream } from "../../src/transport/session/lost.js";
import type { SessionSource } from "../../src/transport/session/options.js";
import { recordResponse } from "../../src/transport/session/refusals.js";

/**
 * Adds to an error of Connect's own transport the typed cause that this package's transport gives.
 * Connect reports most causes only in its messages.
 */
export function withFault(error: unknown): unknown {
  if (!(error instanceof ConnectError) || isTransportError(error)) return error;
  const fault = faultOf(error);
  return fault === undefined ? error : faulty(error, fault);
}

function faulty({ code, rawMessage, metadata, cause }: ConnectError, fault: TransportFault): TransportError {
  return new TransportError(fault, code, rawMessage, { headers: metadata, cause });
}

function faultOf({ code, rawMessage }: ConnectError): TransportFault | undefined {
  if (/^protocol error(?!: missing status)|^parse binary|^unsupported (content type|response enc)/.test(rawMessage)) {
    return { kind: "protocol" };
  }
  const size = /^message size (\d+) is larger than configured (read|write)MaxBytes (\d+)/.exec(rawMessage);
  if (size !== null) {
    const direction = size[2] === "read" ? "received" : "sent";
    return { kind: "too-large", direction, byteLength: Number(size[1]), maxBytes: Number(size[3]) };
  }
  // A stream that was reset, or ended without trailers.
  const isLost = /missing (status|trailer)|stream (was )?(reset|closed)|REFUSED_STREAM|http\/2 stream/i.test(
    rawMessage,
  );
  return code === Code.Internal && isLost ? { kind: "lost", unprocessed: false } : undefined;
}

/**
 * The sessions for one call. It records what happens to the stream of the call: Connect reports a
 * lost connection, a reset, and a status of the server with the same codes.
 */
export class CallSessions implements SessionSource {
  readonly authority: string;
  readonly #sessions: SessionSource;
  readonly #isStream: boolean;
  readonly #timeout: OutgoingHttpHeaders;
  readonly #deadlineAt: number;
  #opened: { readonly stream: ClientHttp2Stream; readonly session: Http2Session | undefined } | undefined;
  #httpStatus = 200;
  #grpcStatus: string | undefined;

  constructor(
    sessions: SessionSource,
    { isStream, deadlineMs }: { isStream: boolean; deadlineMs?: number | undefined },
  ) {
    this.authority = sessions.authority;
    this.#sessions = sessions;
    this.#isStream = isStream;
    this.#timeout = deadlineMs === undefined ? {} : { "grpc-timeout": grpcTimeout(deadlineMs) };
    this.#deadlineAt = deadlineMs === undefined ? Infinity : performance.now() + deadlineMs;
  }

  async request(
    method: string,
    path: string,
    headers: OutgoingHttpHeaders,
    options: Omit<ClientSessionRequestOptions, "signal">,
  ): Promise<ClientHttp2Stream> {
    const sent = { ...headers, ...this.#timeout };
    const stream = await this.#sessions.request(method, path, sent, options, this.#isStream);
    const { session } = stream;
    this.#opened = { stream, session };
    stream.once("response", (received) => {
      this.#httpStatus = Number(received[":status"]);
      this.#statusOf(received["grpc-status"]);
      recordResponse(session);
    });
    stream.once("trailers", (received) => this.#statusOf(received["grpc-status"]));
    return stream;
  }

  notifyResponseByteRead(stream: ClientHttp2Stream): void {
    this.#sessions.notifyResponseByteRead(stream);
  }

  /** The error of the call with its typed cause. Connect has reset the stream if the caller aborted. */
  readonly explained = async (error: unknown): Promise<unknown> => {
    if (!(error instanceof ConnectError) || isTransportError(error)) return error;
    const told = faultOf(error);
    if (told !== undefined && told.kind !== "lost") return faulty(error, told);
    const { code } = error;
    if (this.#httpStatus !== 200) return faulty(error, { kind: "http-status", httpStatus: this.#httpStatus });
    if (this.#grpcStatus === String(code)) return faulty(error, { kind: "grpc-status", grpcCode: code });
    if (this.#opened === undefined) return error;
    const { stream, session } = this.#opened;
    // Not closed: the stream ended without a status, or this side aborts the call.
    if (!stream.closed && told === undefined) return error;
    if (performance.now() >= this.#deadlineAt) return deadlineExceeded(); // the server's timer was first
    return lostStream(stream, session, error.cause);
  };

  #statusOf(status: string | string[] | undefined): void {
    if (status !== undefined) this.#grpcStatus ??= String(status);
  }
}
