import { create, toBinary } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { describe, expect, test } from "@jest/globals";
import type { OutgoingHttpHeaders, ServerHttp2Stream } from "node:http2";
import { kubemq, PingResultSchema, ResultSchema } from "kubemq-es/gen";
import type { TransportOptions } from "../../src/transport/index.js";
import { openTransport } from "../support/calls.js";
import type { TransportKind } from "../support/calls.js";
import { envelope, RawGrpcServer } from "../support/raw-grpc-server.js";
import type { RawHandler } from "../support/raw-grpc-server.js";

/**
 * The same call against the same server behaviour, through our transport and through Connect's: the same outcome.
 *
 * Where ours is meant to differ, the situation says how and why. Server behaviours are played twice: to a unary call and to
 * a streaming one.
 */
interface Situation {
  readonly name: string;
  readonly serve: RawHandler;
  readonly timeoutMs?: number;
  readonly abort?: { readonly reason: unknown; readonly before: boolean };
  readonly options?: Partial<TransportOptions>;
  readonly header?: Record<string, string>;
  /** What ours makes of it instead, and why. */
  readonly differs?: { readonly code?: Code; readonly message?: RegExp; readonly ok?: true; readonly why: string };
}

type Outcome =
  | { readonly ok: true; readonly messages: number; readonly header: string[]; readonly trailer: string[] }
  | {
      readonly ok: false;
      readonly messages: number;
      readonly code: string;
      readonly message: string;
      readonly metadata: string[];
    };

const message = envelope(toBinary(PingResultSchema, create(PingResultSchema, { Host: "here" })));
/** Reads as a Result as well as a PingResult: both begin with a string. */
const contentType = { "content-type": "application/grpc+proto" };

function answer(
  stream: ServerHttp2Stream,
  {
    headers = {},
    body = [message],
    trailers,
  }: { headers?: OutgoingHttpHeaders; body?: Uint8Array[]; trailers?: OutgoingHttpHeaders },
): void {
  stream.respond({ ":status": 200, ...contentType, ...headers }, { waitForTrailers: trailers !== undefined });
  if (trailers !== undefined) stream.on("wantTrailers", () => stream.sendTrailers(trailers));
  for (const chunk of body) stream.write(chunk);
  stream.end();
}

function trailersOnly(stream: ServerHttp2Stream, headers: OutgoingHttpHeaders): void {
  stream.respond({ ":status": 200, ...contentType, ...headers }, { endStream: true });
}

const ok = { "grpc-status": "0" };
const LOST = "a lost connection is unavailable, whatever the frame that took it away";

const statuses = Object.values(Code).filter((code): code is Code => typeof code === "number");

const situations: Situation[] = [
  { name: "one message and OK", serve: (s) => answer(s, { trailers: ok }) },
  {
    name: "metadata in header and trailer",
    serve: (s) =>
      answer(s, {
        headers: { "x-one": "1", "x-many": "a, b", "x-bin": "AAEC" },
        trailers: { ...ok, "x-two": "2", "x-list": ["a", "b"] },
      }),
  },
  {
    name: "content type without suffix",
    serve: (s) => answer(s, { headers: { "content-type": "application/grpc" }, trailers: ok }),
  },
  {
    name: "content type in capitals",
    serve: (s) => answer(s, { headers: { "content-type": "Application/GRPC+Proto" }, trailers: ok }),
  },
  {
    name: "content type text/html",
    serve: (s) => answer(s, { headers: { "content-type": "text/html" }, trailers: ok }),
  },
  {
    name: "content type of gRPC-web",
    serve: (s) => answer(s, { headers: { "content-type": "application/grpc-web+proto" }, trailers: ok }),
  },
  {
    name: "no content type",
    serve: (s) => {
      s.respond({ ":status": 200 });
      s.end();
    },
  },
  { name: "identity encoding", serve: (s) => answer(s, { headers: { "grpc-encoding": "identity" }, trailers: ok }) },
  {
    name: "encoding we did not offer",
    serve: (s) => answer(s, { headers: { "grpc-encoding": "gzip" }, trailers: ok }),
  },
  { name: "a compressed envelope", serve: (s) => answer(s, { body: [envelope(Buffer.from("x"), 1)], trailers: ok }) },
  ...[400, 401, 403, 404, 408, 429, 500, 502, 503, 504].map((status): Situation => ({
    name: `HTTP status ${status}`,
    serve: (s) => {
      s.respond({ ":status": status, "content-type": "text/plain", "x-why": "because" });
      s.end("no");
    },
  })),
  ...statuses.map((code): Situation => ({
    name: `status ${Code[code]} in trailers after a message`,
    serve: (s) =>
      answer(s, {
        headers: { "x-h": "1" },
        trailers: { "grpc-status": `${code}`, "grpc-message": "no%20good", "x-t": "2" },
      }),
  })),
  ...statuses.map((code): Situation => ({
    name: `status ${Code[code]} without a body`,
    serve: (s) => trailersOnly(s, { "grpc-status": `${code}`, "grpc-message": `why: ${Code[code]}`, "x-t": "2" }),
  })),
  { name: "OK without a body", serve: (s) => trailersOnly(s, ok) },
  { name: "OK in trailers without a message", serve: (s) => answer(s, { body: [], trailers: ok }) },
  { name: "an error without a message text", serve: (s) => answer(s, { body: [], trailers: { "grpc-status": "5" } }) },
  {
    name: "an error with details",
    serve: (s) => answer(s, { body: [], trailers: { "grpc-status": "3", "grpc-status-details-bin": "CAMSBWhlbGxv" } }),
  },
  {
    name: "a text in UTF-8, percent-encoded",
    serve: (s) => answer(s, { body: [], trailers: { "grpc-status": "3", "grpc-message": "%C3%A9t%C3%A9" } }),
  },
  {
    name: "a text that is not percent-encoded properly",
    serve: (s) => answer(s, { body: [], trailers: { "grpc-status": "3", "grpc-message": "100% wrong" } }),
    differs: {
      code: Code.InvalidArgument,
      message: /^100% wrong$/,
      why: "the status counts, even if its text was encoded badly",
    },
  },
  { name: "a status that is no number", serve: (s) => answer(s, { body: [], trailers: { "grpc-status": "abc" } }) },
  { name: "a status out of range", serve: (s) => answer(s, { body: [], trailers: { "grpc-status": "99" } }) },
  { name: "a negative status", serve: (s) => answer(s, { body: [], trailers: { "grpc-status": "-1" } }) },
  { name: "two messages", serve: (s) => answer(s, { body: [message, message], trailers: ok }) },
  {
    name: "two messages in one frame",
    serve: (s) => answer(s, { body: [Buffer.concat([message, message])], trailers: ok }),
  },
  { name: "an empty message", serve: (s) => answer(s, { body: [envelope(new Uint8Array(0))], trailers: ok }) },
  {
    name: "a message in single bytes",
    serve: (s) => answer(s, { body: [...message].map((byte) => Buffer.from([byte])), trailers: ok }),
  },
  {
    name: "bytes that are no message",
    serve: (s) => answer(s, { body: [envelope(Buffer.from([0x0a, 0x7f]))], trailers: ok }),
  },
  {
    name: "invalid UTF-8 in a message",
    serve: (s) => answer(s, { body: [envelope(Buffer.from([0x0a, 0x01, 0xff]))], trailers: ok }),
    differs: { ok: true, why: "servers deliver such text, and one message must not end a stream" },
  },
  { name: "a message above the limit", options: { readMaxBytes: 4 }, serve: (s) => answer(s, { trailers: ok }) },
  {
    name: "a message at the limit",
    options: { readMaxBytes: message.length - 5 },
    serve: (s) => answer(s, { trailers: ok }),
  },
  { name: "half a message and OK", serve: (s) => answer(s, { body: [message.subarray(0, 7)], trailers: ok }) },
  { name: "half a header and OK", serve: (s) => answer(s, { body: [message.subarray(0, 3)], trailers: ok }) },
  {
    name: "half a message and an error",
    serve: (s) =>
      answer(s, { body: [message.subarray(0, 7)], trailers: { "grpc-status": "8", "grpc-message": "full" } }),
    differs: {
      code: Code.ResourceExhausted,
      message: /^full$/,
      why: "the server's own word says more than what it left unfinished",
    },
  },
  {
    name: "a message and no trailers",
    serve: (s) => answer(s, {}),
    differs: { code: Code.Unavailable, message: /^connection lost: /, why: LOST },
  },
  {
    name: "neither message nor trailers",
    serve: (s) => answer(s, { body: [] }),
    differs: { code: Code.Unavailable, message: /^connection lost: /, why: LOST },
  },
  {
    name: "half a message and no trailers",
    serve: (s) => answer(s, { body: [message.subarray(0, 9)] }),
    differs: { code: Code.Unavailable, message: /^connection lost: /, why: LOST },
  },
  ...Array.from({ length: 14 }, (_, code): Situation => ({
    name: `RST_STREAM with code ${code} before an answer`,
    serve: (s) => s.close(code),
    differs: { code: Code.Unavailable, message: /^connection lost: /, why: LOST },
  })),
  ...Array.from({ length: 13 }, (_, index): Situation => ({
    name: `RST_STREAM with code ${index + 1} after a message`,
    serve: (s) => {
      s.respond({ ":status": 200, ...contentType });
      s.write(message, () => s.close(index + 1));
    },
    differs: { code: Code.Unavailable, message: /^connection lost: /, why: LOST },
  })),
  {
    name: "the server's session is destroyed",
    serve: (s) => s.session?.destroy(),
    differs: { code: Code.Unavailable, message: /^connection lost: /, why: LOST },
  },
  {
    name: "the socket is reset",
    serve: (_s, _h, server) => server.dropConnections("reset"),
    differs: { code: Code.Unavailable, message: /^connection lost: /, why: LOST },
  },
  {
    name: "the socket ends after a message",
    serve: (s, _h, server) => {
      s.respond({ ":status": 200, ...contentType });
      s.write(message, () => setImmediate(() => server.dropConnections()));
    },
    differs: { code: Code.Unavailable, message: /^connection lost: /, why: LOST },
  },
  {
    name: "GOAWAY without error, then the answer",
    serve: (s) => {
      s.session?.goaway(0);
      setImmediate(() => answer(s, { trailers: ok }));
    },
  },
  {
    name: "GOAWAY with ENHANCE_YOUR_CALM",
    serve: (s) => s.session?.goaway(11),
    differs: { code: Code.Unavailable, message: /^connection lost: /, why: LOST },
  },
  { name: "a deadline without an answer", timeoutMs: 60, serve: () => {} },
  {
    name: "a deadline after a message",
    timeoutMs: 300,
    serve: (s) => {
      s.respond({ ":status": 200, ...contentType });
      s.write(message);
    },
  },
  { name: "a deadline that is kept", timeoutMs: 5_000, serve: (s) => answer(s, { trailers: ok }) },
  {
    name: "a deadline of 30 days",
    timeoutMs: 30 * 86_400_000,
    serve: (s, h) =>
      answer(s, { headers: { "x-valid": String(/^\d{1,8}[HMSmun]$/.test(String(h["grpc-timeout"]))) }, trailers: ok }),
  },
  {
    name: "an abort before the call",
    abort: { reason: new ConnectError("enough", Code.Canceled), before: true },
    serve: (s) => answer(s, { trailers: ok }),
  },
  {
    name: "an abort while waiting",
    abort: { reason: new ConnectError("enough", Code.Canceled), before: false },
    serve: () => {},
  },
  { name: "an abort with an error", abort: { reason: new Error("my own reason"), before: false }, serve: () => {} },
  { name: "an abort with a text", abort: { reason: "just so", before: false }, serve: () => {} },
  {
    name: "headers of the caller arrive",
    header: { authorization: "token", "x-caller": "a", te: "gzip", "content-type": "text/plain" },
    serve: (s, h) =>
      answer(s, {
        headers: {
          "x-echo": ["authorization", "x-caller", "te", "content-type", ":method", ":path", ":scheme"]
            .map((n) => `${n}=${String(h[n])}`)
            .join("|"),
        },
        trailers: ok,
      }),
  },
  {
    name: "a deadline is told",
    timeoutMs: 12_345,
    serve: (s, h) => answer(s, { headers: { "x-timeout": String(h["grpc-timeout"]) }, trailers: ok }),
  },
];

async function play(kind: TransportKind, call: "unary" | "stream", situation: Situation): Promise<Outcome> {
  const controller = new AbortController();
  await using server = await RawGrpcServer.start((stream, headers, server) => {
    situation.serve(stream, headers, server);
    const { abort } = situation;
    if (abort?.before === false) void server.roundTrip().then(() => controller.abort(abort.reason));
  });
  using transport = openTransport(kind, server.url, situation.options);
  if (situation.abort?.before === true) controller.abort(situation.abort.reason);
  let messages = 0;
  const args = [controller.signal, situation.timeoutMs, situation.header] as const;
  try {
    if (call === "unary") {
      const response = await transport.unary(kubemq.method.ping, ...args, {});
      return { ok: true, messages: 1, header: entries(response.header), trailer: entries(response.trailer) };
    }
    const response = await transport.stream(kubemq.method.sendEventsStream, ...args, requests());
    for await (const received of response.message) {
      expect(received.$typeName).toBe(ResultSchema.typeName);
      messages++;
    }
    // The client has no use for the headers and trailers of a stream.
    return { ok: true, messages, header: [], trailer: [] };
  } catch (error) {
    if (!(error instanceof ConnectError)) throw error;
    return {
      ok: false,
      messages,
      code: Code[error.code],
      // Under jest Node's own errors are no instances of Error, and Connect then names their class.
      message: error.rawMessage.replace("TypeError: ", ""),
      metadata: entries(error.metadata),
    };
  }
}

async function* requests() {
  yield { EventID: "1", Channel: "c" };
}

function entries(headers: Headers): string[] {
  return [...headers].filter(([name]) => name !== "date").map(([name, value]) => `${name}: ${value}`);
}

describe.each(["unary", "stream"] as const)("%s", (call) => {
  test("the model is compared in enough situations", () => {
    expect(situations.length).toBeGreaterThanOrEqual(60);
    expect(new Set(situations.map(({ name }) => name)).size).toBe(situations.length);
  });

  test.each(situations.map((situation) => [situation.name, situation] as const))("%s", async (_name, situation) => {
    const { differs } = situation;
    const [ours, theirs] = await Promise.all([play("fast", call, situation), play("stock", call, situation)]);
    if (differs === undefined) {
      expect(ours).toEqual(theirs);
      return;
    }
    if (differs.ok === true) {
      expect([ours.ok, theirs.ok]).toEqual([true, false]);
      return;
    }
    expect(ours).toMatchObject({
      ok: false,
      code: Code[differs.code ?? Code.Unknown],
      message: expect.stringMatching(differs.message ?? /./),
    });
    expect(theirs).not.toEqual(ours);
  });
});
