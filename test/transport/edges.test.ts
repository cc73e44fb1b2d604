import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { describe, expect, test } from "@jest/globals";
import { getEventListeners, once, setMaxListeners } from "node:events";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { EventReceiveSchema, EventSchema, kubemq, PingResultSchema, ResultSchema } from "kubemq-es/gen";
import type { EventReceive } from "kubemq-es/gen";
import { batchesOf } from "../../src/transport/index.js";
import { grpcTimeout, deadlineOf } from "../../src/transport/request-headers.js";
import { Uplink } from "../../src/stream/send/uplink.js";
import { BareServer } from "../support/bare-server.js";
import { settle } from "../support/fake-clock.js";
import { openTransport } from "../support/calls.js";
import { envelope, onMessages, RawGrpcServer, respond, until } from "../support/raw-grpc-server.js";

function event(id: string | number, bytes = 0): Buffer {
  return envelope(
    toBinary(EventReceiveSchema, create(EventReceiveSchema, { EventID: `${id}`, Body: new Uint8Array(bytes) })),
  );
}

async function* one<T>(message: T): AsyncGenerator<T> {
  yield message;
}

async function all<T>(source: AsyncIterable<T>): Promise<T[]> {
  const result: T[] = [];
  for await (const item of source) result.push(item);
  return result;
}

async function failure(promise: Promise<unknown>): Promise<ConnectError> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof ConnectError) return error;
    throw error;
  }
  throw new Error("expected a failure");
}

const { subscribeToEvents, sendEventsStream, ping } = kubemq.method;
const subscription = { Channel: "c" };

describe("leaving a stream", () => {
  test.each(["break", "throw", "return"] as const)("%s in a loop resets the stream with CANCEL", async (how) => {
    await using server = await RawGrpcServer.start((stream) => {
      respond(stream);
      for (let i = 0; i < 10; i++) stream.write(event(i));
    });
    using transport = openTransport("fast", server.url);
    const controller = new AbortController();
    const response = await transport.stream(subscribeToEvents, controller.signal, 0, undefined, one(subscription));
    const seen: string[] = [];
    const loop = async () => {
      for await (const message of response.message) {
        seen.push(message.EventID);
        if (how === "break") break;
        if (how === "throw") throw new Error("mine");
        return;
      }
    };
    if (how === "throw") await expect(loop()).rejects.toThrow("mine");
    else await loop();
    await until(() => server.rstCodes.length === 1);
    expect(server.rstCodes).toEqual([8]);
    expect(seen).toEqual(["0"]);
    expect(getEventListeners(controller.signal, "abort")).toHaveLength(0);
  });

  test("return() of a batch iterator ends a waiting next() at once, and cancels the call", async () => {
    await using server = await RawGrpcServer.start((stream) => respond(stream));
    using transport = openTransport("fast", server.url);
    const batches = batchesOf(transport.open(subscribeToEvents, one(subscription)));
    const waiting = batches.next();
    expect(await batches.return?.()).toEqual({ done: true, value: undefined });
    expect(await waiting).toEqual({ done: true, value: undefined });
    expect(await batches.next()).toEqual({ done: true, value: undefined });
    await until(() => server.rstCodes.length === 1);
    expect(server.rstCodes).toEqual([8]);
  });

  test("messages that arrived in the same turn as the cancellation of a stream are dropped", async () => {
    await using server = await RawGrpcServer.start((stream) => {
      respond(stream);
      stream.write(Buffer.concat([event(1), event(2), event(3)]));
    });
    using transport = openTransport("fast", server.url);
    const source = transport.open(subscribeToEvents, one(subscription));
    const seen: string[] = [];
    source.read({
      message({ EventID }) {
        seen.push(EventID);
        source.cancel();
        return true;
      },
      end: () => seen.push("end"),
    });
    await until(() => server.rstCodes.length === 1);
    expect(server.rstCodes).toEqual([8]);
    expect(seen).toEqual(["1"]);
  });

  test("a stream that is cancelled before it is read, or a second time, delivers nothing", async () => {
    await using server = await RawGrpcServer.start((stream) => {
      respond(stream);
      stream.write(event(1));
    });
    using transport = openTransport("fast", server.url);
    const [early, late] = [0, 1].map(() => transport.open(subscribeToEvents, one(subscription)));
    early?.cancel();
    await until(() => server.streams.size === 1);
    late?.cancel();
    const seen: string[] = [];
    for (const source of [early, late]) {
      source?.cancel();
      source?.read({ message: () => seen.push("message") > 0, end: () => seen.push("end") });
    }
    await until(() => server.rstCodes.length === 2);
    expect(server.rstCodes).toEqual([8, 8]);
    expect(seen).toEqual([]);
  });

  test("an abort with a plain error as its reason resets the stream with CANCEL", async () => {
    await using server = await RawGrpcServer.start(() => {});
    using transport = openTransport("fast", server.url);
    const controller = new AbortController();
    const call = transport.unary(ping, controller.signal, undefined, undefined, {});
    await until(() => server.streams.size === 1);
    const reason = new Error("my reason");
    controller.abort(reason);
    const error = await failure(call);
    expect(error).toMatchObject({ code: Code.Canceled, rawMessage: "my reason", cause: reason });
    await until(() => server.rstCodes.length === 1);
    expect(server.rstCodes).toEqual([8]);
  });

  test("a deadline resets the stream with CANCEL", async () => {
    await using server = await RawGrpcServer.start(() => {});
    using transport = openTransport("fast", server.url);
    expect((await failure(transport.unary(ping, undefined, 30, undefined, {}))).code).toBe(Code.DeadlineExceeded);
    await until(() => server.rstCodes.length === 1);
    expect(server.rstCodes).toEqual([8]);
  });
});

describe("listeners of a call", () => {
  test("every end of a call removes its listener from the signal", async () => {
    await using server = await RawGrpcServer.start((stream, headers) => {
      if (headers["x-how"] === "reset") return stream.close(2);
      respond(stream, { "grpc-status": headers["x-how"] === "fail" ? "5" : "0" });
      stream.end(envelope(toBinary(PingResultSchema, create(PingResultSchema))));
    });
    using transport = openTransport("fast", server.url);
    const controller = new AbortController();
    setMaxListeners(0, controller.signal);
    for (const how of ["ok", "fail", "reset"]) {
      const header = { "x-how": how };
      await Promise.allSettled(
        Array.from({ length: 50 }, () => transport.unary(ping, controller.signal, 5000, header, {})),
      );
      const response = await transport.stream(sendEventsStream, controller.signal, 5000, header, one({}));
      await all(response.message).catch(() => {});
      expect(getEventListeners(controller.signal, "abort")).toHaveLength(0);
    }
  });
});

describe("headers of a call", () => {
  test("dynamic headers are read for each call, and static headers are sent again", async () => {
    const told: unknown[] = [];
    await using server = await RawGrpcServer.start((stream, headers) => {
      told.push(headers["authorization"]);
      respond(stream, { "grpc-status": "0" });
      stream.end(envelope(toBinary(PingResultSchema, create(PingResultSchema))));
    });
    using transport = openTransport("fast", server.url);
    const changing = { authorization: "one" };
    const fixed = Object.freeze({ Authorization: "fixed" });
    const other = Object.freeze({ authorization: "other" });
    for (const header of [changing, fixed, fixed, other, fixed, undefined, changing]) {
      await transport.unary(ping, undefined, 5000, header, {});
      changing.authorization = "two";
    }
    expect(told).toEqual(["one", "fixed", "fixed", "other", "fixed", undefined, "two"]);
  });
});

describe("one connection for many calls", () => {
  test("a connection carries many streams, each with its own messages in order", async () => {
    await using server = await RawGrpcServer.start((stream) => {
      respond(stream);
      onMessages(stream, (bytes) => {
        const { EventID } = fromBinary(EventSchema, bytes);
        stream.write(envelope(toBinary(ResultSchema, create(ResultSchema, { EventID }))));
      });
      stream.on("end", () => stream.end());
    });
    using transport = openTransport("fast", server.url);
    const conversations = Array.from({ length: 60 }, async (_, n) => {
      const uplink = new Uplink<{ EventID: string }>();
      const messages = batchesOf(transport.open(sendEventsStream, uplink));
      const expected = Array.from({ length: 50 }, (_, i) => `${n}/${i}`);
      const received: string[] = [];
      const reading = (async () => {
        for await (const batch of messages) received.push(...batch.map((result) => result.EventID));
      })();
      for (const EventID of expected) await uplink.send({ EventID });
      uplink.close();
      await reading;
      expect(received).toEqual(expected);
    });
    await Promise.all(conversations);
    expect(server.sessions.size).toBe(1);
  });

  test("a lost connection is replaced for later calls", async () => {
    await using server = await RawGrpcServer.start((stream, headers) => {
      if (headers["x-die"] !== undefined) return server.dropConnections();
      respond(stream);
      stream.end(envelope(toBinary(PingResultSchema, create(PingResultSchema))));
    });
    using transport = openTransport("fast", server.url);
    await transport.unary(ping, undefined, undefined, undefined, {});
    const error = await failure(transport.unary(ping, undefined, undefined, { "x-die": "now" }, {}));
    expect(error).toMatchObject({ code: Code.Unavailable, rawMessage: expect.stringContaining("connection lost") });
    await transport.unary(ping, undefined, undefined, undefined, {});
  });

  test("GOAWAY lets running calls finish, and new calls use a new connection", async () => {
    let first: (() => void) | undefined;
    await using server = await RawGrpcServer.start((stream) => {
      const finish = () => {
        respond(stream);
        stream.end(envelope(toBinary(PingResultSchema, create(PingResultSchema))));
      };
      if (first === undefined) {
        first = finish;
        stream.session?.goaway(0);
      } else finish();
    });
    using transport = openTransport("fast", server.url);
    const running = transport.unary(ping, undefined, undefined, undefined, {});
    await until(() => first !== undefined);
    await server.roundTrip();
    await transport.unary(ping, undefined, undefined, undefined, {});
    expect(server.sessions.size).toBe(2);
    first?.();
    await running;
  });

  test("the connection has the configured flow-control windows", async () => {
    await using server = await RawGrpcServer.start((stream) => {
      respond(stream);
      stream.end(envelope(toBinary(PingResultSchema, create(PingResultSchema))));
    });
    using transport = openTransport("fast", server.url, { connectionWindowBytes: 3_000_000 });
    await transport.unary(ping, undefined, undefined, undefined, {});
    const [session] = server.sessions;
    expect(session?.remoteSettings.initialWindowSize).toBe(1024 * 1024);
    await until(() => (session?.state.remoteWindowSize ?? 0) >= 2_900_000);
  });
});

describe("connecting", () => {
  test("a refused connection is reported as unavailable, with its cause", async () => {
    const idle = createServer();
    idle.listen(0, "127.0.0.1");
    await once(idle, "listening");
    const { port } = idle.address() as AddressInfo;
    idle.close();
    using transport = openTransport("fast", `http://127.0.0.1:${port}`);
    const error = await failure(transport.unary(ping, undefined, undefined, undefined, {}));
    expect(error).toMatchObject({ code: Code.Unavailable, cause: { code: "ECONNREFUSED" } });
    expect(error.rawMessage).toContain("connection failed: connect ECONNREFUSED");
    expect((await failure(all(batchesOf(transport.open(subscribeToEvents, one(subscription)))))).code).toBe(
      Code.Unavailable,
    );
  });

  test("a connection to a silent server times out for all waiting calls", async () => {
    await using silent = await BareServer.start(); // a TLS handshake with it does not end
    const url = `https://${silent.address}`;
    using transport = openTransport("fast", url, { connectTimeoutMs: 150 });
    const started = Date.now();
    const calls = [1, 2, 3].map(() => failure(transport.unary(ping, undefined, undefined, undefined, {})));
    for (const error of await Promise.all(calls)) {
      expect(error.code).toBe(Code.Unavailable);
      expect(error.rawMessage).toBe(`no connection to ${url} within 150 ms`);
    }
    expect(Date.now() - started).toBeGreaterThanOrEqual(145);
  });

  test("an abort while connecting rejects at once and sends no request", async () => {
    await using silent = await BareServer.start(); // a TLS handshake with it does not end
    const url = `https://${silent.address}`;
    using transport = openTransport("fast", url, { connectTimeoutMs: 5_000 });
    const controller = new AbortController();
    const call = failure(transport.unary(ping, controller.signal, undefined, undefined, {}));
    const stream = batchesOf(transport.open(subscribeToEvents, one(subscription)));
    controller.abort(new ConnectError("never mind", Code.Canceled));
    expect((await call).rawMessage).toBe("never mind");
    stream.cancel();
    expect(await stream.next()).toEqual({ done: true, value: undefined });
    expect(getEventListeners(controller.signal, "abort")).toHaveLength(0);
  });

  test("an abort between the call and its stream resets the stream", async () => {
    await using server = await RawGrpcServer.start(() => {});
    using transport = openTransport("fast", server.url);
    const controller = new AbortController();
    const call = failure(transport.unary(ping, controller.signal, undefined, undefined, {}));
    controller.abort(new ConnectError("never mind", Code.Canceled));
    expect((await call).code).toBe(Code.Canceled);
    await until(() => server.rstCodes.length === 1);
    expect(server.rstCodes).toEqual([8]);
  });

  test("an unobserved rejection of a call does not end the process", async () => {
    using transport = openTransport("fast", "http://127.0.0.1:1");
    const unhandled: unknown[] = [];
    const onUnhandled = (reason: unknown) => unhandled.push(reason);
    process.on("unhandledRejection", onUnhandled);
    try {
      transport.open(subscribeToEvents, one(subscription));
      await failure(transport.unary(ping, undefined, undefined, undefined, {}));
      await settle();
      expect(unhandled).toEqual([]);
    } finally {
      process.off("unhandledRejection", onUnhandled);
    }
  });
});

describe("a stream", () => {
  test("a stream sends its request without waiting for headers", async () => {
    await using server = await RawGrpcServer.start(() => {});
    using transport = openTransport("fast", server.url);
    const source = transport.open(subscribeToEvents, one(subscription));
    await until(() => server.streams.size === 1);
    source.cancel();
    await until(() => server.rstCodes.length === 1);
    expect(server.rstCodes).toEqual([8]);
  });

  test("a stream yields the messages before an error, then the error, once", async () => {
    await using server = await RawGrpcServer.start((stream) => {
      respond(stream, { "grpc-status": "9", "grpc-message": "not now" });
      stream.write(event(1));
      stream.end(event(2));
    });
    using transport = openTransport("fast", server.url);
    const batches = batchesOf(transport.open(subscribeToEvents, one(subscription)));
    await until(() => server.streams.size === 0);
    const ids: string[] = [];
    const error = await failure(
      (async () => {
        for (;;) {
          const result = await batches.next();
          if (result.done === true) return;
          ids.push(...result.value.map((message) => message.EventID));
        }
      })(),
    );
    expect(error).toMatchObject({ code: Code.FailedPrecondition, rawMessage: "not now" });
    expect(ids).toEqual(["1", "2"]);
    expect(await batches.next()).toEqual({ done: true, value: undefined });
  });

  test("a stream resolves several waiting next() calls in order", async () => {
    await using server = await RawGrpcServer.start(async (stream, _, self) => {
      respond(stream);
      await self.roundTrip();
      stream.write(event(1));
      await self.roundTrip();
      stream.write(event(2));
      await self.roundTrip();
      stream.end();
    });
    using transport = openTransport("fast", server.url);
    const batches = batchesOf(transport.open(subscribeToEvents, one(subscription)));
    const results = await Promise.all([batches.next(), batches.next(), batches.next()]);
    expect(results.map(({ value }) => (value as EventReceive[] | undefined)?.map(({ EventID }) => EventID))).toEqual([
      ["1"],
      ["2"],
      undefined,
    ]);
  });

  test("an error of the request iterable ends the call", async () => {
    await using server = await RawGrpcServer.start((stream) => respond(stream));
    using transport = openTransport("fast", server.url);
    async function* broken() {
      yield { EventID: "1" };
      throw new Error("no more");
    }
    const response = await transport.stream(sendEventsStream, undefined, 0, undefined, broken());
    expect((await failure(all(response.message))).rawMessage).toBe("no more");
    await until(() => server.rstCodes.length === 1);
    expect(server.rstCodes).toEqual([8]);
  });

  test("the end of the call returns an unfinished request iterable", async () => {
    await using server = await RawGrpcServer.start((stream) => {
      respond(stream);
      stream.end();
    });
    using transport = openTransport("fast", server.url);
    const log: string[] = [];
    const requests = {
      [Symbol.asyncIterator]: () => ({
        next: () => new Promise<IteratorResult<{ EventID: string }>>(() => {}),
        return: async () => {
          log.push("return");
          return { done: true as const, value: undefined };
        },
      }),
    };
    const response = await transport.stream(sendEventsStream, undefined, 0, undefined, requests);
    await all(response.message);
    expect(log).toEqual(["return"]);
    await until(() => server.streams.size === 0);
  });

  test("the end of the call rejects messages that the uplink still holds", async () => {
    let end = () => {};
    await using server = await RawGrpcServer.start((stream) => {
      respond(stream, { "grpc-status": "14", "grpc-message": "bye" });
      end = () => stream.end();
    });
    using transport = openTransport("fast", server.url);
    const uplink = new Uplink<{ Body: Uint8Array }>(1);
    const response = batchesOf(transport.open(sendEventsStream, uplink));
    await until(() => server.streams.size === 1);
    // The server does not read: its window and our buffer fill, and senders wait.
    const sends = Array.from({ length: 10 }, () => uplink.send({ Body: new Uint8Array(1_000_000) }));
    await server.roundTrip();
    end();
    expect(sends.at(-1)).toBeDefined();
    const outcomes = Promise.allSettled(sends.map((send) => send ?? Promise.resolve()));
    expect((await failure(all(response))).code).toBe(Code.Unavailable);
    expect((await outcomes).at(-1)?.status).toBe("rejected");
    await expect(uplink.send({ Body: new Uint8Array(1) })).rejects.toThrow("bye");
  });

  test("closing the uplink sends every message first", async () => {
    const received: string[] = [];
    await using server = await RawGrpcServer.start((stream) => {
      respond(stream);
      onMessages(stream, (bytes) => received.push(fromBinary(EventSchema, bytes).EventID));
      stream.on("end", () => stream.end());
    });
    using transport = openTransport("fast", server.url);
    const uplink = new Uplink<{ EventID: string; Body: Uint8Array }>(4);
    const response = await transport.stream(sendEventsStream, undefined, 0, undefined, uplink);
    for (let i = 0; i < 300; i++)
      void uplink.send({ EventID: `${i}`, Body: new Uint8Array(i % 3 === 0 ? 20_000 : 10) });
    uplink.close();
    await all(response.message);
    expect(received).toEqual(Array.from({ length: 300 }, (_, i) => `${i}`));
  });

  test("a message above the size limit rejects its own send, and the call continues", async () => {
    const received: string[] = [];
    await using server = await RawGrpcServer.start((stream) => {
      respond(stream);
      onMessages(stream, (bytes) => received.push(fromBinary(EventSchema, bytes).EventID));
      stream.on("end", () => stream.end());
    });
    using transport = openTransport("fast", server.url, { writeMaxBytes: 1000 });
    const uplink = new Uplink<{ EventID: string; Body?: Uint8Array }>();
    const response = batchesOf(transport.open(sendEventsStream, uplink));
    await until(() => server.streams.size === 1);
    await expect(uplink.send({ EventID: "big", Body: new Uint8Array(2000) })).rejects.toMatchObject({
      code: Code.ResourceExhausted,
    });
    expect(uplink.send({ EventID: "small" })).toBeUndefined();
    uplink.close();
    await all(response);
    expect(received).toEqual(["small"]);
  });
});

describe("flow control", () => {
  test.each([
    ["16-byte messages", 11, 400_000],
    ["64 KiB messages", 65_500, 400],
  ])("a reader that stops reading bounds the buffered data: %s", async (_name, size, count) => {
    let sent = 0;
    await using server = await RawGrpcServer.start((stream) => {
      respond(stream);
      const bytes = event("x", size);
      const write = () => {
        while (sent < count) {
          sent++;
          if (!stream.write(bytes)) {
            stream.once("drain", write);
            return;
          }
        }
        stream.end();
      };
      write();
    });
    using transport = openTransport("fast", server.url);
    const messages = batchesOf(transport.open(subscribeToEvents, one(subscription)));
    await until(() => sent > 0);
    let before = -1;
    while (sent !== before) {
      before = sent;
      await server.roundTrip();
    }
    // What we hold, a window, and what the two sockets hold.
    expect(sent * (size + 10)).toBeLessThan(8 * 1024 * 1024);
    expect(sent).toBeLessThan(count);
    let received = 0;
    for await (const batch of messages) received += batch.length;
    expect(received).toBe(count);
  });

  test("two readers that stop reading do not delay a third call", async () => {
    await using server = await RawGrpcServer.start((stream, headers) => {
      respond(stream);
      if (headers[":path"]?.endsWith("Ping") === true) {
        stream.end(envelope(toBinary(PingResultSchema, create(PingResultSchema))));
        return;
      }
      const bytes = event("x", 60_000);
      const write = () => {
        while (!stream.destroyed)
          if (!stream.write(bytes)) {
            stream.once("drain", write);
            return;
          }
      };
      write();
    });
    using transport = openTransport("fast", server.url);
    for (let reader = 0; reader < 3; reader++) batchesOf(transport.open(subscribeToEvents, one(subscription)));
    await until(() => server.streams.size === 3);
    await server.roundTrip();
    const { message } = await transport.unary(ping, undefined, 2_000, undefined, {});
    expect(message.$typeName).toBe(PingResultSchema.typeName);
  });
});

describe("deadlines of calls", () => {
  test("a call has no deadline for 0, undefined and NaN", () => {
    expect([undefined, 0, -1, NaN].map((value) => deadlineOf(value))).toEqual([
      undefined,
      undefined,
      undefined,
      undefined,
    ]);
  });

  test("a deadline is limited to the longest timer and to eight digits", () => {
    expect(deadlineOf(2 ** 40)).toBe(2 ** 31 - 1);
    expect(deadlineOf(Infinity)).toBe(2 ** 31 - 1);
    expect(grpcTimeout(99_999_999)).toBe("99999999m");
    expect(grpcTimeout(100_000_000)).toBe("100000S");
    expect(grpcTimeout(2 ** 31 - 1)).toBe("2147483S");
  });
});
