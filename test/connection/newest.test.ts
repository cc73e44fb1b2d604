import { afterAll, expect, test } from "@jest/globals";
import { KubeMQClient } from "kubemq-es";
import { startBroker } from "kubemq-es/testing";
import { rejection, take, until } from "../support/until.js";

// What the client does on the newest line of servers, as the broker's profile knows them from documents.

const broker = await startBroker({ profile: "newest" });
const reconnect = { initialDelayMs: 1, maxDelayMs: 2, firstAttempts: 2 };
const client = await KubeMQClient.connect({ address: broker.address, clientId: "me", reconnect });
afterAll(async () => {
  await client.close();
  await broker.close();
});

test("queues.info comes from the channel list, and waits for the cluster's snapshot", async () => {
  await client.queues.sendBatch([
    { channel: "jobs", body: "12" },
    { channel: "jobs", body: "34" },
    { channel: "jobs.more", body: "5" },
  ]);
  expect(await client.queues.info("jobs")).toEqual({
    total: 1,
    queues: [
      {
        name: "jobs",
        messages: 2,
        bytes: expect.any(Number),
        firstSequence: 0n,
        lastSequence: 0n,
        waiting: 2,
        subscribers: 0,
      },
    ],
  });
  expect((await client.queues.info()).queues.map(({ name }) => name)).toEqual(["jobs", "jobs.more"]);
});

test("a consumer receives a backlog without QueuesInfo", async () => {
  await client.queues.sendBatch(Array.from({ length: 300 }, (_, index) => ({ channel: "backlog", body: `${index}` })));
  const seen: string[] = [];
  for await (const message of client.queues.consume({ channel: "backlog", prefetch: 50 })) {
    seen.push(message.text());
    await message.ack();
    if (seen.length === 300) break;
  }
  expect(seen).toEqual(Array.from({ length: 300 }, (_, index) => `${index}`));
  await until("everything is settled", () => broker.stats().messages.queues["backlog"] === undefined);
});

test("a lease rejects with UNSUPPORTED, and the error names an alternative", async () => {
  await client.queues.send({ channel: "leased", body: "1" });
  const error = await rejection(take(client.queues.consume({ channel: "leased", visibilitySeconds: 5 }), 1));
  expect(error).toMatchObject({ code: "UNSUPPORTED", channel: "leased" });
  expect(String(error)).toMatch(/no leases \(StreamQueueMessage\): omit visibilitySeconds/);
});

test("a channel of a connector is a refusal with the server's number, in every pattern", async () => {
  const channel = "kafka.orders";
  for (const refused of [
    () => client.queues.receive({ channel }),
    () => client.commands.send({ channel, body: "x" }),
    () => take(client.events.subscribe({ channel }), 1),
    () => client.eventsStore.publish({ channel, body: "x" }),
    () => client.queues.send({ channel, body: "x" }),
  ]) {
    const error = await rejection(refused());
    expect([String(refused), error]).toEqual([
      String(refused),
      expect.objectContaining({ code: "REJECTED_BY_SERVER", serverCode: 443, retryable: false }),
    ]);
  }
});

test("the server judges the limits that are its settings", async () => {
  const day = { channel: "later", body: "x", policy: { delaySeconds: 86_400, expirationSeconds: 86_400 } };
  expect((await client.queues.sendBatch([day]))[0]).toMatchObject({ ok: true });
  const longer = { ...day, policy: { delaySeconds: 86_401 } };
  const [result] = await client.queues.sendBatch([longer]);
  expect(result).toMatchObject({ ok: false, error: { code: "REJECTED_BY_SERVER", serverCode: 135 } });
  expect(await rejection(client.queues.receive({ channel: "later", max: 1_025 }))).toMatchObject({ serverCode: 122 });
  const long = client.queues.receive({ channel: "later", waitSeconds: 3_601 });
  expect(await rejection(long)).toMatchObject({ code: "REJECTED_BY_SERVER", serverCode: 136 });
});

test("a store subscription can use the clientId itself, and a second one waits for it", async () => {
  await using own = new KubeMQClient({ address: broker.address, clientId: "me", storeClientId: "client", reconnect });
  for (const body of ["1", "2", "3"]) await own.eventsStore.publish({ channel: "log", body });
  const first = own.eventsStore.subscribe({ channel: "log", start: { from: "first" } });
  expect((await take(first, 2)).map((event) => event.text())).toEqual(["1", "2"]);
  const replay = own.eventsStore.replay({ channel: "log", start: { from: "first" }, quietMs: 20 });
  expect((await take(replay, 3)).map((event) => event.text())).toEqual(["1", "2", "3"]);
  await own.eventsStore.publish({ channel: "log", body: "4" });
  const again = own.eventsStore.subscribe({ channel: "log", start: { from: "first" } });
  // The server's position, not the start: what was in transit at the end of the first loop is lost.
  expect((await take(again, 1)).map((event) => event.text())).toEqual(["4"]);
});
