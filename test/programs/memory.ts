import { create, toBinary } from "@bufbuild/protobuf";
import { once } from "node:events";
import { connect } from "node:http2";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { queryObjects } from "node:v8";
import { EventReceiveSchema, kubemq } from "kubemq-es/gen";
import { batchesOf } from "../../src/transport/index.js";
import { openTransport } from "../support/calls.js";
import { envelope, RawGrpcServer, respond } from "../support/raw-grpc-server.js";

/**
 * `memory.ts SCENARIO` prints, as JSON, what the scenario leaves in memory. In a process of its own, because the heap of a
 * jest worker is so large that a collection takes seconds on a busy machine.
 */
const collectGarbage = globalThis.gc;
if (collectGarbage === undefined) throw new Error("needs --expose-gc");

/** Collects, and lets finalizers and closed handles run in between. */
async function collect(): Promise<void> {
  for (let turn = 0; turn < 4; turn++) {
    collectGarbage?.();
    await new Promise((resolve) => setImmediate(resolve));
  }
}

async function externalBytes(): Promise<number> {
  await collect();
  return process.memoryUsage().arrayBuffers;
}

const event = (size: number) =>
  envelope(toBinary(EventReceiveSchema, create(EventReceiveSchema, { EventID: "x", Body: new Uint8Array(size) })));

async function* subscription() {
  yield { Channel: "c" };
}

interface Received {
  readonly size: number;
  readonly count: number;
  /** One of this many messages is kept. */
  readonly keepOneOf: number;
}

/** Receives messages on a stream that stays open while `then` looks at memory. */
async function receive<T>({ size, count, keepOneOf }: Received, then: (kept: object[]) => Promise<T>): Promise<T> {
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
  const batches = batchesOf(transport.open(kubemq.method.subscribeToEvents, subscription()));
  const kept: object[] = [];
  for (let received = 0; received < count;) {
    const result = await batches.next();
    if (result.done === true) throw new Error("ended early");
    for (const message of result.value) if (received++ % keepOneOf === 0) kept.push(message);
  }
  const result = await then(kept);
  await batches.return?.();
  return result;
}

/** Accepts connections, and ends them as soon as the client has said something. */
async function startSilentServer(): Promise<AsyncDisposable & { readonly url: string }> {
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

const scenarios: Record<string, () => Promise<object>> = {
  "messages that are gone": async () => {
    const before = await externalBytes();
    return receive({ size: 20_000, count: 2_000, keepOneOf: 2_001 }, async () => ({
      bytes: (await externalBytes()) - before,
    }));
  },
  "small messages that are kept": async () => {
    const before = await externalBytes();
    return receive({ size: 200, count: 20_000, keepOneOf: 100 }, async (kept) => ({
      bytes: (await externalBytes()) - before,
      kept: kept.length,
    }));
  },
  "connections that end before the first byte of the server": async () => {
    await using server = await startSilentServer();
    using transport = openTransport("fast", server.url);
    const session = connect(server.url).on("error", () => {});
    await once(session, "close");
    const errors = new Set<string>();
    for (let call = 0; call < 40; call++) {
      try {
        await transport.unary(kubemq.method.ping, undefined, 5_000, undefined, {});
      } catch (error) {
        errors.add(String(error));
      }
    }
    await collect();
    return { errors: [...errors], sessions: queryObjects(session.constructor, { format: "count" }) };
  },
  "decoded messages while their stream is open": async () => {
    const collected: number[] = [];
    const registry = new FinalizationRegistry((index: number) => collected.push(index));
    return receive({ size: 5_000, count: 50, keepOneOf: 1 }, async (kept) => {
      for (const [index, message] of kept.entries()) registry.register(message, index);
      kept.length = 0;
      for (let turn = 0; turn < 50 && collected.length < 45; turn++) await collect();
      return { collected: collected.length };
    });
  },
};

const scenario = scenarios[process.argv[2] ?? ""];
if (scenario === undefined) throw new Error(`no such scenario: ${process.argv[2]}`);
console.log(JSON.stringify(await scenario()));
