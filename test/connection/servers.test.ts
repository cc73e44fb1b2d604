import { expect, test } from "@jest/globals";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { KubeMQClient, type Status } from "kubemq-es";
import { type Broker, startBroker } from "kubemq-es/testing";
import { RawGrpcServer, respond } from "../support/raw-grpc-server.js";
import { pem } from "../support/tls.js";
import { TcpProxy } from "../support/tcp-proxy.js";
import { rejection, take, until } from "../support/until.js";

const reconnect = { initialDelayMs: 2, maxDelayMs: 10 };

async function brokers(count: number) {
  const started = await Promise.all(Array.from({ length: count }, () => startBroker()));
  return {
    started,
    address: started.map(({ address }) => address),
    [Symbol.asyncDispose]: async () => void (await Promise.all(started.map((broker) => broker.close()))),
  };
}

/** Every status of a client. */
function statusOf(client: KubeMQClient): Status[] {
  const seen: Status[] = [];
  void (async () => {
    for await (const status of client.status()) seen.push(status);
  })();
  return seen;
}

/** Takes a broker away with its store, until it allows connections again, and waits until the client knows. */
async function down(broker: Broker, client: KubeMQClient) {
  broker.faults.refuseConnections();
  await broker.faults.dropConnections();
  await client.ping().catch(() => {}); // may have been sent on the lost connection
  await client.ping().catch(() => {});
}

test("calls use the first server, and each next one when a server is gone", async () => {
  await using three = await brokers(3);
  const [first, second, third] = three.started as [Broker, Broker, Broker];
  await using client = await KubeMQClient.connect({ address: three.address, reconnect });
  const statuses = statusOf(client);
  for (const broker of [first, second, third]) {
    await client.queues.send({ channel: "jobs", body: broker.address });
    expect(client.server).toBe(broker.address);
    await down(broker, client);
  }
  const error = await rejection(client.queues.send({ channel: "jobs", body: "nobody" }));
  expect(error).toMatchObject({ code: "UNAVAILABLE", retryable: true });
  for (const { address } of three.started) expect(String(error)).toContain(`${address}: connect ECONNREFUSED`);
  await second.faults.allowConnections();
  await client.queues.send({ channel: "jobs", body: "back" });
  expect(client.server).toBe(second.address);
  expect(three.started.map((broker) => broker.stats().messages.queues["jobs"])).toEqual([1, 2, 1]);
  const moves = statuses.filter((status) => status.type === "server");
  expect(moves).toEqual([
    { type: "server", server: second.address, previous: first.address },
    { type: "server", server: third.address, previous: second.address },
    { type: "server", server: second.address, previous: third.address },
  ]);
});

test("connect passes over servers that refuse, that are silent, and that do not serve yet", async () => {
  await using three = await brokers(3);
  const [refusing, silent, serving] = three.started as [Broker, Broker, Broker];
  refusing.faults.refuseConnections();
  await using proxy = await TcpProxy.start(silent.port);
  proxy.pause("both");
  const address = [refusing.address, proxy.address, serving.address];
  await using client = await KubeMQClient.connect({ address, timeoutMs: 500, reconnect });
  expect(client.server).toBe(serving.address);
});

const HTTP_1 = "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n";

test.each([
  ["closes every connection", (socket: Socket) => socket.destroy()],
  ["speaks HTTP/1.1", (socket: Socket) => socket.write(HTTP_1, () => socket.destroySoon())],
])("connect passes over a server that %s", async (_, answer) => {
  await using one = await brokers(1);
  const useless = createServer((socket) => void answer(socket.on("error", () => {})));
  await new Promise<void>((resolve) => useless.listen(0, "127.0.0.1", resolve));
  const { port } = useless.address() as AddressInfo;
  const address = [`127.0.0.1:${port}`, ...one.address];
  {
    await using client = await KubeMQClient.connect({ address, timeoutMs: 5_000, reconnect });
    expect(client.server).toBe(one.address[0]);
  }
  await rejection(KubeMQClient.connect({ address: [`127.0.0.1:${port}`, "127.0.0.1:1"], timeoutMs: 5_000 }));
  await new Promise((resolve) => useless.close(resolve));
});

test("every stream and call moves when a server sends nothing more", async () => {
  await using two = await brokers(2);
  const [first, second] = two.started as [Broker, Broker];
  const keepalive = { intervalMs: 50, timeoutMs: 400 };
  await using client = new KubeMQClient({ address: two.address, keepalive, reconnect });
  const statuses = statusOf(client);
  const orders = client.events.subscribe({ channel: "orders" });
  await orders.ready;
  expect(client.server).toBe(first.address);
  first.faults.pauseWriting();
  await until("the subscription is on the second server", () => second.stats().streams["SubscribeToEvents"] === 1);
  expect(first.stats().connections).toBe(0);
  await until("it is reported", () => statuses.some(({ type }) => type === "resumed"));
  const states = statuses.flatMap((status) => (status.type === "state" ? [[status.state, status.server]] : []));
  expect(states.at(-1)).toEqual(["ready", second.address]);
  await client.events.publish({ channel: "orders", body: "1" });
  expect((await take(orders, 1)).map((event) => event.text())).toEqual(["1"]);
});

test("a call and a stream that a server refuses because it does not serve go to the next server", async () => {
  await using broker = await startBroker();
  let refused = 0;
  await using starting = await RawGrpcServer.start((stream) => {
    refused += 1;
    respond(stream, { "grpc-status": "14", "grpc-message": "grpc server is not ready to accept requests" });
    stream.end();
  });
  await using client = new KubeMQClient({ address: [starting.url, broker.address], reconnect });
  await client.ping(); // a send could go over a stream, which is opened again in any case
  expect([client.server, refused]).toEqual([broker.address, 1]);
  await client.queues.send({ channel: "jobs", body: "1" });
  expect(broker.stats().messages.queues).toEqual({ jobs: 1 });
  // A send uses a stream, which opens again; an answer to one request does not.
  await using asking = new KubeMQClient({ address: [starting.url, broker.address], reconnect });
  await asking.queues.receive({ channel: "jobs" });
  expect(asking.server).toBe(broker.address);
  const first = refused;
  const loop = client.events.subscribe({ channel: "orders" });
  await loop.ready;
  const message = "Error 409: server is in shutdown mode";
  broker.faults.endStreams({ rpc: "SubscribeToEvents", code: 13, message });
  await until("the client has tried the other server", () => refused > first);
  await until("and is back", () => broker.stats().streams["SubscribeToEvents"] === 1);
});

test("a server that asks its connections to leave is asked again first", async () => {
  await using two = await brokers(2);
  const [first] = two.started as [Broker, Broker];
  await using client = await KubeMQClient.connect({ address: two.address, reconnect });
  first.faults.goAway();
  await client.ping();
  expect(client.server).toBe(first.address);
});

test("a refused token and an answer that refuses a call do not move the client", async () => {
  await using first = await startBroker({ token: "monday" });
  await using second = await startBroker({ token: "tuesday" });
  const address = [first.address, second.address];
  await using client = new KubeMQClient({ address, authToken: "tuesday", reconnect });
  expect(await rejection(client.queues.receive({ channel: "jobs" }))).toMatchObject({ code: "UNAUTHENTICATED" });
  await using known = new KubeMQClient({ address, authToken: "monday", reconnect });
  const call = { channel: "nobody", body: "1" };
  expect(await rejection(known.commands.send(call, { timeoutMs: 20 }))).toMatchObject({ code: "TIMEOUT" });
  expect([client.server, known.server]).toEqual([first.address, first.address]);
  expect(second.stats().connections).toBe(0);
});

test("a server whose certificate is not trusted is passed over, and if none is trusted the call is refused", async () => {
  const trusted = { cert: pem("server"), key: pem("server-key") };
  const expired = { cert: pem("server-expired"), key: pem("server-expired-key") };
  await using stranger = await startBroker(expired);
  await using other = await startBroker(expired);
  await using known = await startBroker(trusted);
  const open = (...brokers: Broker[]) =>
    new KubeMQClient({ address: brokers.map(({ address }) => address), tls: { ca: pem("ca") }, reconnect });
  await using client = open(stranger, known);
  await client.ping();
  expect(client.server).toBe(known.address);
  await using lost = open(stranger, other);
  expect(await rejection(lost.ping())).toMatchObject({ code: "UNAUTHENTICATED" });
});

test("an attempt of a stream tries every server, and the delay grows by the attempt", async () => {
  await using two = await brokers(2);
  const [first, second] = two.started as [Broker, Broker];
  await using client = new KubeMQClient({ address: two.address, reconnect: { ...reconnect, jitter: 0 } });
  const statuses = statusOf(client);
  const orders = client.events.subscribe({ channel: "orders" });
  await orders.ready;
  for (const broker of [first, second]) broker.faults.refuseConnections();
  await first.faults.dropConnections();
  const retries = () => statuses.filter((status) => status.type === "retry");
  await until("three attempts have failed", () => retries().length >= 4);
  const [, ...failed] = retries().slice(0, 4); // the first says that the connection was lost
  for (const { error } of failed) for (const address of two.address) expect(error.message).toContain(address);
  expect(
    retries()
      .slice(0, 4)
      .map(({ delayMs }) => delayMs),
  ).toEqual([2, 4, 8, 10]);
});

test("a closed client tries no other server", async () => {
  await using two = await brokers(2);
  const [, second] = two.started as [Broker, Broker];
  const client = await KubeMQClient.connect({ address: two.address, reconnect });
  await client.close();
  expect(await rejection(client.ping())).toMatchObject({ code: "CLIENT_CLOSED" });
  expect(second.stats().connections).toBe(0);
});

/** Publishes numbered events through the server that the client uses. */
async function publish(client: KubeMQClient, ...texts: string[]): Promise<void> {
  for (const body of texts) await client.eventsStore.publish({ channel: "log", body });
}

test("a store subscription reads each server's own history from the move on, and continues it on return", async () => {
  await using two = await brokers(2);
  const [first, second] = two.started as [Broker, Broker];
  await using other = await KubeMQClient.connect({ address: second.address });
  await publish(other, "old1", "old2", "old3", "old4");
  await using client = await KubeMQClient.connect({ address: two.address, reconnect });
  const statuses = statusOf(client);
  const seen: string[] = [];
  const loop = client.eventsStore.subscribe({ channel: "log", start: { from: "first" } });
  void (async () => {
    for await (const event of loop) seen.push(`${event.sequence}:${event.text()}`);
  })();
  await publish(client, "a1", "a2");
  await until("the first server's events", () => seen.length === 2);
  await down(first, client);
  await publish(client, "b1", "b2");
  await until("the second server's events", () => seen.length === 4);
  await first.faults.allowConnections();
  await using behind = await KubeMQClient.connect({ address: first.address });
  await publish(behind, "a3");
  await down(second, client);
  await publish(client, "a4");
  await until("the first server's events again", () => seen.length === 6);
  expect(seen).toEqual(["1:a1", "2:a2", "5:b1", "6:b2", "3:a3", "4:a4"]);
  const gaps = statuses.filter(({ type }) => type === "gap");
  expect(gaps).toEqual([
    { type: "gap", channel: "log", expected: 3n, received: 5n, lost: true, server: second.address },
  ]);
});

test("a store subscription continues without repeats where the next server has the same history", async () => {
  await using broker = await startBroker();
  await using one = await TcpProxy.start(broker.port);
  await using two = await TcpProxy.start(broker.port);
  await using client = await KubeMQClient.connect({ address: [one.address, two.address], reconnect });
  const statuses = statusOf(client);
  const seen: string[] = [];
  const loop = client.eventsStore.subscribe({ channel: "log", start: { from: "first" } });
  void (async () => {
    for await (const event of loop) seen.push(event.text());
  })();
  await publish(client, "1", "2");
  await until("two events", () => seen.length === 2);
  for (const [proxy, body] of [
    [one, "3"],
    [two, "4"],
    [one, "5"],
  ] as const) {
    proxy.reset();
    await until("it has moved", () => client.server !== proxy.address && client.state === "ready");
    await publish(client, body);
    await until("the event behind the move", () => seen.at(-1) === body);
  }
  expect(seen).toEqual(["1", "2", "3", "4", "5"]);
  expect(statuses.filter(({ type }) => type === "gap")).toEqual([]);
});

test("a replay whose client moves to another history ends with an error", async () => {
  await using two = await brokers(2);
  const [first] = two.started as [Broker, Broker];
  await using client = await KubeMQClient.connect({ address: two.address, reconnect });
  await publish(client, ...Array.from({ length: 600 }, (_, index) => String(index)));
  const replay = client.eventsStore.replay({ channel: "log", start: { from: "first" }, quietMs: 10 });
  const read = async () => {
    for await (const event of replay) if (event.text() === "0") await down(first, client);
  };
  expect(await rejection(read())).toMatchObject({ code: "UNAVAILABLE", operation: "eventsStore.replay" });
});
