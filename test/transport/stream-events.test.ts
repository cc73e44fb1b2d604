import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { once } from "node:events";
import { connect, createServer } from "node:http2";
import type { ClientHttp2Session, ClientHttp2Stream, Http2Server, ServerHttp2Stream } from "node:http2";
import type { AddressInfo } from "node:net";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { ignoreData, listen, listenForErrors } from "../../src/transport/calls/stream-events.js";
import type { StreamListener } from "../../src/transport/calls/stream-events.js";
import { UnaryCall } from "../../src/transport/calls/unary-call.js";
import { transportFault } from "../../src/support/transport-error.js";
import { codecFor } from "../../src/transport/message-codec.js";
import { kubemqCodecs } from "../../gen/kubemq_codec.js";
import { kubemq } from "kubemq-es/gen";
import { until } from "../support/raw-grpc-server.js";
import { rejection } from "../support/until.js";

/** Keeps what it is told, and may do something at each chunk. */
class Recorder implements StreamListener {
  readonly chunks: Buffer[] = [];
  ended = false;

  constructor(private readonly atChunk: () => void = () => {}) {}

  onResponse(): void {}
  onTrailers(): void {}
  onError(): void {}
  onClose(): void {}

  onData(chunk: Buffer): void {
    this.chunks.push(chunk);
    this.atChunk();
  }

  onEnd(): void {
    this.ended = true;
  }

  get bytes(): Buffer {
    return Buffer.concat(this.chunks);
  }
}

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

function hear(stream: ClientHttp2Stream, listener: StreamListener): void {
  listenForErrors(stream, listener);
  listen(stream);
}

/** Each byte differs from its neighbours, and no two stretches are alike. */
function pattern(length: number): Buffer {
  const bytes = Buffer.alloc(length);
  for (let at = 0; at + 4 <= length; at += 4) bytes.writeUInt32BE((at * 2_654_435_761) % 2 ** 32, at);
  return bytes;
}

describe("reading chunks past the stream's events", () => {
  let server: Http2Server;
  let session: ClientHttp2Session;
  let answer: (stream: ServerHttp2Stream) => void;

  /** Writes the bytes to each stream, which the returned function returns. */
  function answerWith(bytes: Buffer): () => ServerHttp2Stream {
    let peer: ServerHttp2Stream | undefined;
    answer = (stream) => {
      peer = stream;
      stream.write(bytes);
    };
    return () => {
      if (peer === undefined) throw new Error("no stream was opened");
      return peer;
    };
  }

  beforeEach(async () => {
    server = createServer();
    server.on("stream", (stream) => {
      stream.on("error", () => {});
      stream.respond();
      answer(stream);
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    session = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  });

  afterEach(async () => {
    session.destroy();
    server.close();
    await once(server, "close");
  });

  test("a chunk goes straight to the call, without a data event", async () => {
    answer = (stream) => stream.end("abc");
    const stream = session.request();
    const recorder = new Recorder();
    let events = 0;
    hear(stream, recorder);
    stream.on("data", () => events++);
    await until(() => recorder.ended);
    expect(recorder.bytes.toString()).toBe("abc");
    expect(events).toBe(0);
  });

  test("every chunk arrives when the call pauses the stream at each one", async () => {
    const sent = pattern(1024 * 1024);
    answer = (stream) => stream.end(sent);
    const stream = session.request();
    let whilePaused = 0;
    const recorder = new Recorder(() => {
      if (stream.isPaused()) whilePaused++;
      stream.pause();
      setImmediate(() => stream.resume());
    });
    hear(stream, recorder);
    await until(() => recorder.ended);
    expect(recorder.bytes.equals(sent)).toBe(true);
    expect(whilePaused).toBe(0);
  });

  test("more data than the window arrives after a pause without data", async () => {
    const sent = pattern(1024 * 1024);
    const peer = answerWith(sent.subarray(0, 4));
    const stream = session.request();
    let chunks = 0;
    const recorder = new Recorder(() => {
      if (++chunks === 1) stream.pause();
    });
    hear(stream, recorder);
    await until(() => chunks === 1);
    stream.resume();
    peer().end(sent.subarray(4));
    await until(() => recorder.ended);
    expect(recorder.bytes.equals(sent)).toBe(true);
  });

  test("a call that pauses again while it reads delayed data receives more than a window", async () => {
    const sent = pattern(1024 * 1024);
    const peer = answerWith(sent.subarray(0, 4));
    const stream = session.request();
    let chunks = 0;
    const recorder = new Recorder(() => {
      chunks += 1;
      if (chunks <= 2) stream.pause();
    });
    hear(stream, recorder);
    await until(() => chunks === 1);
    peer().write(sent.subarray(4, 8));
    await until(() => stream.readableLength === 4);
    stream.resume();
    await until(() => chunks === 2); // paused again; nothing has arrived since
    stream.resume();
    await new Promise((resolve) => setImmediate(resolve));
    peer().end(sent.subarray(8));
    await until(() => recorder.ended);
    expect(recorder.bytes.equals(sent)).toBe(true);
  });

  test("a chunk does not overtake data held back while the stream was paused", async () => {
    answer = () => {};
    const stream = session.request();
    const recorder = new Recorder();
    hear(stream, recorder);
    await once(stream, "response");
    stream.pause();
    stream.push("a");
    stream.resume();
    stream.push("b");
    await until(() => recorder.chunks.length === 2);
    expect(recorder.bytes.toString()).toBe("ab");
  });

  test("data of an ignored stream is discarded, and the stream still ends", async () => {
    const sent = pattern(1024 * 1024);
    answer = (stream) => stream.end(sent);
    const stream = session.request();
    const recorder = new Recorder(() => ignoreData(stream));
    hear(stream, recorder);
    await until(() => recorder.ended);
    expect(recorder.chunks).toHaveLength(1);
  });

  test("a closed stream does not retain its call, although Node.js retains the stream", async () => {
    answer = (stream) => stream.end("abc");
    const stream = session.request();
    const callOf = () => {
      const recorder = new Recorder();
      hear(stream, recorder);
      return new WeakRef(recorder);
    };
    const call = callOf();
    await once(stream, "close");
    await until(() => {
      collectGarbage();
      return call.deref() === undefined;
    });
    expect(stream.closed).toBe(true); // uses the stream, which is therefore not collected
  });
});

const { ping } = kubemq.method;
const pingCodecs = { input: codecFor(ping.input, kubemqCodecs), output: codecFor(ping.output, kubemqCodecs) };

test.each([
  ["502 text/html", { ":status": 502, "content-type": "text/html" }, { httpStatus: 502, kind: "http-status" }],
  ["200 application/grpc", { ":status": 200, "content-type": "application/grpc" }, { kind: "too-large" }],
])("data that arrives before its headers, as in Deno, is judged by them: %s", async (_, headers, fault) => {
  let respond = () => {};
  const dataRead = new Promise<void>((resolve) => (respond = resolve));
  const server = createServer((_, { stream }) => {
    void dataRead.then(() => stream.respond(headers, { endStream: true }));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const session = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  try {
    const stream = session.request({ ":method": "POST", ":path": "/" });
    const outcome = new Promise((resolve, reject) => {
      const request = () => Promise.resolve(stream);
      const options = { signal: undefined, deadlineMs: undefined, readMaxBytes: 1_000, writeMaxBytes: 1_000, request };
      const call = new UnaryCall(ping, pingCodecs, options, resolve, reject);
      call.start({});
      setImmediate(() => {
        call.onData(Buffer.from("<!DOCTYPE html><title>502 Bad Gateway</title>"));
        respond();
      });
    });
    expect(transportFault(await rejection(outcome))).toMatchObject(fault);
  } finally {
    session.destroy();
    server.close();
  }
});
