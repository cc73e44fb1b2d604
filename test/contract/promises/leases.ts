import assert from "node:assert/strict";
import { KubeMQError, type KubeMQClient, type LeasedDelivery } from "kubemq-es";
import { rejection, sleep, take, until } from "../../support/until.js";
import type { Suite } from "../suite.js";
import type { World } from "../world.js";
import { byNumber, fill, numbers, texts } from "./loops.js";

export const leases: Suite = {
  title: "Leases",
  promises: {
    "a leased message that is acknowledged is not received again": async (world) => {
      const { client, channel } = await filled(world, 2);
      for await (const job of client.queues.consume({ channel, visibilitySeconds: 30 })) {
        assert.ok(job.leasedUntil.getTime() > Date.now() + 20_000);
        await job.ack();
        if (job.text() === "1") break;
      }
      assert.deepEqual(await client.queues.receive({ channel }), []);
    },

    "leased messages come in the order of their queue": async (world) => {
      const { client, channel } = await filled(world, 50);
      const received: string[] = [];
      for await (const job of client.queues.consume({ channel, visibilitySeconds: 30 })) {
        await job.ack();
        if (received.push(job.text()) === 50) break;
      }
      assert.deepEqual(received, numbers(50));
    },

    "the end of a lease aborts its signal, and the message is delivered again": async (world) => {
      const { client, channel } = await filled(world, 1);
      const counts: number[] = [];
      for await (const job of client.queues.consume({ channel, visibilitySeconds: 1 })) {
        counts.push(job.receiveCount);
        if (counts.length === 1) {
          await until("the lease has ended", () => job.signal.aborted);
          assert.ok(KubeMQError.is(await rejection(job.ack()), "LEASE_LOST"));
        } else {
          await job.ack();
          break;
        }
      }
      assert.deepEqual(counts, [1, 2]);
    },

    "extendVisibility() holds a message longer": async (world) => {
      const { client, channel } = await filled(world, 1);
      for await (const job of client.queues.consume({ channel, visibilitySeconds: 1 })) {
        const until = await job.extendVisibility(30);
        assert.ok(until.getTime() > Date.now() + 20_000);
        await sleep(1_500);
        assert.equal(job.signal.aborted, false);
        await job.ack();
        break;
      }
      assert.deepEqual(await client.queues.receive({ channel }), []);
    },

    "autoExtend extends a lease for as long as the body of the loop runs": async (world) => {
      const { client, channel } = await filled(world, 1);
      for await (const job of client.queues.consume({ channel, visibilitySeconds: 1, autoExtend: true })) {
        await sleep(2_500);
        assert.equal(job.signal.aborted, false);
        await job.ack();
        break;
      }
      assert.deepEqual(await client.queues.receive({ channel }), []);
    },

    "a leased message that is rejected goes to the end of its queue and counts its deliveries": async (world) => {
      const { client, channel } = await filled(world, 2);
      const received: string[] = [];
      for await (const job of client.queues.consume({ channel, visibilitySeconds: 30 })) {
        if (received.length === 0) await job.reject();
        else await job.ack();
        if (received.push(`${job.text()} ${job.receiveCount}`) === 3) break;
      }
      assert.deepEqual(received, ["0 1", "1 1", "0 2"]);
    },

    "requeue() of a leased message sends it to another queue": async (world) => {
      const { client, channel } = await filled(world, 1);
      const other = world.channel("requeued");
      await withFirst(client, channel, (job) => job.requeue(other));
      assert.deepEqual(texts(await client.queues.receive({ channel: other })), ["0"]);
      assert.deepEqual(await client.queues.receive({ channel }), []);
    },

    "replace() sends a changed message in place of a leased one": async (world) => {
      const { client, channel } = await filled(world, 1);
      await withFirst(client, channel, (job) => job.replace({ channel, body: "changed", tags: { step: "2" } }));
      const [job, ...more] = await client.queues.receive({ channel, max: 2 });
      assert.deepEqual([job?.text(), job?.tags["step"], more], ["changed", "2", []]);
    },

    "a leased message that is unsettled when its loop is left is delivered again": async (world) => {
      const { client, channel } = await filled(world, 2);
      await withFirst(client, channel, async () => {});
      const rest = await take(client.queues.consume({ channel, settle: "on-delivery" }), 2);
      assert.deepEqual(texts(rest).sort(byNumber), ["0", "1"]);
    },
  },

  alone: {
    "each of 300 acknowledgements of leased messages resolves": async (world) => {
      const { client, channel } = await filled(world, 300);
      const [received, failures]: [string[], unknown[]] = [[], []];
      for await (const job of client.queues.consume({ channel, prefetch: 8, visibilitySeconds: 30 })) {
        await job.ack().catch((error: unknown) => failures.push(error));
        if (received.push(job.text()) === 300) break;
      }
      assert.deepEqual(failures, []);
      assert.deepEqual(received.sort(byNumber), numbers(300));
      assert.deepEqual(await client.queues.receive({ channel }), []);
    },
  },
};

async function filled(world: World, count: number): Promise<{ client: KubeMQClient; channel: string }> {
  await world.needs("StreamQueueMessage");
  const client = await world.client();
  const channel = world.channel("lease");
  await fill(client, channel, count);
  return { client, channel };
}

/** Leases the first message of a queue, and leaves the loop. */
async function withFirst(
  client: KubeMQClient,
  channel: string,
  work: (job: LeasedDelivery) => Promise<void>,
): Promise<void> {
  for await (const job of client.queues.consume({ channel, visibilitySeconds: 30 })) {
    await work(job);
    break;
  }
}
