import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { KubeMQClient, type Status } from "kubemq-es";
import { startBroker, type Broker } from "kubemq-es/testing";
import { TcpProxy } from "../support/tcp-proxy.js";
import { sleep, until } from "../support/until.js";

let broker: Broker;
let proxy: TcpProxy;

beforeAll(async () => {
  broker = await startBroker();
  proxy = await TcpProxy.start(broker.port);
});

afterAll(async () => {
  await proxy[Symbol.asyncDispose]();
  await broker.close();
});

/** The server is up for 200 ms and down for 300 ms, again and again, so that no connection lives long. */
async function flap(rounds: number): Promise<void> {
  for (let round = 0; round < rounds; round++) {
    await sleep(200);
    proxy.refuse();
    proxy.reset();
    await sleep(300);
    await proxy.accept();
  }
}

test("a loop on a flapping server makes a bounded number of attempts, leaks no stream or connection, and recovers", async () => {
  const client = new KubeMQClient({
    address: proxy.address,
    reconnect: { initialDelayMs: 50, maxDelayMs: 400 },
    connectTimeoutMs: 500,
  });
  const statuses: Status[] = [];
  const watching = (async () => {
    for await (const status of client.status()) statuses.push(status);
  })();
  await using store = client.eventsStore.subscribe({ channel: "flap", start: { from: "first" } });
  const seen: bigint[] = [];
  const loop = (async () => {
    for await (const event of store) seen.push(event.sequence);
  })();
  // Stored by a client whose connection is good.
  await using writer = await KubeMQClient.connect({ address: broker.address });
  const rounds = 20;
  const flapping = flap(rounds);
  for (let n = 0; n < 400; n++) {
    await writer.eventsStore.publish({ channel: "flap", body: String(n) });
    await sleep(20);
  }
  await flapping;
  await until("the loop has seen everything", () => seen.length >= 400, 20_000);
  expect(seen).toEqual(Array.from({ length: 400 }, (_, n) => BigInt(n + 1)));

  const attempts = statuses.filter(({ type }) => type === "retry").length;
  expect(attempts).toBeGreaterThan(5);
  // At least half of the initial delay lies between two attempts on average: no storm.
  expect(proxy.accepted).toBeLessThanOrEqual(rounds * 10);
  await until("one connection is left of all", () => proxy.open <= 1);
  await until("one stream is left of all", () => (broker.stats().streams["SubscribeToEvents"] ?? 0) === 1);
  await until("the client says so", () => client.state === "ready");
  await client.close();
  await Promise.all([loop, watching]);
}, 60_000);
