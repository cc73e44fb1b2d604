import { create, toBinary } from "@bufbuild/protobuf";
import { expect, test } from "@jest/globals";
import { once } from "node:events";
import { connect } from "node:http2";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { queryObjects, setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { EventReceiveSchema, kubemq } from "kubemq-es/gen";
import { batchesOf } from "../../src/transport/index.js";
import { openTransport } from "../support/calls.js";
import { envelope, RawGrpcServer, respond } from "../support/raw-grpc-server.js";

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

async function external(): Promise<number> {
  for (let i = 0; i < 4; i++) {
    collectGarbage();
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return process.memoryUsage().arrayBuffers;
}

const event = (size: number) =>
  envelope(toBinary(EventReceiveSchema, create(EventReceiveSchema, { EventID: "x", Body: new Uint8Array(size) })));

async function* subscription() {
  yield { Channel: "c" };
}

/** Receives so many events of a size on a stream that stays open, and gives those of them that are to be kept. */
async function receive(
  size: number,
  count: number,
  keep: number,
  then: (kept: object[]) => Promise<void>,
): Promise<void> {
  await using server = await RawGrpcServer.start((stream) => {
    respond(stream);
    const bytes = event(size);
    let sent = 0;
    const write = () => {
      while (sent < count) {
        sent++;
        if (!stream.write(bytes)) {
          stream.once("drain", write);
          return;
        }
      }
    };
    write();
  });
  using transport = openTransport("fast", server.url);
  const response = await transport.stream(kubemq.method.subscribeToEvents, undefined, 0, undefined, subscription());
  const batches = batchesOf(response.message)[Symbol.asyncIterator]();
  const kept: object[] = [];
  for (let received = 0; received < count;) {
    const result = await batches.next();
    if (result.done === true) throw new Error("ended early");
    for (const message of result.value) if (received++ % keep === 0) kept.push(message);
  }
  await then(kept);
  await batches.return?.();
}

test("nothing of what was received stays when its messages are gone, though the stream is open", async () => {
  const before = await external();
  await receive(20_000, 2_000, 2_001, async () => {
    // 40 MB went through.
    expect((await external()) - before).toBeLessThan(3_000_000);
  });
});

test("a small message that is kept does not keep the chunk it came in", async () => {
  const before = await external();
  await receive(200, 20_000, 100, async (kept) => {
    expect(kept).toHaveLength(200);
    // Views would keep a chunk for each of them: all of the 4 MB. Copies share slabs of 8 KiB.
    expect((await external()) - before).toBeLessThan(2_000_000);
  });
});

test("a connection that ends before the server's first word is collected", async () => {
  await using server = await silentServer();
  using transport = openTransport("fast", server.url);
  const session = connect(server.url).on("error", () => {});
  await once(session, "close");
  await external();
  // Other suites of this process may have left some.
  const before = queryObjects(session.constructor, { format: "count" });
  for (let i = 0; i < 40; i++) {
    await expect(transport.unary(kubemq.method.ping, undefined, 5_000, undefined, {})).rejects.toThrow("connection");
  }
  let left = Infinity;
  for (let i = 0; i < 10 && left > before + 10; i++) {
    await external();
    left = queryObjects(session.constructor, { format: "count" });
  }
  expect(left).toBeLessThanOrEqual(before + 10);
});

/** Accepts connections, and ends them as soon as the client has said something. */
async function silentServer(): Promise<AsyncDisposable & { readonly url: string }> {
  const server = createServer((socket) => socket.on("error", () => {}).once("data", () => socket.destroy()));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      server.close();
      await once(server, "close");
    },
  };
}

test("a decoded message can be collected while its stream lives", async () => {
  const collected: number[] = [];
  const registry = new FinalizationRegistry((n: number) => collected.push(n));
  await receive(5_000, 50, 1, async (kept) => {
    for (const [n, message] of kept.entries()) registry.register(message, n);
    kept.length = 0;
    for (let i = 0; i < 50 && collected.length < 45; i++) await external();
    expect(collected.length).toBeGreaterThanOrEqual(45);
  });
});
