import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import {
  command,
  events,
  json,
  KubeMQClient,
  type KubeMQError,
  type Observer,
  query,
  queue,
  type SendOptions,
  type Status,
  store,
} from "kubemq-es";
import { type Broker, startBroker } from "kubemq-es/testing";
import { RawGrpcServer, respond } from "../support/raw-grpc-server.js";
import { rejection, roundTrips, until } from "../support/until.js";

const reconnect = { initialDelayMs: 2, maxDelayMs: 20 };

/** Every status of a client. */
function statusOf(client: KubeMQClient): Status[] {
  const seen: Status[] = [];
  void (async () => {
    for await (const status of client.status()) seen.push(status);
  })();
  return seen;
}

/** Takes a broker away with its store, until it allows connections again. */
async function takeAway(broker: Broker): Promise<void> {
  broker.faults.refuseConnections();
  await broker.faults.dropConnections();
}

interface Way {
  readonly name: string;
  /** The RPC that carries the message. */
  readonly rpc: string;
  readonly channel: string;
  readonly ids: readonly string[];
  send(client: KubeMQClient, options: SendOptions): Promise<unknown>;
}

const ids = ["1", "2"];
const big = new Uint8Array(70_000);

/** Every way to send, each on a channel of its own. Publishers take the option when they are opened. */
const ways: Way[] = [
  way("events.publish", "SendEvent", (client, message, options) => client.events.publish(message("1"), options)),
  way("several events.publish", "SendEventsStream", (client, message, options) =>
    Promise.all(ids.map((id) => client.events.publish(message(id), options))),
  ),
  way("a large events.publish", "SendEvent", (client, message, options) =>
    client.events.publish({ ...message("1"), body: big }, options),
  ),
  way("eventsStore.publish", "SendEventsStream", (client, message, options) =>
    client.eventsStore.publish(message("1"), options),
  ),
  way("queues.send", "QueuesUpstream", (client, message, options) => client.queues.send(message("1"), options)),
  way("a large queues.send", "SendQueueMessage", (client, message, options) =>
    client.queues.send({ ...message("1"), body: big }, options),
  ),
  way("queues.sendBatch", "QueuesUpstream", (client, message, options) =>
    client.queues.sendBatch(ids.map(message), options),
  ),
  way("a large queues.sendBatch", "SendQueueMessagesBatch", (client, message, options) =>
    client.queues.sendBatch([{ ...message("1"), body: big }, message("2")], options),
  ),
  way("commands.send", "SendRequest", (client, message, options) => client.commands.send(message("1"), options)),
  way("queries.send", "SendRequest", (client, message, options) => client.queries.send(message("1"), options)),
  way("publisher of events", "SendEvent", (client, message, { resend }) =>
    client.events.publisher({ resend }).publish(message("1")),
  ),
  way("publisher of stored events", "SendEventsStream", (client, message, { resend }) =>
    client.eventsStore.publisher({ resend }).publishAll([message("1")]),
  ),
  way("publisher of queue messages", "QueuesUpstream", (client, message, { resend }) =>
    client.queues.publisher({ resend, ordered: false }).sendAll(ids.map(message)),
  ),
];

function way(
  name: string,
  rpc: string,
  send: (
    client: KubeMQClient,
    message: (id: string) => { id: string; channel: string; body: string },
    options: SendOptions,
  ) => Promise<unknown>,
): Way {
  const channel = name.replaceAll(" ", "-");
  return {
    name,
    rpc,
    channel,
    ids: /several|Batch|queue messages/.test(name) ? ids : ["1"],
    send: (client, options) => send(client, (id) => ({ id, channel, body: `body ${id}` }), options),
  };
}

describe("a message whose answer is lost", () => {
  let broker: Broker;
  let receiver: KubeMQClient;
  const received = new Map<string, string[]>();

  beforeAll(async () => {
    broker = await startBroker();
    receiver = await KubeMQClient.connect({ address: broker.address });
    await Promise.all(ways.map(({ name, channel }) => receive(name, channel)));
  });

  afterAll(async () => {
    await receiver.close();
    await broker.close();
  });

  /** Records the ids of the messages on a channel. */
  async function receive(name: string, channel: string): Promise<void> {
    const ids: string[] = [];
    received.set(name, ids);
    const collect = ({ id }: { id: string }) => void ids.push(id);
    if (name.startsWith("commands")) return receiver.commands.handle({ channel }, collect).ready;
    if (name.startsWith("queries")) {
      const answer = (query: { id: string }) => (collect(query), "answer");
      return receiver.queries.handle({ channel }, answer).ready;
    }
    if (name.includes("queue")) return receiver.queues.process({ channel, prefetch: 8 }, collect).ready;
    const loop = /Store|stored/.test(name)
      ? receiver.eventsStore.subscribe({ channel, start: { from: "first" } })
      : receiver.events.subscribe({ channel });
    void (async () => {
      for await (const event of loop) collect(event);
    })();
    return loop.ready;
  }

  /** Sends while no answer leaves the broker, and ends the call after the broker has the message. */
  async function loseAnswer(way: Way, client: KubeMQClient, options: SendOptions) {
    const { rpc, channel, ids } = way;
    const arrived = () => broker.channels().find(({ name }) => name === channel)?.messagesIn ?? 0;
    const before = arrived();
    broker.faults.pauseWriting();
    const outcome = way.send(client, options).then(
      () => "sent",
      (error: KubeMQError) => error.code,
    );
    await until("the broker has the message", () => arrived() === before + ids.length);
    broker.faults.resetStreams({ rpc });
    broker.faults.resumeWriting();
    return outcome;
  }

  test.each(ways)("is not sent again by $name without the option", async (way) => {
    await using client = new KubeMQClient({ address: broker.address, reconnect });
    const seen = received.get(way.name) as string[];
    seen.length = 0;
    expect(await loseAnswer(way, client, {})).toBe("UNAVAILABLE");
    await until("the message is received", () => seen.length === way.ids.length);
    expect(seen).toEqual(way.ids);
  });

  test.each(ways)("is sent again with the same id by $name with resend", async (way) => {
    await using client = new KubeMQClient({ address: broker.address, reconnect });
    const statuses = statusOf(client);
    const seen = received.get(way.name) as string[];
    seen.length = 0;
    expect(await loseAnswer(way, client, { resend: true })).toBe("sent");
    await until("both copies are received", () => seen.length === 2 * way.ids.length);
    expect(seen.toSorted()).toEqual([...way.ids, ...way.ids].toSorted());
    const resends = statuses.filter(({ type }) => type === "resend");
    expect(resends).toMatchObject([{ messages: way.ids.length, attempt: 1, error: { code: "UNAVAILABLE" } }]);
  });
});

test("three brokers killed in turn under load fail no call with resend, lose nothing confirmed, and double only known ids", async () => {
  const brokers = await Promise.all([startBroker(), startBroker(), startBroker()]);
  const address = brokers.map((broker) => broker.address);
  const sender = await KubeMQClient.connect({ address, reconnect, resend: true });
  const beside = await Promise.all(address.map((one) => KubeMQClient.connect({ address: one, reconnect })));
  /** How often each id was received or stored, by pattern. */
  const copies = {
    store: new Map<string, number>(),
    queue: new Map<string, number>(),
    request: new Map<string, number>(),
  };
  const count = (of: Map<string, number>, id: string, body: string) => {
    if (body !== id) throw new Error(`${id} has the body ${body}`); // an expect each takes seconds
    of.set(id, (of.get(id) ?? 0) + 1);
  };
  const answer = (request: { id: string; text(): string }) => count(copies.request, request.id, request.text());
  const services = beside.flatMap((client) => [
    client.commands.handle({ channel: "act" }, answer),
    client.queries.handle({ channel: "ask" }, (query) => (answer(query), "answer")),
  ]);
  await Promise.all(services.map(({ ready }) => ready));

  const over = new AbortController();
  const confirmed = { store: [] as string[], queue: [] as string[], request: [] as string[] };
  const failures: unknown[] = [];
  let done = 0;
  const storePublisher = sender.eventsStore.publisher();
  const queuePublisher = sender.queues.publisher();
  const eventPublisher = sender.events.publisher();
  const load = async (
    name: string,
    into: keyof typeof confirmed | undefined,
    call: (id: string) => Promise<unknown>,
  ) => {
    for (let number = 0; !over.signal.aborted; number++) {
      const id = `${name}${number}`;
      try {
        await call(id);
        done += 1;
        if (into !== undefined) confirmed[into].push(id);
      } catch (error) {
        failures.push(error);
      }
    }
  };
  const message = (channel: string) => (id: string) => ({ channel, id, body: id });
  const [log, jobs] = [message("log"), message("jobs")];
  const loads = [
    load("a", "store", (id) => sender.eventsStore.publish(log(id))),
    load("b", "store", (id) => storePublisher.publish(log(id))),
    load("c", "queue", (id) => sender.queues.send(jobs(id))),
    load("d", "queue", (id) => queuePublisher.send(jobs(id))),
    load("e", "request", (id) => sender.commands.send({ channel: "act", id, body: id })),
    load("f", "request", (id) => sender.queries.send({ channel: "ask", id, body: id })),
    load("g", undefined, (id) => sender.events.publish({ channel: "tick", body: id })),
    load("h", undefined, (id) => eventPublisher.publish({ channel: "tick", body: id })),
  ];
  const progress = async (what: string) => {
    const before = done;
    await until(what, () => done > before + 100);
  };
  const stored = (broker: Broker) => broker.stats().messages.eventsStore["log"] ?? 0;

  await progress("the load runs");
  for (const broker of [...brokers, ...brokers]) {
    expect(sender.server).toBe(broker.address);
    const before = stored(broker);
    broker.faults.pauseWriting(); // what it stores now is sent again to the next broker
    await until("it has stored what it does not confirm", () => stored(broker) > before);
    await takeAway(broker);
    broker.faults.resumeWriting();
    await progress("everything works without it");
    await broker.faults.allowConnections();
    await until("its services are back", () => broker.stats().streams["SubscribeToRequests"] === 2);
  }
  over.abort();
  await Promise.all(loads);
  expect(failures).toEqual([]);

  const read = async (client: KubeMQClient, at: number) => {
    const replay = client.eventsStore.replay({ channel: "log", start: { from: "first" } });
    for await (const event of replay) count(copies.store, event.id, event.text());
    for (let left = brokers[at]?.stats().messages.queues["jobs"] ?? 0; left > 0;) {
      const batch = await client.queues.receive({ channel: "jobs", max: Math.min(left, 1024), waitSeconds: 5 });
      for (const job of batch) count(copies.queue, job.id, job.text());
      left -= batch.length;
    }
  };
  await Promise.all(beside.map(read));
  for (const pattern of ["store", "queue", "request"] as const) {
    const sent = confirmed[pattern];
    const seen = copies[pattern];
    expect(sent.filter((id) => !seen.has(id))).toEqual([]);
    expect(seen.size).toBe(sent.length); // no copy has an id of its own
  }
  const doubled = [...copies.store.values()].filter((number) => number > 1).length;
  expect(doubled).toBeGreaterThanOrEqual(6); // one at each kill, at least

  await Promise.all([sender, ...beside].map((client) => client.close()));
  await Promise.all(brokers.map((broker) => broker.close()));
}, 60_000);

test.each([
  ["stored events", "store"],
  ["queue messages", "queue"],
] as const)(
  "a publisher of %s with resend keeps the order of the first copies",
  async (_, kind) => {
    await using broker = await startBroker();
    await using client = new KubeMQClient({ address: broker.address, reconnect, resend: true });
    const publisher = client.eventsStore.publisher();
    const queue = client.queues.publisher();
    const outcomes: Promise<unknown>[] = [];
    for (let round = 0; round < 24; round++) {
      for (let at = 0; at < 40; at++) {
        const message = { channel: "log", body: `${outcomes.length}` };
        outcomes.push(kind === "store" ? publisher.publish(message) : queue.send(message));
      }
      if (round % 6 === 4) await broker.faults.dropConnections();
      else await new Promise((resolve) => setImmediate(resolve));
    }
    await Promise.all(outcomes);
    const seen = new Set<string>();
    if (kind === "store") {
      for await (const event of client.eventsStore.replay({ channel: "log", start: { from: "first" } }))
        seen.add(event.text());
    } else {
      const max = broker.stats().messages.queues["log"] ?? 0;
      for (const job of await client.queues.receive({ channel: "log", max })) seen.add(job.text());
    }
    expect([...seen]).toEqual(outcomes.map((_, number) => `${number}`));
  },
  30_000,
);

type Calls = readonly [string, (client: KubeMQClient, options: SendOptions) => Promise<unknown>][];

/** A send over a stream, by a unary call, and by a publisher. */
const sends: Calls = [
  ["queues.send", (client, options) => client.queues.send({ channel: "jobs", body: "1" }, options)],
  ["a large queues.send", (client, options) => client.queues.send({ channel: "jobs", body: big }, options)],
  ["a publisher", (client) => client.eventsStore.publisher().publish({ channel: "log", body: "1" })],
];

const calls: Calls = [
  ...sends,
  ["commands.send", (client, options) => client.commands.send({ channel: "doors", body: "1" }, options)],
];

test.each(sends)("%s with resend waits for a server that comes back", async (_, send) => {
  await using broker = await startBroker();
  await using client = await KubeMQClient.connect({ address: broker.address, reconnect, resend: true });
  const statuses = statusOf(client);
  await takeAway(broker);
  const sent = send(client, {});
  await until("three attempts have failed", () => statuses.filter(({ type }) => type === "resend").length >= 3);
  await broker.faults.allowConnections();
  expect(await sent).toBeDefined();
});

test("calls with resend leave a server that falls silent", async () => {
  await using silent = await startBroker();
  await using broker = await startBroker();
  await using service = await KubeMQClient.connect({ address: broker.address });
  await service.commands.handle({ channel: "doors" }, () => {}).ready;
  const address = [silent.address, broker.address];
  const keepalive = { intervalMs: 50, timeoutMs: 600 };
  await using client = await KubeMQClient.connect({ address, reconnect, keepalive, resend: true });
  silent.faults.pauseReading();
  const sent = await Promise.all(calls.map(([, call]) => call(client, {})));
  expect(sent.filter((result) => result !== undefined)).toHaveLength(calls.length);
  expect(client.server).toBe(broker.address);
}, 30_000);

test("calls with resend fail with UNAVAILABLE when no server is up within their timeout", async () => {
  await using client = new KubeMQClient({ address: "127.0.0.1:1", reconnect, resend: true, timeoutMs: 600 });
  for (const error of await Promise.all(calls.map(([, call]) => rejection(call(client, {}))))) {
    expect(error).toMatchObject({ code: "UNAVAILABLE", retryable: true });
    expect(String(error)).toContain("ECONNREFUSED");
  }
});

describe.each(calls)("%s with resend", (name, call) => {
  test("fails after the attempts that reconnect allows", async () => {
    const few = { ...reconnect, maxAttempts: 3 };
    await using client = new KubeMQClient({ address: "127.0.0.1:1", reconnect: few, resend: true });
    const statuses = statusOf(client);
    expect(await rejection(call(client, {}))).toMatchObject({ code: "UNAVAILABLE" });
    await client.close();
    expect(statuses.filter(({ type }) => type === "resend")).toHaveLength(2);
  });

  test.each(name === "a publisher" ? ["client"] : ["client", "signal"])(
    "ends with its %s while it waits",
    async (what) => {
      const slow = { initialDelayMs: 5_000, maxDelayMs: 5_000, jitter: 0 };
      const client = new KubeMQClient({ address: "127.0.0.1:1", reconnect: slow, resend: true, timeoutMs: 100_000 });
      const statuses = statusOf(client);
      const stop = new AbortController();
      const failed = rejection(call(client, { signal: stop.signal }));
      await until("it waits", () => statuses.some(({ type }) => type === "resend"));
      if (what === "signal") stop.abort("enough");
      else await client.close({ timeoutMs: 0 });
      expect(await failed).toEqual(what === "signal" ? "enough" : expect.objectContaining({ code: "CLIENT_CLOSED" }));
      await client.close();
    },
  );
});

test("a message that a server refuses, or does not answer in time on a working connection, is sent once", async () => {
  let requests = 0;
  const refusals = ["Error 443: channel is reserved", "stan: publish ack timeout", "Error 302: no connection"];
  await using refusing = await RawGrpcServer.start((stream) => {
    respond(stream, { "grpc-status": "13", "grpc-message": refusals[requests++] ?? "" });
    stream.end();
  });
  await using client = new KubeMQClient({ address: refusing.url, reconnect, resend: true });
  for (const refusal of refusals) {
    const message = { channel: "jobs", body: big };
    expect(String(await rejection(client.queues.send(message)))).toContain(refusal);
  }
  expect(requests).toBe(refusals.length);

  await using broker = await startBroker();
  await using patient = await KubeMQClient.connect({ address: broker.address, reconnect, resend: true });
  broker.faults.pauseWriting();
  for (const [, send] of sends.slice(0, 2)) {
    expect(await rejection(send(patient, { timeoutMs: 50 }))).toMatchObject({ code: "TIMEOUT" });
  }
  broker.faults.resumeWriting();
  await until("the broker has both", () => broker.stats().messages.queues["jobs"] === 2);
  await roundTrips(patient);
  expect(broker.stats().messages.queues["jobs"]).toBe(2);
});

const unserved: readonly [string, Record<string, number | string>][] = [
  ["a proxy without a server (503)", { ":status": 503, "content-type": "text/html" }],
  ["a proxy that has lost its server (14)", { ":status": 200, "grpc-status": "14", "grpc-message": "upstream reset" }],
  ["a server that stops (409)", { ":status": 200, "grpc-status": "13", "grpc-message": "Error 409: shutdown mode" }],
];

test.each(unserved)("the answer of %s counts as a lost connection", async (_, { ":status": status, ...answer }) => {
  let requests = 0;
  await using server = await RawGrpcServer.start((stream) => {
    requests += 1;
    stream.respond({ ":status": Number(status), "content-type": "application/grpc", ...answer }, { endStream: true });
  });
  const twice = { ...reconnect, maxAttempts: 2 };
  await using client = new KubeMQClient({ address: server.url, reconnect: twice, resend: true });
  const error = await rejection(client.queues.send({ channel: "jobs", body: big }));
  expect([requests, error]).toEqual([2, expect.objectContaining({ code: "UNAVAILABLE" })]);
});

test("a request that is sent again waits for the rest of its timeout", async () => {
  await using broker = await startBroker();
  await using responder = await KubeMQClient.connect({ address: broker.address });
  const waits: number[] = [];
  const service = responder.queries.handle({ channel: "ask" }, ({ timeoutMs }) => {
    if (waits.push(timeoutMs) === 1) broker.faults.resetStreams({ rpc: "SendRequest" });
    return "answer";
  });
  await service.ready;
  const slow = { initialDelayMs: 50, maxDelayMs: 50, jitter: 0 };
  await using client = await KubeMQClient.connect({ address: broker.address, reconnect: slow });
  const answer = await client.queries.send({ channel: "ask", body: "?" }, { timeoutMs: 5_000, resend: true });
  expect([answer.ok, waits[0]]).toEqual([true, 5_000]);
  expect(waits[1]).toBeLessThanOrEqual(4_960);
});

test.each(["without", "with"])("contracts pass the option on, %s telemetry", async (how) => {
  const run = <T>(work: () => T) => work();
  const observer: Observer = { begin: () => ({ carry: (tags) => ({ ...tags }), run, end() {} }) };
  const telemetry = how === "with" ? { observe: () => observer } : undefined;
  const twice = { ...reconnect, maxAttempts: 2 };
  await using client = new KubeMQClient({ address: "127.0.0.1:1", reconnect: twice, telemetry });
  const statuses = statusOf(client);
  const codec = json<number>();
  const [tick, log, jobs] = [events("tick", codec), store("log", codec), queue("jobs", codec)];
  const [act, ask] = [command("act", { request: codec }), query("ask", { request: codec, response: codec })];
  const resend = { resend: true };
  const failed = await Promise.all(
    [
      client.events.publish(tick, 1, resend),
      client.events.publisher(resend).publish(tick, 1),
      client.eventsStore.publish(log, 1, resend),
      client.eventsStore.publisher(resend).publish(log, 1),
      client.queues.send(jobs, 1, resend),
      client.queues.publisher(resend).send(jobs, 1),
      client.commands.send(act, 1, resend),
      client.queries.send(ask, 1, resend),
    ].map(rejection),
  );
  failed.push(await rejection(client.queues.sendBatch(jobs, [1, 2], resend)));
  for (const error of failed) expect(error).toMatchObject({ code: "UNAVAILABLE" });
  await client.close();
  expect(statuses.filter(({ type }) => type === "resend")).toHaveLength(failed.length);
});

test("options that contradict each other are refused", async () => {
  await using client = new KubeMQClient();
  const refused = { code: "INVALID_ARGUMENT" };
  expect(() => client.eventsStore.publisher({ resend: true, reconnect: false })).toThrow("resend needs reconnect");
  expect(() => client.queues.publisher({ resend: true, reconnect: false })).toThrow("resend needs reconnect");
  const yes = { resend: "yes" as unknown as boolean };
  expect(await rejection(client.queues.send({ channel: "jobs", body: "1" }, yes))).toMatchObject(refused);
  expect(await rejection(client.queries.send({ channel: "ask", body: "1" }, yes))).toMatchObject(refused);
  expect(() => new KubeMQClient(yes)).toThrow("resend must be true or false");
});
