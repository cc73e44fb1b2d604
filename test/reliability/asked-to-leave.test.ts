import { describe, expect, test } from "@jest/globals";
import { KubeMQClient, type ClientOptions, type Status } from "kubemq-es";
import { startBroker, type Broker } from "kubemq-es/testing";
import { TcpProxy } from "../support/tcp-proxy.js";
import { pem } from "../support/tls.js";
import { until } from "../support/until.js";

const reconnect = { initialDelayMs: 20, maxDelayMs: 250 };

/**
 * Gives a client a loop on a connection that has received GOAWAY without an error: the loop stays
 * there, and new calls use the next one.
 */
async function onLeavingConnection(broker: Broker, proxy: TcpProxy, client: KubeMQClient) {
  const retries: Status[] = [];
  void (async () => {
    for await (const status of client.status()) if (status.type === "retry") retries.push(status);
  })();
  const seen: string[] = [];
  const subscription = client.eventsStore.subscribe({ channel: "c", start: { from: "new" } });
  void (async () => {
    for await (const event of subscription) seen.push(event.text());
  })();
  await subscription.ready;
  await client.eventsStore.publish({ channel: "c", body: "before" });
  await until("the loop is open", () => seen.length === 1);
  broker.faults.goAway();
  await until("calls go to another connection", async () => {
    await client.ping().catch(() => {}); // a ping that crosses the GOAWAY is refused
    return proxy.accepted === 2;
  });
  return { seen, retries };
}

describe.each(["in the clear", "over TLS"])("a connection that the server has asked to leave, %s", (how) => {
  const isSecure = how === "over TLS";
  const start = () => startBroker(isSecure ? { cert: pem("server"), key: pem("server-key") } : {});
  const secured: ClientOptions = isSecure ? { tls: { ca: pem("ca") } } : {};

  test("a connection after GOAWAY that becomes silent is replaced within interval and time-out, and its loops lose nothing", async () => {
    await using broker = await start();
    await using proxy = await TcpProxy.start(broker.port);
    const keepalive = { intervalMs: 300, timeoutMs: 300 };
    await using client = await KubeMQClient.connect({ ...secured, address: proxy.address, reconnect, keepalive });
    const { seen, retries } = await onLeavingConnection(broker, proxy, client);
    proxy.strand(1);
    await client.eventsStore.publish({ channel: "c", body: "after" });
    // Less than the ten intervals after which node:http2 gives up on unacknowledged settings.
    await until("the loop goes on", () => seen.length === 2, 600 + 2_000);
    expect(seen).toEqual(["before", "after"]);
    expect(retries).toHaveLength(1);
    expect(proxy.accepted).toBe(2);
  }, 20_000);

  test("a connection after GOAWAY is kept while it answers pings, however long it is silent", async () => {
    await using broker = await start();
    await using proxy = await TcpProxy.start(broker.port);
    const keepalive = { intervalMs: 10, timeoutMs: 1_000 };
    await using client = await KubeMQClient.connect({ ...secured, address: proxy.address, reconnect, keepalive });
    const { seen, retries } = await onLeavingConnection(broker, proxy, client);
    const before = proxy.sent;
    const since = performance.now();
    // Longer than the time-out: a connection that was not asked is cut before.
    const isLong = () => performance.now() - since > keepalive.timeoutMs + 200;
    await until("it was asked fifty times whether it lives", () => proxy.sent > before + 50 && isLong());
    expect(retries).toEqual([]);
    await client.eventsStore.publish({ channel: "c", body: "still here" });
    await until("the loop goes on", () => seen.length === 2);
    expect(retries).toEqual([]);
    expect(proxy.accepted).toBe(2);
  }, 20_000);
});
