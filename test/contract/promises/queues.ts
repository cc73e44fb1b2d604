import assert from "node:assert/strict";
import { sleep, take, until } from "../../support/until.js";
import type { Suite } from "../suite.js";
import { byNumber, collect, fill, gate, inOrder, numbers, shared, text, texts } from "./loops.js";

export const queues: Suite = {
  title: "Queues",
  promises: {
    "one consumer receives the messages of a queue in their order, one at a time": (world) => inOrder(world, 1),
    "one consumer receives the messages of a queue in their order with a prefetch of 8": (world) => inOrder(world, 8),
    "one consumer receives the messages of a queue in their order with a prefetch of 32": (world) => inOrder(world, 32),

    "a loop that settles on-next receives the messages in their order": (world) =>
      inOrder(world, 8, { settle: "on-next" }),

    "a loop that settles on-delivery receives the messages in their order": (world) =>
      inOrder(world, 8, { settle: "on-delivery" }),

    "a slow message does not delay the other messages": async (world) => {
      const client = await world.client();
      const channel = world.channel("slow");
      const [slow, stop] = [gate(), new AbortController()];
      const done = new Set<string>();
      await fill(client, channel, 60);
      const pool = client.queues.process(
        { channel, prefetch: 8 },
        async (job) => {
          if (job.text() === "5") await slow.opened;
          done.add(job.text());
        },
        { concurrency: 8, signal: stop.signal },
      );
      await fill(client, channel, 30, 60);
      await until("all messages but the slow one are done", () => done.size === 89, 15_000);
      assert.equal(done.has("5"), false);
      slow.open();
      await until("the slow one is done", () => done.size === 90);
      stop.abort();
      await pool;
    },

    "process() runs as many handlers at once as its concurrency allows": async (world) => {
      const client = await world.client();
      const channel = world.channel("concurrency");
      const [all, stop] = [gate(), new AbortController()];
      let [running, most, done] = [0, 0, 0];
      await fill(client, channel, 12);
      const pool = client.queues.process(
        { channel },
        async () => {
          most = Math.max(most, ++running);
          if (running === 4) all.open();
          await all.opened;
          running -= 1;
          done += 1;
        },
        { concurrency: 4, signal: stop.signal },
      );
      await until("all messages are done", () => done === 12);
      stop.abort();
      await pool;
      assert.equal(most, 4);
    },

    "process() acknowledges, rejects or requeues each message by the outcome of its handler": async (world) => {
      const client = await world.client();
      const [channel, next] = [world.channel("process"), world.channel("process.next")];
      const stop = new AbortController();
      const seen: string[] = [];
      await client.queues.sendBatch(["done", "fails", "goes on"].map((body) => ({ channel, body })));
      const pool = client.queues.process(
        { channel },
        (job) => {
          seen.push(`${job.text()} ${job.receiveCount}`);
          if (job.text() === "fails" && job.receiveCount === 1) throw new Error("not yet");
          return job.text() === "goes on" ? { requeue: next } : undefined;
        },
        { signal: stop.signal },
      );
      await until("the failed message has come again", () => seen.length === 4);
      stop.abort();
      await pool;
      assert.deepEqual(seen, ["done 1", "fails 1", "goes on 1", "fails 2"]);
      assert.deepEqual(texts(await client.queues.receive({ channel: next })), ["goes on"]);
      assert.deepEqual(await client.queues.peek({ channel }), []);
    },

    "two consumers share a queue, and no message is lost or acknowledged twice": (world) => shared(world, {}),

    "two loops that settle on-delivery share a queue, and no message is lost or received twice": (world) =>
      shared(world, { settle: "on-delivery" }),

    "receive() takes messages out of a queue, up to its max": async (world) => {
      const client = await world.client();
      const channel = world.channel("receive");
      await fill(client, channel, 5);
      assert.deepEqual(texts(await client.queues.receive({ channel, max: 3 })), ["0", "1", "2"]);
      assert.deepEqual(texts(await client.queues.receive({ channel, max: 2 })), ["3", "4"]);
      assert.deepEqual(await client.queues.receive({ channel }), []);
    },

    "peek() shows messages and leaves them in their queue": async (world) => {
      const client = await world.client();
      const channel = world.channel("peek");
      await fill(client, channel, 3);
      assert.deepEqual(texts(await client.queues.peek({ channel, max: 3 })), numbers(3));
      const again = await client.queues.receive({ channel, max: 3 });
      assert.deepEqual(texts(again), numbers(3));
      assert.deepEqual(
        again.map(({ receiveCount }) => receiveCount),
        [1, 1, 1],
      );
    },

    "ackAll() removes the waiting messages of a queue and returns their number": async (world) => {
      const client = await world.client();
      const channel = world.channel("ackall");
      await fill(client, channel, 5);
      assert.equal(await client.queues.ackAll({ channel }), 5n);
      assert.deepEqual(await client.queues.receive({ channel }), []);
    },

    "two messages with the same id are both received, as when a message is sent again": async (world) => {
      const client = await world.client();
      const channel = world.channel("twice");
      for (let copy = 0; copy < 2; copy++) await client.queues.send({ channel, id: "7", body: "x" });
      const messages = await client.queues.receive({ channel, max: 2, waitSeconds: 5 });
      assert.deepEqual(
        messages.map(({ id }) => id),
        ["7", "7"],
      );
    },

    "sendBatch() stores its messages in their order and returns a result for each": async (world) => {
      const client = await world.client();
      const channel = world.channel("batch");
      const results = await client.queues.sendBatch(numbers(50).map((body) => ({ channel, id: `id-${body}`, body })));
      assert.deepEqual(
        results.map(({ ok, id }) => [ok, id]),
        numbers(50).map((body) => [true, `id-${body}`]),
      );
      assert.deepEqual(texts(await client.queues.receive({ channel, max: 50 })), numbers(50));
    },

    "a publisher stores messages in the order of its sends": async (world) => {
      await world.needs("QueuesUpstream");
      const client = await world.client();
      const channel = world.channel("publisher");
      const publisher = client.queues.publisher();
      const results = await Promise.all(numbers(200).map((body) => publisher.send({ channel, body })));
      await publisher.close();
      assert.ok(results.flat().every(({ ok }) => ok));
      assert.deepEqual(texts(await client.queues.receive({ channel, max: 200 })), numbers(200));
    },

    "content, times and counts of a message arrive unchanged": async (world) => {
      const client = await world.client();
      const channel = world.channel("content");
      const sent = { channel, id: "id-1", metadata: "m \u00e9", tags: { key: "v \u{1f600}" } };
      const { sentAt } = await client.queues.send({ ...sent, body: Uint8Array.of(0, 255, 128) });
      const [job] = await client.queues.receive({ channel });
      assert.ok(job !== undefined);
      const { id, metadata, tags } = job;
      assert.deepEqual({ channel: job.channel, id, metadata, tags: { ...tags } }, sent);
      assert.deepEqual([[...job.body], job.receiveCount, job.sequence], [[0, 255, 128], 1, 1n]);
      assert.ok(Math.abs(job.timestamp.getTime() - sentAt.getTime()) < 5_000);
    },

    "a delayed message is received when its delay is over, and not before": async (world) => {
      const client = await world.client();
      const channel = world.channel("delay");
      const sent = performance.now();
      const { delayedTo } = await client.queues.send({ channel, body: "later", policy: { delaySeconds: 2 } });
      assert.ok(delayedTo !== undefined);
      await client.queues.send({ channel, body: "now" });
      const [now, later] = await take(client.queues.consume({ channel, settle: "on-delivery" }), 2);
      const took = performance.now() - sent;
      assert.deepEqual([now?.text(), later?.text()], ["now", "later"]);
      assert.ok(took > 1_900 && took < 6_000, `took ${took.toFixed(0)} ms`);
    },

    "an expired message is not received": async (world) => {
      const client = await world.client();
      const channel = world.channel("expiry");
      await client.queues.send({ channel, body: "short-lived", policy: { expirationSeconds: 1 } });
      await client.queues.send({ channel, body: "kept" });
      await sleep(1_300);
      assert.deepEqual(texts(await client.queues.receive({ channel, max: 2 })), ["kept"]);
    },

    "a message that was rejected too often goes to its dead-letter queue": async (world) => {
      const client = await world.client();
      const [channel, dead] = [world.channel("poison"), world.channel("dead")];
      const policy = { deadLetter: { queue: dead, maxReceiveCount: 2 } };
      await client.queues.send({ channel, body: "poison", policy });
      const counts: number[] = [];
      for await (const job of client.queues.consume({ channel })) {
        await job.reject();
        if (counts.push(job.receiveCount) === 2) break;
      }
      const [letter] = await client.queues.receive({ channel: dead, waitSeconds: 5 });
      assert.deepEqual([counts, letter?.text(), letter?.reroutedFrom], [[1, 2], "poison", channel]);
      assert.deepEqual(await client.queues.peek({ channel }), []);
    },

    "info() returns the number of waiting messages of a queue": async (world) => {
      if (!(await world.supports("QueuesInfo"))) await world.needs("channel management");
      const client = await world.client();
      const channel = world.channel("info");
      await fill(client, channel, 7);
      const { queues } = await client.queues.info(channel);
      assert.equal(queues.length, 1);
      assert.equal(queues[0]?.waiting, 7);
    },

    "consumeBatches() yields the messages of a poll, which can be settled together or one by one": async (world) => {
      const client = await world.client();
      const channel = world.channel("batches");
      await fill(client, channel, 10);
      const batches: string[][] = [];
      for await (const batch of client.queues.consumeBatches({ channel, max: 5 })) {
        batches.push(texts(batch.messages));
        if (batches.length === 1) await batch.ackAll();
        else {
          const sequences = batch.messages.map(({ sequence }) => sequence);
          await batch.ack(sequences.slice(0, 2));
          await batch.reject(sequences.slice(2));
          assert.deepEqual(await batch.unsettled(), []);
          break;
        }
      }
      assert.deepEqual(batches, [numbers(5), numbers(5, 5)]);
      const rejected = await client.queues.receive({ channel, max: 3 });
      assert.deepEqual(texts(rejected).sort(byNumber), ["7", "8", "9"]);
    },
  },

  alone: {
    "an idle consumer receives a new message before the shortest wait of a poll has passed": async (world) => {
      const [consumer, producer] = [await world.client(), await world.client()];
      const channel = world.channel("idle");
      const received = collect(consumer.queues.consume({ channel, prefetch: 8 }), async (job) => {
        await job.ack();
        return performance.now();
      });
      for (let count = 1; count <= 5; count++) {
        const sent = performance.now();
        await producer.queues.send({ channel, body: String(count) });
        await until("the message has arrived", () => received.items.length === count);
        const took = (received.items[count - 1] ?? Infinity) - sent;
        assert.ok(took < 1_000, `message ${count} took ${took.toFixed(0)} ms`);
      }
    },

    "an idle consumer of one queue delays a consumer of another queue by at most a second": async (world) => {
      const [idle, busy] = [await world.client(), await world.client()];
      const idling = idle.queues.consume({ channel: world.channel("idle") });
      const none = collect(idling, text);
      await idling.ready;
      const channel = world.channel("busy");
      const total = 600;
      await fill(busy, channel, total);
      let [seen, worst, last] = [0, 0, performance.now()];
      for await (const job of busy.queues.consume({ channel })) {
        worst = Math.max(worst, performance.now() - last);
        await job.ack();
        if (++seen === total) break;
        last = performance.now();
      }
      assert.ok(worst < 1_500, `waited ${worst.toFixed(0)} ms for a message`);
      assert.deepEqual(none.items, []);
    },
  },
};
