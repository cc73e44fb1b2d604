import { describe, expect, test } from "@jest/globals";
import { first, QueueWorld } from "../support/queue-world.js";
import { roundTrips, until } from "../support/until.js";

describe("message policies", () => {
  test("a message moves to the dead-letter queue after its last delivery is rejected, by transaction and by lease", async () => {
    await using world = await QueueWorld.start();
    const { queues } = world.client;
    const policy = { deadLetter: { queue: "dead", maxReceiveCount: 2 } };
    await queues.sendBatch(
      ["transaction", "lease"].map((channel) => ({ id: channel, channel, body: channel, policy })),
    );
    const counts: number[] = [];
    for await (const job of queues.consume({ channel: "transaction" })) {
      counts.push(job.receiveCount);
      await job.reject();
      if (job.receiveCount === 2) break;
    }
    for await (const job of queues.consume({ channel: "lease", visibilitySeconds: 30 })) {
      counts.push(job.receiveCount);
      await job.reject();
      if (job.receiveCount === 2) break;
    }
    expect(counts).toEqual([1, 2, 1, 2]);
    const letters = await queues.receive({ channel: "dead", max: 2 });
    expect(
      letters.map(({ id, channel, reroutedFrom, receiveCount }) => [id, channel, reroutedFrom, receiveCount]),
    ).toEqual([
      ["transaction", "dead", "transaction", 1],
      ["lease", "dead", "lease", 1],
    ]);
  });

  test("an expired message vanishes from the queue, can be settled while held, and its rejected copy keeps its expiry", async () => {
    await using world = await QueueWorld.start();
    const { queues } = world.client;
    const policy = { expirationSeconds: 1 };
    const sent = await queues.send({ channel: "q", body: "queued", policy });
    await queues.send({ channel: "held", body: "held", policy });
    await queues.send({ channel: "back", body: "back", policy });
    const [seen] = await queues.peek({ channel: "q" });
    expect(seen?.expiresAt).toEqual(sent.expiresAt);
    for await (const job of queues.consume({ channel: "back" })) {
      await job.reject();
      break;
    }
    const [rejected] = await queues.peek({ channel: "back" });
    expect(rejected?.receiveCount).toBe(2);
    for await (const job of queues.consume({ channel: "held" })) {
      await world.pass(1_200);
      await job.ack();
      break;
    }
    expect(await world.afterWait(queues.receive({ channel: "q" }))).toEqual([]);
    const [copy] = await world.afterWait(queues.receive({ channel: "back" }));
    expect(copy).toBeUndefined();
  });

  test("a delayed message becomes visible at its time and does not carry the delay", async () => {
    await using world = await QueueWorld.start();
    const sent = await world.client.queues.send({ channel: "q", body: "later", policy: { delaySeconds: 60 } });
    expect(sent.delayedTo?.getTime()).toBeGreaterThanOrEqual(sent.sentAt.getTime() + 60_000);
    const arriving = first(world.client.queues.consume({ channel: "q" }));
    let hasArrived = false;
    void arriving.then(() => (hasArrived = true));
    await world.pass(30_000);
    await roundTrips(world.client);
    expect(hasArrived).toBe(false);
    await world.pass(30_000);
    const job = await arriving;
    expect(job.delayedTo).toBeUndefined();
    await job.ack();
  });

  test("requeue restarts the delivery count and the expiration, and replace sends a new message", async () => {
    await using world = await QueueWorld.start();
    const { queues } = world.client;
    const sent = await queues.send({ id: "mine", channel: "q", body: "x", policy: { expirationSeconds: 60 } });
    for await (const job of queues.consume({ channel: "q" })) {
      if (job.receiveCount === 1) await job.reject();
      else {
        await world.pass(20);
        await job.requeue("other");
        break;
      }
    }
    const [moved] = await queues.peek({ channel: "other" });
    expect([moved?.id, moved?.receiveCount, moved?.reroutedFrom]).toEqual(["mine", 1, undefined]);
    expect(moved?.expiresAt?.getTime()).toBeGreaterThan(sent.expiresAt?.getTime() ?? Infinity);
    for await (const job of queues.consume({ channel: "other", visibilitySeconds: 30 })) {
      await job.replace({ id: "new", channel: "third", body: "y" });
      break;
    }
    const [changed] = await queues.receive({ channel: "third" });
    expect([changed?.id, changed?.text(), changed?.receiveCount, changed?.expiresAt]).toEqual([
      "new",
      "y",
      1,
      undefined,
    ]);
    await until("nothing is left", () =>
      Object.values(world.broker.stats().messages.queues).every((count) => count === 0),
    );
  });
});
