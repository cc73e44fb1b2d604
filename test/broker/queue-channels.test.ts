import { expect, test } from "@jest/globals";
import { ManualClock } from "../../src/broker/clock.js";
import { newborn } from "../../src/broker/queues/model/message.js";
import { queueChannels } from "../../src/broker/queues/model/channels.js";
import { QueueStore } from "../../src/broker/queues/model/store.js";

const content = (expirationSeconds = 0) => ({
  messageId: "m",
  clientId: "c",
  metadata: "",
  body: new Uint8Array(10),
  tags: {},
  policy: { expirationSeconds, maxReceiveCount: 1024, maxReceiveQueue: "" },
  partitioning: undefined,
  size: 10,
});

test("channel management counts sent, delivered, waiting, expired and delayed messages", () => {
  const clock = new ManualClock();
  const store = new QueueStore(clock, { maxMessages: Infinity, maxAgeMs: Infinity });
  const channels = queueChannels(store);
  store.send("q", content(1), 0);
  clock.advance(1001);
  store.send("q", content(), 0);
  store.send("q", content(), 0);
  store.send("q", content(), 0);
  store.send("q", content(), 5);
  let wanted = 3;
  const queue = store.queue("q");
  const taken: unknown[] = [];
  const seat = queue.join({
    wants: () => wanted > 0,
    take: (message) => {
      wanted--;
      if (taken.push(message) === 1) queue.ack(message);
    },
    skip: () => wanted--,
  });
  queue.leave(seat);
  expect([...channels.list()]).toEqual([
    {
      name: "q",
      lastActivity: clock.now(),
      depth: 2,
      consumers: 0,
      isActive: true,
      incoming: { messages: 4, volume: 40, waiting: 2, expired: 1, delayed: 1, responses: 0 },
      outgoing: { messages: 2, volume: 20, waiting: 0, expired: 0, delayed: 0, responses: 0 },
    },
  ]);
  expect(channels.messages()).toEqual({ q: 2 });
  channels.delete("q");
  channels.delete("none");
  expect([...channels.list()]).toEqual([]);
  expect(clock.timers).toBe(0);
  channels.create("q");
  channels.create("q");
  expect([...channels.list()]).toMatchObject([{ name: "q", lastActivity: 0n, isActive: false }]);
  expect(channels.messages()).toEqual({});
});

test("consumers waiting at a deleted queue receive messages sent to its name later", () => {
  const clock = new ManualClock();
  const store = new QueueStore(clock, { maxMessages: Infinity, maxAgeMs: Infinity });
  const taken: number[] = [];
  store.queue("q").join({ wants: () => true, take: ({ sequence }) => taken.push(sequence), skip() {} });
  store.queue("q").push(content(), newborn(0n));
  store.delete("q");
  store.queue("q").push(content(), newborn(0n));
  expect(taken).toEqual([1, 2]);
  expect(store.queue("q").stats()).toMatchObject({ waiting: 0, held: 1 });
});

test("a cleared store forgets its queues and their timers", () => {
  const clock = new ManualClock();
  const store = new QueueStore(clock, { maxMessages: Infinity, maxAgeMs: Infinity });
  store.send("q", content(), 0);
  store.send("later", content(), 5);
  expect(clock.timers).toBe(1);
  store.clear();
  expect(clock.timers).toBe(0);
  clock.advance(5000);
  expect(store.list()).toEqual([]);
});
