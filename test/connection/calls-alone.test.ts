import { describe, expect, test } from "@jest/globals";
import { KubeMQClient, KubeMQError, type ClientOptions, type Status } from "kubemq-es";
import { startBroker } from "kubemq-es/testing";
import type { Http2Session, ServerHttp2Stream } from "node:http2";
import { setTimeout as sleep } from "node:timers/promises";
import { turns } from "../support/fake-clock.js";
import { envelope, RawGrpcServer, respond } from "../support/raw-grpc-server.js";
import { TcpProxy } from "../support/tcp-proxy.js";
import { rejection, until, within } from "../support/until.js";

const keepalive = { intervalMs: 200, timeoutMs: 100 };

type UnaryCall = (client: KubeMQClient, timeoutMs: number) => Promise<unknown>;

/** Plain sends ride streams; messages of this size are calls of their own. */
const large = { channel: "c", body: new Uint8Array(100_000) };

/** Calls that have no stream beside them. */
const calls: Record<string, UnaryCall> = {
  "client.ping": (client, timeoutMs) => client.ping({ timeoutMs }),
  "queues.info": (client, timeoutMs) => client.queues.info(undefined, { timeoutMs }),
  "events.publish of a large event": ({ events }, timeoutMs) => events.publish(large, { timeoutMs }),
  "eventsStore.publish of a large event": ({ eventsStore }, timeoutMs) => eventsStore.publish(large, { timeoutMs }),
  "queues.send of a large message": ({ queues }, timeoutMs) => queues.send(large, { timeoutMs }),
};

async function halfOpen(options: ClientOptions = {}) {
  const broker = await startBroker();
  const proxy = await TcpProxy.start(broker.port);
  const client = new KubeMQClient({ address: proxy.address, keepalive, ...options });
  await client.ping();
  proxy.strand(1);
  return {
    broker,
    proxy,
    client,
    async [Symbol.asyncDispose]() {
      await client.close({ timeoutMs: 100 });
      await proxy[Symbol.asyncDispose]();
      await broker.close();
    },
  };
}

test("a TIMEOUT that the server answers keeps its number and its own words, and does not suspect the connection", async () => {
  await using broker = await startBroker();
  await using client = new KubeMQClient({ address: broker.address });
  const error = await rejection(client.commands.send({ channel: "nobody", body: "?" }, { timeoutMs: 100 }));
  expect(error).toMatchObject({ code: "TIMEOUT", retryable: false, serverCode: 301 });
  expect(String(error)).toContain("nobody responds on this channel");
});

test.each(Object.entries(calls))(
  "a connection that died in silence under %s alone is replaced within the bound of the keepalive",
  async (_name, call) => {
    await using world = await halfOpen();
    const error = await rejection(call(world.client, 80));
    expect(error).toMatchObject({ code: "TIMEOUT", retryable: true });
    expect(String(error)).toContain("the connection may be dead");
    const boundMs = keepalive.intervalMs + keepalive.timeoutMs + 500;
    await until("the state says so", () => world.client.state !== "ready", boundMs);
    // On a busy machine the next connection can count as dead as well.
    const works = () =>
      call(world.client, 3_000).then(
        () => true,
        () => false,
      );
    await until("a call succeeds", async () => (await works()) && world.client.state === "ready");
    expect(world.proxy.accepted).toBeGreaterThanOrEqual(2);
  },
);

test("a call that waits long for its answer on a dead connection fails within the bound of the keepalive", async () => {
  await using world = await halfOpen();
  const failing = rejection(world.client.queues.receive({ channel: "q" }, { timeoutMs: 60_000 }));
  const boundMs = keepalive.intervalMs + keepalive.timeoutMs + 1_500;
  expect(await within(boundMs, "it fails", failing)).toMatchObject({ code: "UNAVAILABLE", retryable: true });
});

test("a slow answer on a working connection does not end the connection", async () => {
  const patient = { intervalMs: 100, timeoutMs: 700 };
  await using broker = await startBroker();
  await using proxy = await TcpProxy.start(broker.port);
  await using client = new KubeMQClient({ address: proxy.address, keepalive: patient });
  await client.ping();
  // Nobody sends: the server answers after a second, longer than interval and time-out together.
  expect(await client.queues.receive({ channel: "q", waitSeconds: 1 })).toEqual([]);
  expect(await rejection(client.queues.receive({ channel: "q", waitSeconds: 1 }, { timeoutMs: 50 }))).toBeInstanceOf(
    KubeMQError,
  );
  await sleep(patient.intervalMs + patient.timeoutMs);
  expect([client.state, proxy.accepted]).toEqual(["ready", 1]);
});

/** Answers the first call, refuses those after it as a server does that has not begun to work on them, and then answers again. */
function refusingAfterFirst(times: number, refuse: (stream: ServerHttp2Stream) => void) {
  const seen = { calls: 0 };
  const server = RawGrpcServer.start((stream) => {
    seen.calls += 1;
    if (seen.calls > 1 && seen.calls <= 1 + times) return refuse(stream);
    respond(stream);
    stream.end(envelope(new Uint8Array(0)));
  });
  return { seen, server };
}

const REFUSED_STREAM = 7;

const unprocessed: [what: string, refuse: (stream: ServerHttp2Stream) => void][] = [
  ["REFUSED_STREAM", (stream) => stream.close(REFUSED_STREAM)],
  ["GOAWAY that does not include it, and the end", (stream) => goaway(stream, 0, 1)],
  ["GOAWAY with an error that does not include it", (stream) => goaway(stream, 11, 1)],
];

function goaway(stream: ServerHttp2Stream, code: number, last: number): void {
  const { session } = stream;
  session?.goaway(code, last);
  setImmediate(() => session?.destroy());
}

function clientOf(server: RawGrpcServer): KubeMQClient {
  return new KubeMQClient({ address: server.url.slice("http://".length) });
}

test.each(unprocessed)("a call that the server has not begun with is sent again: %s", async (_what, refuse) => {
  const { seen, server } = refusingAfterFirst(1, refuse);
  await using running = await server;
  await using client = clientOf(running);
  await client.ping();
  await client.ping();
  expect(seen.calls).toBe(3);
});

test("a call that is refused twice fails, and is not sent a third time", async () => {
  const { seen, server } = refusingAfterFirst(10, (stream) => stream.close(REFUSED_STREAM));
  await using running = await server;
  await using client = clientOf(running);
  await client.ping();
  expect(await rejection(client.ping())).toMatchObject({ code: "UNAVAILABLE" });
  expect(seen.calls).toBe(3);
});

test.each<[string, (stream: ServerHttp2Stream) => void]>([
  ["RST_STREAM with INTERNAL_ERROR", (stream) => stream.close(2)],
  ["RST_STREAM with CANCEL", (stream) => stream.close(8)],
  ["GOAWAY that includes it, and the end", (stream) => goaway(stream, 0, 3)],
  ["a lost connection", (stream) => stream.session?.destroy()],
])("a call that the server may have worked on is not sent again: %s", async (_what, refuse) => {
  const { seen, server } = refusingAfterFirst(1, refuse);
  await using running = await server;
  await using client = clientOf(running);
  await client.ping();
  expect(await rejection(client.ping())).toMatchObject({ code: "UNAVAILABLE" });
  expect(seen.calls).toBe(2);
});

/** Keeps the event loop busy, as a long computation does. */
function block(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}

const blocked: Record<string, (client: KubeMQClient) => Promise<unknown>> = {
  "client.ping": (client) => client.ping({ timeoutMs: 150 }),
  "queues.info": (client) => client.queues.info(undefined, { timeoutMs: 150 }),
  "queues.send": ({ queues }) => queues.send({ channel: "q", body: "x" }, { timeoutMs: 150 }),
  "eventsStore.publish": ({ eventsStore }) => eventsStore.publish({ channel: "s", body: "x" }, { timeoutMs: 150 }),
  "events.publish": ({ events }) => events.publish({ channel: "e", body: "x" }, { timeoutMs: 150 }),
};

test.each(Object.entries(blocked))(
  "an answer that waits in the socket of a blocked process counts: %s",
  async (_name, call) => {
    let answered: readonly [string, number] | undefined;
    while (answered === undefined) answered = await answeredWhileBlocked(call);
    expect(answered).toEqual(["ready", 1]);
  },
);

/**
 * The client's state and its number of connections afterwards. Undefined if the machine was too busy for the answer to be in
 * the socket before the deadline of the call.
 */
async function answeredWhileBlocked(
  call: (client: KubeMQClient) => Promise<unknown>,
): Promise<readonly [state: string, connections: number] | undefined> {
  await using broker = await startBroker();
  await using proxy = await TcpProxy.start(broker.port);
  await using client = new KubeMQClient({ address: proxy.address, keepalive: { intervalMs: 100, timeoutMs: 100 } });
  const begunAt = performance.now();
  await call(client).catch(() => {}); // opens the stream that the call uses
  const isConnected = await client.ping().then(
    () => true,
    () => false,
  );
  if (!isConnected || performance.now() - begunAt > 80 || proxy.accepted > 1) return undefined;
  // Both ends live in this process, so the proxy holds the answer back until the moment before the block.
  proxy.pause("down");
  const calledAt = performance.now();
  const calling = call(client);
  calling.catch(() => {});
  // Both ends and the proxy need turns of this process, and on a busy machine 60 ms may have few of them.
  while (!proxy.holds("down") && performance.now() - calledAt < 100) await turns(1);
  await turns(5); // what the server writes behind the first part
  // Behind setImmediate timers come before the next look at the socket.
  await new Promise((resolve) => setImmediate(resolve));
  proxy.resume();
  if (performance.now() - calledAt > 100) {
    await calling.catch(() => {});
    return undefined;
  }
  block(300);
  await calling;
  return [client.state, proxy.accepted];
}

const ENHANCE_YOUR_CALM = 11;

/** A server that refuses each new stream of some connections, and the client's statuses about that. */
async function calmingServer(isCalming: (session: Http2Session | undefined) => boolean) {
  const subscribed: ServerHttp2Stream[] = [];
  const sessions: Http2Session[] = [];
  const server = await RawGrpcServer.start((stream, headers) => {
    if (stream.session !== undefined && !sessions.includes(stream.session)) sessions.push(stream.session);
    if (isCalming(stream.session)) return stream.close(ENHANCE_YOUR_CALM);
    respond(stream);
    if (String(headers[":path"]).endsWith("/SubscribeToEvents")) subscribed.push(stream);
    else stream.end(envelope(new Uint8Array(0)));
  });
  const reconnect = { initialDelayMs: 1, maxDelayMs: 2 };
  const client = new KubeMQClient({ address: server.url.slice("http://".length), reconnect });
  const statuses: Status[] = [];
  void (async () => {
    for await (const status of client.status()) statuses.push(status);
  })();
  return {
    client,
    sessions,
    subscribed,
    count: (type: Status["type"]) => statuses.filter((status) => status.type === type).length,
    statuses,
    async [Symbol.asyncDispose]() {
      await client.close({ timeoutMs: 0 });
      await server[Symbol.asyncDispose]();
    },
  };
}

describe("a server that refuses the streams of a connection with ENHANCE_YOUR_CALM", () => {
  test("a connection that refuses each new stream is replaced, and its open streams continue", async () => {
    const calming = new Set<unknown>();
    await using world = await calmingServer((session) => calming.has(session));
    const events = world.client.events.subscribe({ channel: "c" });
    await events.ready;
    calming.add(world.sessions[0]);
    for (let call = 1; call <= 3; call++) expect(await rejection(world.client.ping())).toBeInstanceOf(KubeMQError);
    calming.clear();
    await world.client.ping(); // one stream was accepted: the count begins again
    calming.add(world.sessions[0]);
    for (let call = 1; call <= 4; call++) expect(await rejection(world.client.ping())).toBeInstanceOf(KubeMQError);
    await until("the connection is replaced", () => world.count("replaced") === 1);
    await world.client.ping();
    expect(world.sessions).toHaveLength(2);
    const replaced = { type: "replaced", server: world.client.server, refusals: 4 };
    expect(world.statuses).toContainEqual(expect.objectContaining(replaced));
    world.subscribed[0]?.write(envelope(new Uint8Array(0)));
    for await (const _event of events) break;
    expect([world.subscribed.length, world.count("retry")]).toEqual([1, 0]);
  });

  test("a subscription on a connection that refuses each stream recovers on the next connection", async () => {
    let first: unknown;
    await using world = await calmingServer((session) => session === (first ??= session));
    await within(5_000, "it works", world.client.events.subscribe({ channel: "c" }).ready);
    expect(world.sessions).toHaveLength(2);
  });

  test("a server that refuses the streams of every connection is not flooded with connections", async () => {
    await using world = await calmingServer(() => true);
    for (let call = 1; call <= 30; call++) {
      const replaced = [4, 12, 28].filter((last) => call > last).length;
      await until("the connection is replaced", () => world.count("replaced") === replaced);
      await rejection(world.client.ping());
      expect(world.sessions).toHaveLength(1 + replaced);
    }
  });
});
