import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { type KubeMQClient, KubeMQError } from "kubemq-es";
import { QueueWorld } from "../support/queue-world.js";
import { rejection } from "../support/until.js";

// On KubeMQ community v2.4.0: a message to "a:b" is stored and every receive is refused (Error
// 121); a queue name of more than 246 bytes and a store channel of more than 240 cannot be created,
// and an event to such a channel is confirmed as stored.
const queueNames: [what: string, name: string][] = [
  ["a colon", "orders:eu"],
  ["a colon at its end", "orders:"],
  ["a colon at its beginning", ":orders"],
  ["a routing prefix", "queues:orders"],
  ["a slash", "orders/eu"],
  ["an empty part", "orders..eu"],
  ["a leading dot", ".orders"],
  ["a trailing dot", "orders."],
  ["a wildcard", "orders.*"],
  ["white space", "orders eu"],
  ["247 bytes", "q".repeat(247)],
  ["124 characters of two bytes", "\u00e9".repeat(124)],
];

let world: QueueWorld;

beforeAll(async () => {
  world = await QueueWorld.start();
});

afterAll(() => world[Symbol.asyncDispose]());

const uses: Record<string, (client: KubeMQClient, name: string) => unknown> = {
  "queues.send": ({ queues }, channel) => queues.send({ channel, body: "x" }),
  "queues.sendBatch": ({ queues }, channel) => queues.sendBatch([{ channel, body: "x" }]),
  "queues.receive": ({ queues }, channel) => queues.receive({ channel }),
  "queues.peek": ({ queues }, channel) => queues.peek({ channel }),
  "queues.ackAll": ({ queues }, channel) => queues.ackAll({ channel }),
  "queues.consume": ({ queues }, channel) => queues.consume({ channel }),
  "queues.consume with a lease": ({ queues }, channel) => queues.consume({ channel, visibilitySeconds: 5 }),
  "a dead letter": ({ queues }, queue) =>
    queues.send({ channel: "q", body: "x", policy: { deadLetter: { queue, maxReceiveCount: 1 } } }),
  "channels.create": ({ channels }, name) => channels.create("queues", name),
};

describe.each(Object.keys(uses))("%s refuses invalid queue names before a byte is sent", (use) => {
  test.each(queueNames)("%s", async (_what, name) => {
    const call = async () => uses[use]?.(world.client, name);
    expect(await rejection(call())).toMatchObject({
      code: "INVALID_ARGUMENT",
      message: expect.stringMatching(/must not/),
    });
  });
});

test.each([{}, { visibilitySeconds: 5 }])(
  "requeue refuses a queue name that cannot be received from: %j",
  async (options) => {
    await world.client.queues.send({ channel: "requeued", body: "x" });
    for await (const job of world.client.queues.consume({ channel: "requeued", ...options })) {
      for (const [, name] of queueNames) {
        expect(KubeMQError.is(await rejection(job.requeue(name)), "INVALID_ARGUMENT")).toBe(true);
      }
      await job.ack(); // it is still held
      break;
    }
  },
);

test("the longest queue names and names with unusual characters are accepted", async () => {
  const { queues, eventsStore } = world.client;
  for (const channel of ["q".repeat(246), "\u00e9".repeat(123), "a;b", "a,b#c@d$e", "\u6f22\u5b57", "_a-B.c"]) {
    await queues.send({ channel, body: "x" });
    expect(await queues.receive({ channel })).toHaveLength(1);
  }
  for (const channel of ["s".repeat(240), "a:b"]) await eventsStore.publish({ channel, body: "x" });
});

test.each([
  ["241 bytes", "s".repeat(241)],
  ["121 characters of two bytes", "\u00e9".repeat(121)],
])(
  "a store channel of %s is refused, because a server would confirm its events and lose them",
  async (_what, channel) => {
    const { eventsStore } = world.client;
    expect(await rejection(eventsStore.publish({ channel, body: "x" }))).toMatchObject({ code: "INVALID_ARGUMENT" });
    expect(() => eventsStore.subscribe({ channel, start: { from: "new" } })).toThrow(
      /must not have more than 240 bytes/,
    );
  },
);

test("a queue that cannot be received from can be counted and deleted", async () => {
  await world.client.channels.delete("queues", "orders:eu");
  expect(await world.client.queues.info("orders:eu")).toMatchObject({ queues: [] });
});
