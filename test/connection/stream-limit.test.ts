import { expect, test } from "@jest/globals";
import { type EventMessage, KubeMQClient, type Status } from "kubemq-es";
import { startBroker } from "kubemq-es/testing";
import { limitingProxy } from "../support/limiting-proxy.js";
import { TcpProxy } from "../support/tcp-proxy.js";
import { until } from "../support/until.js";

// Server, proxy and client share one event loop: on a busy machine an answer can take a second.
const keepalive = { intervalMs: 200, timeoutMs: 3_000 };

/** `connections`: enough for the subscriptions. Sends and pings use streams in reserve there. Concurrent: each waits for seconds of silence. */
test.concurrent.each([
  { limit: 5, subscriptions: 3, connections: 1 },
  { limit: 5, subscriptions: 4, connections: 1 },
  { limit: 5, subscriptions: 5, connections: 2 },
  { limit: 5, subscriptions: 12, connections: 3 },
  { limit: 2, subscriptions: 4, connections: 4 },
  { limit: 1, subscriptions: 3, connections: 5 },
  { limit: 20, subscriptions: 40, connections: 3 },
])(
  "$subscriptions subscriptions work beside calls where a connection may have $limit streams",
  async ({ limit, subscriptions, connections }) => {
    await using broker = await startBroker();
    await using proxy = await limitingProxy(broker.address, limit);
    await using client = await KubeMQClient.connect({ address: `127.0.0.1:${proxy.port}`, keepalive });
    const retries: Status[] = [];
    void (async () => {
      for await (const status of client.status()) if (status.type === "retry") retries.push(status);
    })();
    const received = new Set<string>();
    const open = Array.from({ length: subscriptions }, (_, index) => client.events.subscribe({ channel: `c${index}` }));
    for (const subscription of open) void collect(subscription, received);
    await Promise.all(open.map(({ ready }) => ready));
    await client.queues.send({ channel: "q", body: "x" });
    expect(await client.queues.receive({ channel: "q" })).toHaveLength(1);
    // Longer than a ping may take: what is idle is not given up.
    await new Promise((resolve) => setTimeout(resolve, 2 * keepalive.intervalMs + keepalive.timeoutMs));
    await using sender = new KubeMQClient({ address: broker.address });
    for (const [index] of open.entries()) await sender.events.publish({ channel: `c${index}`, body: "x" });
    await until("every subscription has its event", () => received.size === subscriptions);
    expect(retries).toEqual([]);
    expect(proxy.seen.connections).toBeLessThanOrEqual(connections);
    expect(client.state).toBe("ready");
  },
  60_000,
);

async function collect(subscription: AsyncIterable<EventMessage>, into: Set<string>): Promise<void> {
  for await (const event of subscription) into.add(event.channel);
}

test("subscriptions above an unknown stream limit open further connections and work", async () => {
  await using broker = await startBroker();
  await using proxy = await limitingProxy(broker.address, 5);
  const reconnect = { initialDelayMs: 5, maxDelayMs: 20 };
  await using client = new KubeMQClient({ address: `127.0.0.1:${proxy.port}`, keepalive, reconnect });
  const received = new Set<string>();
  const open = Array.from({ length: 12 }, (_, index) => client.events.subscribe({ channel: `c${index}` }));
  for (const subscription of open) void collect(subscription, received);
  await using sender = new KubeMQClient({ address: broker.address });
  await until("every subscription receives", async () => {
    for (const [index] of open.entries()) await sender.events.publish({ channel: `c${index}`, body: "x" });
    return received.size === 12;
  });
  expect(proxy.seen.connections).toBeGreaterThan(1);
});

test("each of several connections is checked: one that becomes silent is replaced", async () => {
  await using broker = await startBroker();
  await using limiting = await limitingProxy(broker.address, 3);
  await using proxy = await TcpProxy.start(limiting.port);
  await using client = await KubeMQClient.connect({
    address: proxy.address,
    keepalive,
    reconnect: { maxDelayMs: 50, initialDelayMs: 10 },
  });
  const received = new Set<string>();
  const open = Array.from({ length: 4 }, (_, index) => client.events.subscribe({ channel: `c${index}` }));
  for (const subscription of open) void collect(subscription, received);
  await Promise.all(open.map(({ ready }) => ready));
  expect(proxy.open).toBeGreaterThanOrEqual(2);
  proxy.strand(1); // the first, while the client's pings go over the last
  await using sender = new KubeMQClient({ address: broker.address });
  await until("every subscription receives again", async () => {
    for (const [index] of open.entries()) await sender.events.publish({ channel: `c${index}`, body: "x" });
    return received.size === 4;
  });
  expect(client.state).toBe("ready");
});

test.each([
  ["a client that is connected", true],
  ["a client that has yet to connect", false],
])("%s without a limit has one connection, however many subscriptions it has", async (_, isConnected) => {
  await using broker = await startBroker();
  await using proxy = await TcpProxy.start(broker.port);
  await using client = new KubeMQClient({ address: proxy.address });
  if (isConnected) await client.ping();
  const open = Array.from({ length: 150 }, (_, index) => client.events.subscribe({ channel: `c${index}` }));
  await Promise.all(open.map(({ ready }) => ready));
  expect(proxy.accepted).toBe(1);
});
