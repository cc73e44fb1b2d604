import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import {
  command,
  events,
  json,
  KubeMQClient,
  query,
  queue,
  store,
  text,
  type EventsContract,
  type KubeMQError,
  type OutgoingMessage,
  type QueueContract,
} from "kubemq-es";
import { openWorld, type OpenWorld } from "../support/with-broker.js";

interface Mail {
  readonly to: string;
}
const mail = json<Mail>();
const [ada, bob, eve] = [{ to: "ada" }, { to: "bob" }, { to: "eve" }] as const;

let world: OpenWorld;
beforeAll(async () => {
  world = await openWorld();
});
afterAll(() => world.end());

/** The first items of a loop. */
async function take<T>(items: AsyncIterable<T>, count: number): Promise<T[]> {
  const taken: T[] = [];
  for await (const item of items) if (taken.push(item) === count) break;
  return taken;
}

const values = <T>(items: Iterable<{ readonly value: T }>): T[] => [...items].map(({ value }) => value);

test("a call refuses a message of a contract of another kind, whose policy would be lost", async () => {
  const made = {
    queues: queue("kinds", text, { expirationSeconds: 60 }).message("x"),
    events: events("kinds", text).message("x"),
    eventsStore: store("kinds", text).message("x", { tags: { a: "b" } }),
    commands: command("kinds", { request: text }).message("x"),
    queries: query("kinds", { request: text, response: text }).message("x", { cache: { key: "k", ttlSeconds: 1 } }),
  };
  const { client } = world;
  await using queuePublisher = client.queues.publisher();
  await using eventPublisher = client.events.publisher();
  const sends: [kind: string, send: (message: OutgoingMessage) => Promise<unknown>][] = [
    ["queues", (message) => client.queues.send(message)],
    ["queues", (message) => client.queues.sendBatch([message])],
    ["queues", (message) => queuePublisher.send(message)],
    ["events", (message) => client.events.publish(message)],
    ["events", (message) => eventPublisher.publish({ ...message, id: "1" })],
    ["eventsStore", (message) => client.eventsStore.publish(message)],
    ["commands", (message) => client.commands.send(message, { timeoutMs: 100 })],
    ["queries", (message) => client.queries.send(message, { timeoutMs: 100 })],
  ];
  for (const [needed, send] of sends) {
    for (const [kind, message] of Object.entries(made)) {
      const outcome = await send(message).then(
        () => "sent",
        (error: KubeMQError) => (error.code === "TIMEOUT" ? "sent" : `${error.code} ${error.message}`),
      );
      if (kind === needed) expect(outcome).toBe("sent");
      else
        expect(outcome).toMatch(
          new RegExp(`^INVALID_ARGUMENT .*made by a contract for ${kind}: send it by client.${kind}`),
        );
    }
  }
});

describe("a queue contract", () => {
  test("a queue contract sends values one by one, as a batch and by a publisher, and receives them", async () => {
    const { queues } = world.client;
    const mails = queue("sent", mail);
    expect(await queues.send(mails, ada, { timeoutMs: 5_000 })).toMatchObject({ ok: true });
    expect(await queues.sendBatch(mails, [bob, eve])).toMatchObject([{ ok: true }, { ok: true }]);
    await using publisher = queues.publisher();
    await publisher.send(mails, ada);
    await publisher.send(mails.message(bob, { tags: { a: "b" } }));
    expect(values(await queues.peek(mails, { max: 5, waitSeconds: 1 }))).toEqual([ada, bob, eve, ada, bob]);
    const received = await queues.receive(mails, { max: 5, waitSeconds: 1, timeoutMs: 60_000 });
    expect(values(received)).toEqual([ada, bob, eve, ada, bob]);
    expect(received[4]?.tags).toEqual({ a: "b" });
  });

  test("a queue contract is consumed with every kind of settlement", async () => {
    const { queues } = world.client;
    const mails = queue("consumed", mail);
    await queues.sendBatch(mails, [ada, bob, eve, ada, bob]);
    for (const job of await take(queues.consume(mails), 1)) expect(job.value).toEqual(ada);
    for await (const job of queues.consume(mails, { visibilitySeconds: 30, signal: world.controller().signal })) {
      expect(job.leasedUntil).toBeInstanceOf(Date);
      await job.ack();
      break;
    }
    expect(await take(queues.consume(mails, { settle: "on-delivery" }), 1)).toHaveLength(1);
    const [batch] = await take(queues.consumeBatches(mails, { max: 2 }), 1);
    expect(values(batch?.messages ?? [])).toHaveLength(2);
  });

  test("a queue contract sends its policy with each message, and a rejected one reaches its dead-letter queue", async () => {
    const { queues } = world.client;
    const failed = queue("policed.failed", mail);
    const mails = queue("policed", mail, { deadLetter: { queue: failed.name, maxReceiveCount: 1 } });
    await queues.send(mails, ada);
    for await (const job of queues.consume(mails)) {
      await job.reject();
      break;
    }
    const [dead] = await take(queues.consume(failed, { settle: "on-delivery" }), 1);
    expect(dead).toMatchObject({ value: ada, reroutedFrom: "policed" });
    const sent = await queues.send(mails.message(ada, { policy: { expirationSeconds: 60 } }));
    expect(sent.expiresAt).toBeInstanceOf(Date);
  });

  test("process of a queue contract takes the options of the request and of the handler together", async () => {
    const { queues } = world.client;
    const mails = queue("jobs-{region}", mail).for({ region: "eu" });
    await queues.sendBatch(mails, [ada, bob]);
    const done: Mail[] = [];
    let finish = () => {};
    const finished = new Promise<void>((resolve) => (finish = resolve));
    await using service = queues.process(mails, ({ value }) => void (done.push(value) === 2 && finish()), {
      concurrency: 1,
      prefetch: 4,
      retry: { maxAttempts: 2, exhausted: "drop" },
    });
    await finished;
    await service.close();
    expect(done).toEqual([ada, bob]);
  });
});

describe("an events contract", () => {
  test("an events contract publishes to one channel, and its template receives all channels with their values", async () => {
    const client = world.client;
    const orders = events("orders.{id}.{step}", mail);
    const subscription = client.events.subscribe(orders.all, { group: "billing" });
    await subscription.ready;
    await client.events.publish(orders.for({ id: 7, step: "paid" }), ada);
    await using publisher = client.events.publisher();
    await publisher.publish(orders.for({ id: 8, step: "paid" }), bob);
    expect(await publisher.publishAll(orders.for({ id: 9, step: "paid" }), [eve])).toBe(1);
    await publisher.publishAll(
      orders.for({ id: 10, step: "paid" }),
      (async function* () {
        yield ada;
      })(),
    );
    const received = await take(subscription, 4);
    expect(values(received)).toEqual([ada, bob, eve, ada]);
    expect(received.map(({ channel }) => orders.parse(channel)?.id)).toEqual(["7", "8", "9", "10"]);
  });
});

describe("a store contract", () => {
  test("publishes, subscribes from a position and replays", async () => {
    const { eventsStore } = world.client;
    const ledger = store("ledger-{account}", mail).for({ account: "7" });
    expect((await eventsStore.publish(ledger, ada)).id).not.toBe("");
    await using publisher = eventsStore.publisher();
    await publisher.publishAll(ledger, [bob, eve]);
    expect(values(await take(eventsStore.subscribe(ledger, { start: { from: "sequence", sequence: 2 } }), 2))).toEqual([
      bob,
      eve,
    ]);
    expect(values(await take(eventsStore.replay(ledger, { start: { from: "first" } }), 9))).toEqual([ada, bob, eve]);
  });
});

describe("a command contract", () => {
  test("a command contract is sent, and handled by a pattern or in a loop", async () => {
    const { commands } = world.client;
    const doors = command("doors.{room}", { request: json<{ open: boolean }>() });
    const rooms: (string | undefined)[] = [];
    await using service = commands.handle(
      doors.all,
      ({ value, channel }) => {
        if (!value.open) throw new Error("it is closed");
        rooms.push(doors.parse(channel)?.room);
      },
      { concurrency: 2 },
    );
    await service.ready;
    const sent = await commands.send(doors.for({ room: "hall" }), { open: true });
    const failed = await commands.send(doors.for({ room: "hall" }), { open: false }, { timeoutMs: 5_000 });
    expect(rooms).toEqual(["hall"]);
    expect([sent.tags, failed]).toMatchObject([{}, { error: "it is closed" }]);
    await service.close();

    const loop = commands.subscribe(doors.for({ room: "cellar" }), { unanswered: "leave", group: "a" });
    await loop.ready;
    const answer = commands.send(doors.for({ room: "cellar" }), { open: true });
    for (const request of await take(loop, 1)) await request.respond();
    expect(await answer).not.toHaveProperty("error");
  });
});

describe("a query contract", () => {
  test("a query contract is sent, and answered by a handler or in a loop with the response's codec", async () => {
    const { queries } = world.client;
    const price = query("price", { request: text, response: json<{ cents: number }>() });
    await using service = queries.handle(price, ({ value }) => ({ cents: value.length }), { group: "prices" });
    await service.ready;
    expect(await queries.send(price, "table")).toMatchObject({ value: { cents: 5 } });
    const cached = price.message("chair", { cache: { key: "chair", ttlSeconds: 60 }, tags: { a: "b" } });
    expect(await queries.send(cached)).toMatchObject({ value: { cents: 5 } });
    await service.close();

    const loop = queries.subscribe(price, { unanswered: "leave" });
    await loop.ready;
    const answer = queries.send(price, "lamp");
    for (const request of await take(loop, 1)) {
      await request.respond(price.reply({ cents: 4 }, { tags: { currency: "EUR" } }));
    }
    expect(await answer).toMatchObject({ value: { cents: 4 }, tags: { currency: "EUR" } });
  });
});

test("a program without contracts receives and answers what a program with contracts sends", async () => {
  const client = world.client;
  const mails = queue("both", mail);
  await client.queues.send(mails, ada);
  await client.queues.send({ channel: "both", body: JSON.stringify(ada) });
  const [typed, plain] = await client.queues.receive({ channel: "both", max: 2, waitSeconds: 1 });
  expect(typed?.text()).toBe(plain?.text());
  expect(typed).toMatchObject({ tags: {}, metadata: "" });

  const price = query("both", { request: text, response: json<{ cents: number }>() });
  await using service = client.queries.handle({ channel: "both" }, (asked) => `{"cents":${asked.text().length}}`);
  await service.ready;
  expect(await client.queries.send(price, "table")).toMatchObject({ ok: true, value: { cents: 5 } });
});

describe("a call with the wrong contract is refused before the client connects", () => {
  // Port 9 refuses connections: an error of the server would be UNAVAILABLE.
  const client = new KubeMQClient({ address: "127.0.0.1:9", reconnect: false });
  afterAll(() => client.close());
  const pattern = events("orders.*", mail) as EventsContract<Mail>;
  const template = events("order-{id}", mail) as unknown as EventsContract<Mail>;
  const mails = queue("mails", mail);
  const other = mails as unknown as EventsContract<Mail>;
  const sent = events("sent", mail) as unknown as QueueContract<Mail>;
  const publisher = client.events.publisher();

  test.each([
    ["a pattern", () => client.events.publish(pattern, ada), /contract with wildcards only subscribes/],
    ["a pattern in a publisher", () => publisher.publish(pattern, ada), /contract with wildcards only subscribes/],
    ["a pattern of many", () => publisher.publishAll(pattern, [ada]), /contract with wildcards only subscribes/],
    [
      "a template",
      () => client.events.publish(template, ada),
      /channel name has parameters: pass the contract that for/,
    ],
    [
      "another kind",
      () => client.events.publish(other, ada),
      /made by queue\(\), and this call needs one made by events/,
    ],
    ["events", () => client.queues.send(sent, ada), /made by events\(\), and this call needs one made by queue/],
    ["events for a batch", () => client.queues.sendBatch(sent, [ada]), /needs one made by queue\(\)/],
    ["events to receive", () => client.queues.receive(sent), /needs one made by queue\(\)/],
    ["events to peek", () => client.queues.peek(sent), /needs one made by queue\(\)/],
    ["events to consume", async () => client.queues.consume(sent), /needs one made by queue\(\)/],
    ["events to process", async () => client.queues.process(sent, () => {}), /needs one made by queue\(\)/],
    ["a template to subscribe", async () => client.events.subscribe(template), /channel name has parameters/],
    ["a value that no codec encodes", () => client.queues.send(mails, undefined as never), /JSON/],
    [
      "a misspelt option",
      async () => client.queues.consume(mails, { prefetsh: 2 } as object),
      /did you mean "prefetch"\?/,
    ],
  ])("%s", async (_, call, message) => {
    await expect(call()).rejects.toThrow(message);
    expect(client.state).toBe("idle");
  });
});

test("a contract of another copy of the package is a contract", async () => {
  const form = Symbol.for("kubemq-es.contract");
  const copy = { [form]: "contract", kind: "queues", name: "copied", codec: mail } as unknown as QueueContract<Mail>;
  const foreign = Object.assign(copy, { message: (body: Mail) => ({ channel: "copied", body, codec: mail }) });
  await world.client.queues.send(foreign, ada);
  expect(values(await world.client.queues.receive(foreign, { waitSeconds: 1 }))).toEqual([ada]);
});
