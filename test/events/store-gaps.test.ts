import { expect, test } from "@jest/globals";
import { KubeMQClient, type Status } from "kubemq-es";
import { startBroker } from "kubemq-es/testing";
import { TcpProxy } from "../support/tcp-proxy.js";
import { SkippingClock } from "../support/skipping-clock.js";
import { until, within } from "../support/until.js";
import { withBroker } from "../support/with-broker.js";

async function statusesOf(client: KubeMQClient, type: Status["type"]): Promise<Status[]> {
  const all: Status[] = [];
  void (async () => {
    for await (const status of client.status()) if (status.type === type) all.push(status);
  })();
  return all;
}

const upTo = (last: number, first = 1) => Array.from({ length: last - first + 1 }, (_, index) => BigInt(first + index));

const body = new Uint8Array(20_000);

async function store(client: KubeMQClient, count: number): Promise<void> {
  await using publisher = client.eventsStore.publisher();
  await publisher.publishAll(Array.from({ length: count }, () => ({ channel: "c", body })));
}

// Guards: `attempt.renew()` for a gap in src/events/store-plans.ts.
test("a store subscription recovers events that the server dropped because the loop is slow", async () => {
  const clock = new SkippingClock();
  await using broker = await startBroker({ slowConsumerMs: 2_000, clock: clock.forBroker });
  await using client = await KubeMQClient.connect({ address: broker.address });
  const gaps = await statusesOf(client, "gap");
  await store(client, 1_200);
  const seen: bigint[] = [];
  let more: Promise<void> | undefined;
  for await (const { sequence } of client.eventsStore.subscribe({ channel: "c", start: { from: "first" } })) {
    seen.push(sequence);
    if (sequence === 1n) {
      await clock.pass(50_000); // the server drops about 25
      more = store(client, 300);
    }
    if (sequence === 1_500n) break;
  }
  await more;
  expect(seen).toEqual(upTo(1_500));
  expect(gaps.length).toBeGreaterThan(0);
  expect(gaps[0]).toMatchObject({ type: "gap", channel: "c", lost: false });
});

// How that is noticed, step by step: wire.test.ts.
test("a store subscription recovers trailing events dropped by the server, without later events", async () => {
  const clock = new SkippingClock();
  await using broker = await startBroker({ slowConsumerMs: 2_000, clock: clock.forBroker });
  await using client = await KubeMQClient.connect({ address: broker.address });
  await store(client, 700); // about 450 fit into the buffers between server and loop
  const subscription = client.eventsStore.subscribe({ channel: "c", start: { from: "first" } });
  const seen: bigint[] = [];
  const loop = (async () => {
    for await (const { sequence } of subscription) {
      seen.push(sequence);
      if (sequence === 1n) await clock.pass(600_000); // the server drops all others
      if (sequence === 700n) break;
    }
  })();
  await within(15_000, "the last event", loop);
  expect(seen).toEqual(upTo(700));
}, 30_000);

/** A subscriber behind a proxy, which can be disconnected while another client works. */
async function away() {
  const broker = await startBroker();
  const proxy = await TcpProxy.start(broker.port);
  const reconnect = { initialDelayMs: 5, maxDelayMs: 20 };
  const client = await KubeMQClient.connect({ address: proxy.address, reconnect });
  const other = await KubeMQClient.connect({ address: broker.address, reconnect });
  return {
    broker,
    client,
    other,
    async while(work: () => Promise<void>) {
      proxy.refuse();
      proxy.reset();
      await until("the subscriber is away", () => client.state === "reconnecting");
      await work();
      await proxy.accept();
    },
    async [Symbol.asyncDispose]() {
      await client.close();
      await other.close();
      await proxy[Symbol.asyncDispose]();
      await broker.close();
    },
  };
}

test("a store subscription reports events that were removed while it was disconnected, and continues", async () => {
  await using world = await away();
  const { broker, client, other } = world;
  const gaps = await statusesOf(client, "gap");
  const resumed = await statusesOf(client, "resumed");
  await store(other, 10);
  const seen: bigint[] = [];
  for await (const { sequence } of client.eventsStore.subscribe({ channel: "c", start: { from: "first" } })) {
    seen.push(sequence);
    if (sequence === 10n) {
      await world.while(async () => {
        await store(other, 10);
        broker.purgeEvents("c", 15n);
      });
    }
    if (sequence === 20n) break;
  }
  expect(seen).toEqual([...upTo(10), ...upTo(20, 16)]);
  const gap = { type: "gap", channel: "c", expected: 11n, received: 16n };
  expect(gaps).toEqual([false, false, false, true].map((lost) => ({ ...gap, lost })));
  expect(resumed).toMatchObject([{ type: "resumed", channel: "c", kind: "eventsStore", afterSequence: 10n }]);
});

test("a store subscription delivers events stored while it was disconnected, also after a start with new events", async () => {
  await using world = await away();
  const { client, other } = world;
  await store(other, 10);
  const subscription = client.eventsStore.subscribe({ channel: "c", start: { from: "new" } });
  await subscription.ready;
  await world.while(() => store(other, 10)); // before any event has arrived
  const seen: bigint[] = [];
  for await (const { sequence } of subscription) {
    seen.push(sequence);
    if (sequence === 15n) await world.while(() => store(other, 10)); // with five events in the buffer
    if (sequence === 30n) break;
  }
  expect(seen).toEqual(upTo(30, 11));
});

test("a store subscription requests a purged start sequence three times, reports the gap, and continues with the oldest event", () =>
  withBroker(async ({ broker, client }) => {
    const gaps = await statusesOf(client, "gap");
    await store(client, 10);
    broker.purgeEvents("c", 6n);
    const seen: bigint[] = [];
    const start = { from: "sequence", sequence: 3 } as const;
    for await (const { sequence } of client.eventsStore.subscribe({ channel: "c", start })) {
      seen.push(sequence);
      if (sequence === 10n) break;
    }
    expect(seen).toEqual([7n, 8n, 9n, 10n]);
    const gap = { type: "gap", channel: "c", expected: 3n, received: 7n };
    expect(gaps).toEqual([false, false, false, true].map((lost) => ({ ...gap, lost })));
  }));

test.each([
  { state: "is shorter than before", stored: 20 },
  { state: "is as long as before", stored: 50 },
  { state: "has passed the last received event", stored: 70 },
])("a store subscription that returns when the restarted channel $state misses no event", async ({ stored }) => {
  await using world = await away();
  const { broker, client, other } = world;
  const gaps = await statusesOf(client, "gap");
  await store(other, 50);
  const seen: bigint[] = [];
  for await (const { sequence } of client.eventsStore.subscribe({ channel: "c", start: { from: "first" } })) {
    if (seen.push(sequence) === 50) {
      await world.while(async () => {
        await broker.faults.restart({ keepMemory: false });
        const back = () =>
          other.ping().then(
            () => true,
            () => false,
          );
        await until("the other client is back", back);
        await store(other, stored);
      });
      await until("the subscriber is back", () => broker.stats().streams["SubscribeToEvents"] === 1);
      await store(other, 20);
    }
    if (seen.length > 50 && sequence === BigInt(stored + 20)) break;
  }
  expect(seen).toEqual([...upTo(50), ...upTo(stored + 20)]);
  const received = BigInt(Math.min(50, stored + 1));
  expect(gaps[0]).toMatchObject({ type: "gap", expected: 51n, received, lost: false });
});
