/**
 * Measures queues as ratios within one run, with the broker in a separate process:
 *
 * - latency from `send` to the loop's body on an idle queue, relative to the round trip of a ping
 * - rate of draining a backlog with confirmed acks, relative to acknowledgement on delivery
 *
 *     npm run bench:queues -- [messages, default 100000]
 */
import { forEachConcurrent, KubeMQClient } from "../src/index.js";
import { BrokerProcess } from "../test/support/broker-process.js";

const messages = Number(process.argv[2] ?? 100_000);
const body = new Uint8Array(100).fill(120);
const prefetch = 256;

await using broker = await BrokerProcess.start();
await using client = await KubeMQClient.connect({ address: broker.address });

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** The median of the values that `run` returns, in milliseconds. The first quarter warms up. */
async function median(count: number, run: () => Promise<number>): Promise<number> {
  const took: number[] = [];
  for (let n = 0; n < count; n++) {
    took.push(await run());
    await sleep(2); // the queue becomes idle: the ack is processed and the poll waits
  }
  const warm = took.slice(count >> 2).sort((a, b) => a - b);
  return warm[warm.length >> 1] ?? NaN;
}

async function latency(prefetch: number): Promise<number> {
  const channel = `latency.${prefetch}`;
  const stop = new AbortController();
  let arrived = () => {};
  const loop = (async () => {
    for await (const job of client.queues.consume({ channel, prefetch }, { signal: stop.signal })) {
      arrived();
      await job.ack();
    }
  })();
  const ms = await median(600, async () => {
    const arrival = new Promise<void>((resolve) => (arrived = resolve));
    const from = performance.now();
    const sent = client.queues.send({ channel, body });
    await arrival;
    const took = performance.now() - from;
    await sent;
    return took;
  });
  stop.abort();
  await loop;
  return ms;
}

/** Messages per second, from a full queue to an empty one. */
async function rate(channel: string, drain: (channel: string) => Promise<void>): Promise<number> {
  {
    await using publisher = client.queues.publisher();
    for (let from = 0; from < messages; from += 1_000) {
      await publisher.send(Array.from({ length: Math.min(1_000, messages - from) }, () => ({ channel, body })));
    }
  }
  const from = performance.now();
  await drain(channel);
  const perSecond = Math.round((messages / (performance.now() - from)) * 1_000);
  const left = (await client.queues.peek({ channel })).length;
  if (left > 0) throw new Error(`${channel}: messages were left`);
  return perSecond;
}

const drains: Record<string, (channel: string) => Promise<void>> = {
  async "on delivery"(channel) {
    let left = messages;
    for await (const _ of client.queues.consume({ channel, prefetch, settle: "on-delivery" })) if (--left === 0) break;
  },
  async "confirmed, awaited at the end"(channel) {
    const acks: Promise<void>[] = [];
    for await (const job of client.queues.consume({ channel, prefetch })) if (acks.push(job.ack()) === messages) break;
    await Promise.all(acks);
  },
  async "confirmed, 256 bodies at once"(channel) {
    let left = messages;
    const stop = new AbortController();
    await forEachConcurrent(
      client.queues.consume({ channel, prefetch }, { signal: stop.signal }),
      prefetch,
      async (job) => {
        await job.ack();
        if (--left === 0) stop.abort();
      },
    );
  },
};

const ping = await median(600, async () => {
  const from = performance.now();
  await client.ping();
  return performance.now() - from;
});
console.log(`ping: ${ping.toFixed(2)} ms`);
for (const prefetch of [1, 32]) {
  const ms = await latency(prefetch);
  console.log(
    `send to body, prefetch ${prefetch}: ${ms.toFixed(2)} ms, ${(ms / ping).toFixed(2)} of a ping (at most 3)`,
  );
}
let onDelivery = 0;
for (const [name, drain] of Object.entries(drains)) {
  for (let round = 1; round <= 2; round++) {
    const perSecond = await rate(`${name.replaceAll(/\W+/g, "-")}.${round}`, drain);
    if (name === "on delivery") onDelivery = Math.max(onDelivery, perSecond);
    console.log(
      `${name}: ${perSecond} messages/s, ${(perSecond / onDelivery).toFixed(2)} of on delivery (at least 0.5)`,
    );
  }
}
