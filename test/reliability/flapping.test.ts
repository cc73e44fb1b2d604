import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { KubeMQClient, type Status } from "kubemq-es";
import { startBroker, type Broker } from "kubemq-es/testing";
import { TcpProxy } from "../support/tcp-proxy.js";
import { until } from "../support/until.js";

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

test("a loop on a flapping server makes a bounded number of attempts, leaks no stream or connection, and recovers", async () => {
  const client = new KubeMQClient({
    address: proxy.address,
    reconnect: { initialDelayMs: 5, maxDelayMs: 40 },
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
  // Stored by a client with a stable connection.
  await using writer = await KubeMQClient.connect({ address: broker.address });
  const rounds = 20;
  const retries = () => statuses.filter(({ type }) => type === "retry").length;
  let stored = 0;
  for (let round = 0; round < rounds; round++) {
    for (let n = 0; n < 10; n++) await writer.eventsStore.publish({ channel: "flap", body: String(++stored) });
    // The server stops alternately in the middle of its messages and before its first message.
    if (round % 2 === 0) await until("the loop has received something", () => seen.length > stored - 10);
    else await until("a connection is open", () => proxy.open > 0);
    const before = retries();
    proxy.refuse();
    proxy.reset();
    await until("two attempts have failed", () => retries() >= before + 2);
    await proxy.accept();
  }
  await until("the loop has seen everything", () => seen.length >= stored);
  expect(seen).toEqual(Array.from({ length: stored }, (_, n) => BigInt(n + 1)));
  // One connection per round, and occasionally one that the server closed before it was used.
  expect(proxy.accepted).toBeGreaterThanOrEqual(rounds);
  expect(proxy.accepted).toBeLessThanOrEqual(rounds * 3);
  await until("one connection is left of all", () => proxy.open <= 1);
  await until("one stream is left of all", () => (broker.stats().streams["SubscribeToEvents"] ?? 0) === 1);
  await until("the client says so", () => client.state === "ready");
  await client.close();
  await Promise.all([loop, watching]);
});
