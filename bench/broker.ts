/**
 * Measures the time and the memory of one queue message in the embedded broker. Sends, receives and
 * acknowledges the given number of messages in one process. The cost per message must not depend on
 * that number.
 *
 *     npm run bench:broker -- [messages, default 1000000]
 */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { createClient, type Client } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import {
  kubemq,
  QueuesDownstreamRequestType,
  type QueuesDownstreamRequestSchema,
  type QueuesUpstreamRequestSchema,
} from "../gen/kubemq_pb.js";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { startBroker, systemClock } from "../src/broker/index.js";
import { collect } from "../src/broker/queues/calls/collect.js";
import { QueueStore } from "../src/broker/queues/model/store.js";
import { Transaction } from "../src/broker/queues/calls/transaction.js";

const batch = 1000;
const body = new Uint8Array(100).fill(120);
const signal = new AbortController().signal;

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

interface Figures {
  readonly microseconds: { send: number; consume: number };
  readonly bytes: { kept: number; left: number };
}

async function memory(): Promise<number> {
  collectGarbage();
  // Node.js releases buffers in the background.
  await new Promise((resolve) => setTimeout(resolve, 100));
  collectGarbage();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

/** Runs both halves, and measures the memory before, between and after. */
async function measure(count: number, send: () => Promise<void>, consume: () => Promise<void>): Promise<Figures> {
  const before = await memory();
  const microseconds = { send: await time(count, send), consume: 0 };
  const full = await memory();
  microseconds.consume = await time(count, consume);
  const bytes = { kept: (full - before) / count, left: Math.max(0, (await memory()) - before) };
  return { microseconds, bytes };
}

async function time(count: number, run: () => Promise<void>): Promise<number> {
  const start = process.hrtime.bigint();
  await run();
  return Number(process.hrtime.bigint() - start) / 1000 / count;
}

/** The queue store alone: no socket, no protobuf. */
function model(count: number): Promise<Figures> {
  const store = new QueueStore(systemClock, { maxMessages: Infinity, maxAgeMs: 86_400_000 });
  const policy = { expirationSeconds: 0, maxReceiveCount: 1024, maxReceiveQueue: "" };
  return measure(
    count,
    async () => {
      for (let number = 0; number < count; number++) {
        const content = {
          messageId: `m${number}`,
          clientId: "bench",
          metadata: "",
          body: Buffer.from(body),
          tags: {},
          policy,
          partitioning: undefined,
          size: body.length,
        };
        store.send("q", content, 0);
      }
    },
    async () => {
      const queue = store.queue("q");
      for (let got = 0; got < count;) {
        const wish = { count: Math.min(batch, count - got), countExpired: true, waitMs: 1000 };
        const { messages } = await collect(queue, wish, systemClock, signal);
        const transaction = new Transaction(store, queue, messages);
        transaction.ack(transaction.offsets);
        got += messages.length;
      }
    },
  );
}

/** Over a socket, in batches of {@link batch}: QueuesUpstream, then QueuesDownstream and AckAll. */
async function socket(count: number): Promise<Figures> {
  await using broker = await startBroker();
  const client = createClient(kubemq, createGrpcTransport({ baseUrl: `http://${broker.address}` }));
  return await measure(
    count,
    () => sendAll(client, count),
    () => consumeAll(client, count),
  );
}

async function sendAll(client: Client<typeof kubemq>, count: number): Promise<void> {
  let sent = 0;
  const request = (): MessageInitShape<typeof QueuesUpstreamRequestSchema> => ({
    RequestID: "r",
    Messages: Array.from({ length: Math.min(batch, count - sent) }, () => ({
      MessageID: `m${sent++}`,
      ClientID: "bench",
      Channel: "q",
      Body: body,
    })),
  });
  const requests = requestStream<MessageInitShape<typeof QueuesUpstreamRequestSchema>>();
  const abort = new AbortController();
  requests.send(request());
  for await (const response of client.queuesUpstream(requests.stream, { signal: abort.signal })) {
    if (response.Results.some(({ IsError }) => IsError)) throw new Error("a message was refused");
    if (sent === count) break;
    requests.send(request());
  }
  abort.abort();
}

async function consumeAll(client: Client<typeof kubemq>, count: number): Promise<void> {
  let got = 0;
  const requests = requestStream<MessageInitShape<typeof QueuesDownstreamRequestSchema>>();
  const get = () => {
    requests.send({
      ClientID: "bench",
      RequestTypeData: QueuesDownstreamRequestType.Get,
      Channel: "q",
      MaxItems: Math.min(batch, count - got),
    });
  };
  const abort = new AbortController();
  get();
  for await (const response of client.queuesDownstream(requests.stream, { signal: abort.signal })) {
    if (response.RequestTypeData === QueuesDownstreamRequestType.ActiveOffsets) break;
    got += response.Messages.length;
    const { TransactionId: RefTransactionId } = response;
    requests.send({ RequestTypeData: QueuesDownstreamRequestType.AckAll, RefTransactionId });
    if (got < count) get();
    // The server does not confirm an ack. The answer to the next request shows that it was
    // processed.
    else requests.send({ RequestTypeData: QueuesDownstreamRequestType.ActiveOffsets, RefTransactionId });
  }
  abort.abort();
}

/** A request stream to which items can be added at any time; they are sent in order. */
function requestStream<T>(): { send(item: T): void; stream: AsyncIterable<T> } {
  const items: T[] = [];
  let wake = () => {};
  return {
    send(item) {
      items.push(item);
      wake();
    },
    stream: {
      async *[Symbol.asyncIterator]() {
        for (;;) {
          const next = items.shift();
          if (next !== undefined) yield next;
          else await new Promise<void>((resolve) => (wake = resolve));
        }
      },
    },
  };
}

const asked = Number(process.argv[2] ?? 1_000_000);
if (!Number.isInteger(asked) || asked < 1) {
  console.error("usage: npm run bench:broker -- [messages]");
  process.exit(2);
}

console.log("          messages   send µs  take+ack µs   messages/s   bytes kept each   MB left");
for (const [name, run] of [
  ["model", model],
  ["socket", socket],
] as const) {
  // Warms up: compilation is not measured.
  await run(5000);
  for (const count of [10_000, 100_000, asked].filter((count, at) => at === 2 || count < asked)) {
    const { microseconds, bytes } = await run(count);
    const { send, consume } = microseconds;
    console.log(
      [
        name.padEnd(8),
        count.toLocaleString("en").padStart(10),
        send.toFixed(2).padStart(9),
        consume.toFixed(2).padStart(12),
        Math.round(1e6 / (send + consume))
          .toLocaleString("en")
          .padStart(12),
        bytes.kept.toFixed(0).padStart(17),
        (bytes.left / 1e6).toFixed(1).padStart(9),
      ].join(""),
    );
  }
}
console.log(`largest resident size: ${(process.resourceUsage().maxRSS / 1000).toFixed(0)} MB`);
