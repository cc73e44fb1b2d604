import assert from "node:assert/strict";
import { KubeMQError } from "kubemq-es";
import { rejection, take, until } from "../../support/until.js";
import type { Suite } from "../suite.js";
import { collect, fill, numbers, texts } from "./loops.js";

export const settling: Suite = {
  title: "Settling",
  promises: {
    "an acknowledged message is not received again": async (world) => {
      const client = await world.client();
      const channel = world.channel("ack");
      await fill(client, channel, 3);
      for await (const job of client.queues.consume({ channel })) {
        await job.ack();
        if (job.text() === "1") break;
      }
      assert.deepEqual(texts(await client.queues.receive({ channel, max: 2 })), ["2"]);
    },

    "a rejected message goes to the end of its queue and counts its deliveries": async (world) => {
      const client = await world.client();
      const channel = world.channel("reject");
      await fill(client, channel, 3);
      const received: string[] = [];
      for await (const job of client.queues.consume({ channel })) {
        if (received.length === 0) await job.reject();
        else await job.ack();
        if (received.push(`${job.text()} ${job.receiveCount}`) === 4) break;
      }
      assert.deepEqual(received, ["0 1", "1 1", "2 1", "0 2"]);
    },

    "requeue() sends a message to another queue in place of this one": async (world) => {
      const client = await world.client();
      const [channel, other] = [world.channel("requeue"), world.channel("requeued")];
      await fill(client, channel, 1);
      for await (const job of client.queues.consume({ channel })) {
        await job.requeue(other);
        break;
      }
      assert.deepEqual(texts(await client.queues.receive({ channel: other })), ["0"]);
      assert.deepEqual(await client.queues.receive({ channel }), []);
    },

    "a second settlement of a message rejects with ALREADY_SETTLED": async (world) => {
      const client = await world.client();
      const channel = world.channel("twice");
      await fill(client, channel, 1);
      for await (const job of client.queues.consume({ channel })) {
        await job.ack();
        assert.equal(job.settled, true);
        assert.ok(KubeMQError.is(await rejection(job.reject()), "ALREADY_SETTLED"));
        break;
      }
    },

    "messages can be settled in another order than they were received": async (world) => {
      const client = await world.client();
      const channel = world.channel("backwards");
      await fill(client, channel, 24);
      const held: { text(): string; ack(): Promise<void> }[] = [];
      let done = 0;
      for await (const job of client.queues.consume({ channel, prefetch: 8 })) {
        if (held.push(job) < 8) continue;
        for (const one of held.splice(0).toReversed()) {
          await one.ack();
          done += 1;
        }
        if (done === 24) break;
      }
      assert.deepEqual(await client.queues.receive({ channel, max: 24 }), []);
    },

    "unsettled messages of a loop that is left return to their places, with their receive counts": async (world) => {
      const client = await world.client();
      const channel = world.channel("left");
      await fill(client, channel, 6);
      for await (const job of client.queues.consume({ channel, prefetch: 4 })) {
        if (job.text() === "0") await job.ack();
        else break;
      }
      const rest = await take(client.queues.consume({ channel, settle: "on-delivery" }), 5);
      assert.deepEqual(
        rest.map((job) => `${job.text()} ${job.receiveCount}`),
        numbers(5, 1).map((body) => `${body} 1`),
      );
    },

    "on-next acknowledges a message when the loop asks for the next one, and rejects it when the loop is left": async (
      world,
    ) => {
      const client = await world.client();
      const channel = world.channel("onnext");
      await fill(client, channel, 4);
      for await (const job of client.queues.consume({ channel, settle: "on-next" })) if (job.text() === "1") break;
      const rest = await take(client.queues.consume({ channel, settle: "on-delivery" }), 3);
      assert.deepEqual(
        rest.map((job) => `${job.text()} ${job.receiveCount}`),
        ["2 1", "3 1", "1 2"],
      );
    },

    "a loop that settles on-delivery loses no message when it is stopped while idle": async (world) => {
      const client = await world.client();
      const channel = world.channel("ondelivery");
      const subscription = client.queues.consume({ channel, settle: "on-delivery", prefetch: 8 });
      const received = collect(subscription, (job) => job.text());
      await fill(client, channel, 2);
      await until("the first messages have arrived", () => received.items.length === 2);
      const closing = subscription.close();
      await fill(client, channel, 6, 2);
      await Promise.all([closing, received.ended]);
      const rest = 8 - received.items.length;
      const others = await take(client.queues.consume({ channel, settle: "on-delivery" }), rest);
      assert.deepEqual([...received.items, ...texts(others)], numbers(8));
    },

    "a message can be settled after its loop was stopped, while its body runs": async (world) => {
      const client = await world.client();
      const channel = world.channel("stopped");
      await fill(client, channel, 2);
      const subscription = client.queues.consume({ channel });
      for await (const job of subscription) {
        const closing = subscription.close();
        await client.ping();
        await job.ack();
        void closing;
      }
      await subscription.closed;
      assert.deepEqual(texts(await client.queues.receive({ channel, max: 2 })), ["1"]);
    },
  },
};
