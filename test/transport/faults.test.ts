import { Code } from "@connectrpc/connect";
import { describe, expect, test } from "@jest/globals";
import { constants, type ServerHttp2Stream } from "node:http2";
import { kubemq } from "kubemq-es/gen";
import { isUnprocessed, transportFault } from "../../src/support/transport-error.js";
import { openTransport } from "../support/calls.js";
import { envelope, RawGrpcServer, type RawHandler, respond } from "../support/raw-grpc-server.js";

const { ping, subscribeToEvents } = kubemq.method;

async function* one() {
  yield { Channel: "c" };
}

interface Options {
  readonly timeoutMs?: number;
  readonly readMaxBytes?: number;
  /** Makes a call that succeeds before. */
  readonly warmUp?: boolean;
}

/** Makes one call of each kind and returns what they fail with. */
async function failures(serve: RawHandler, { timeoutMs, warmUp = false, ...limits }: Options = {}): Promise<unknown[]> {
  await using server = await RawGrpcServer.start(serve);
  const failed: unknown[] = [];
  for (const call of ["unary", "stream"] as const) {
    using transport = openTransport("fast", server.url, limits);
    if (warmUp) await transport.unary(ping, undefined, undefined, undefined, {});
    try {
      if (call === "unary") await transport.unary(ping, undefined, timeoutMs, undefined, {});
      else {
        const response = await transport.stream(subscribeToEvents, undefined, timeoutMs, undefined, one());
        for await (const _message of response.message);
      }
    } catch (error) {
      failed.push(error);
    }
  }
  return failed;
}

/** Answers the first call of a connection; a GOAWAY then says that it was the last one that was looked at. */
function refuseByGoaway(stream: ServerHttp2Stream, code: number): void {
  if (stream.id === 1) {
    respond(stream);
    stream.end(envelope(Buffer.alloc(0)));
  } else stream.session?.goaway(code, 1);
}

describe("the fault of a failed call", () => {
  test.each<[string, RawHandler, object, boolean, Options]>([
    ["RST_STREAM", (s) => s.close(2), { kind: "reset", rstCode: 2, unprocessed: false }, false, {}],
    ["REFUSED_STREAM", (s) => s.close(7), { kind: "reset", rstCode: 7, unprocessed: true }, true, {}],
    [
      "a lost connection",
      (_s, _h, server) => server.dropConnections(),
      { kind: "lost", unprocessed: false },
      false,
      {},
    ],
    ["a GOAWAY below the call", (s) => refuseByGoaway(s, 0), { unprocessed: true }, true, { warmUp: true }],
    [
      "a GOAWAY with an error below the call",
      (s) => refuseByGoaway(s, 11),
      { unprocessed: true },
      true,
      { warmUp: true },
    ],
    [
      "a GOAWAY with an error above the call",
      (s) => s.session?.goaway(constants.NGHTTP2_ENHANCE_YOUR_CALM, 101),
      { kind: "lost", unprocessed: false },
      false,
      {},
    ],
    [
      "an HTTP status",
      (s) => s.respond({ ":status": 503 }, { endStream: true }),
      { kind: "http-status", httpStatus: 503 },
      false,
      {},
    ],
    [
      "a status of gRPC",
      (s) => {
        respond(s, { "grpc-status": "14", "grpc-message": "not now" });
        s.end();
      },
      { kind: "grpc-status", grpcCode: Code.Unavailable },
      false,
      {},
    ],
    [
      "a content type that is not of gRPC",
      (s) => s.respond({ ":status": 200, "content-type": "text/html" }, { endStream: true }),
      { kind: "protocol" },
      false,
      {},
    ],
    [
      "bytes that are no message",
      (s) => {
        respond(s);
        s.end(envelope(Buffer.from([0xff])));
      },
      { kind: "protocol" },
      false,
      {},
    ],
    [
      "a message above the limit",
      (s) => {
        respond(s);
        s.end(envelope(Buffer.alloc(20)));
      },
      { kind: "too-large", direction: "received", byteLength: 20, maxBytes: 10 },
      false,
      { readMaxBytes: 10 },
    ],
    ["a deadline", () => {}, { kind: "deadline" }, false, { timeoutMs: 30 }],
  ])("%s", async (_name, serve, fault, unprocessed, options) => {
    const failed = await failures(serve, options);
    expect(failed.map((error) => transportFault(error))).toMatchObject([fault, fault]);
    expect(failed.map((error) => isUnprocessed(error))).toEqual([unprocessed, unprocessed]);
  });

  test("the fault of a call without a connection says that nothing was sent", async () => {
    const server = await RawGrpcServer.start(() => {});
    await server[Symbol.asyncDispose]();
    using transport = openTransport("fast", server.url);
    const error = await transport.unary(ping, undefined, undefined, undefined, {}).catch((reason: unknown) => reason);
    expect(transportFault(error)).toEqual({ kind: "no-connection" });
    expect(isUnprocessed(error)).toBe(true);
  });
});
