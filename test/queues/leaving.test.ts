import { describe, expect, test } from "@jest/globals";
import { numbers, QueueWorld } from "../support/queue-world.js";
import { roundTrips, until, within } from "../support/until.js";

describe("leaving a queue loop", () => {
  const ways = ["break", "throw", "return"] as const;
  test.each(ways)("%s returns unsettled messages at once, with their place and their count", async (way) => {
    await using world = await QueueWorld.start();
    await world.fill("q", numbers(40));
    let left = 0;
    const loop = async () => {
      let count = 0;
      for await (const job of world.client.queues.consume({ channel: "q", prefetch: 16 })) {
        if (++count <= 20) await job.ack();
        else {
          left = performance.now();
          if (way === "break") break;
          if (way === "throw") throw new Error("thrown");
          return;
        }
      }
    };
    await loop().catch((error: Error) => expect(error.message).toBe("thrown"));
    await until("the call is gone", () => world.streams("QueuesDownstream") === 0, 1_000);
    expect(performance.now() - left).toBeLessThan(500);
    const back = await world.peek("q");
    expect(back.map((message) => [message.text(), message.receiveCount])).toEqual(
      numbers(40)
        .slice(20)
        .map((body) => [body, 1]),
    );
  });

  test.each([
    ["break", {}],
    ["throw", {}],
    ["break", { settle: "on-next" }],
    ["break", { visibilitySeconds: 30 }],
    ["throw", { visibilitySeconds: 30 }],
  ] as const)("%s after an abort returns unsettled messages at once, with %j", async (way, options) => {
    await using world = await QueueWorld.start();
    await world.fill("q", ["a", "b"]);
    const stop = new AbortController();
    const loop = async () => {
      for await (const _ of world.client.queues.consume({ channel: "q", ...options }, { signal: stop.signal })) {
        stop.abort();
        if (way === "break") break;
        throw new Error("thrown");
      }
    };
    // After an abort alone the loop ends 5 seconds later.
    await within(3_000, "the end of the loop", loop()).catch((error: Error) => expect(error.message).toBe("thrown"));
    await until(
      "the call is gone",
      () => world.streams("QueuesDownstream") + world.streams("StreamQueueMessage") === 0,
    );
    expect((await world.waiting("q")).toSorted()).toEqual(["a", "b"]);
  });

  test("break waits for acks that the body did not await", async () => {
    await using world = await QueueWorld.start();
    await world.fill("q", numbers(8));
    const acks: Promise<void>[] = [];
    for await (const job of world.client.queues.consume({ channel: "q", prefetch: 8 })) {
      acks.push(job.ack());
      if (acks.length === 5) break;
    }
    await Promise.all(acks);
    expect(await world.waiting("q")).toEqual(["5", "6", "7"]);
  });

  test.each(["abort", "close", "client.close"] as const)(
    "%s: delivered messages can be settled, and the others return",
    async (way) => {
      await using world = await QueueWorld.start();
      await world.fill("q", numbers(10));
      await using client = world.another();
      const stop = new AbortController();
      const subscription = client.queues.consume({ channel: "q", prefetch: 1 }, { signal: stop.signal });
      let closing: Promise<void> = Promise.resolve();
      let count = 0;
      for await (const job of subscription) {
        await job.ack();
        if (++count < 5) continue;
        const next = await world.peek("q");
        expect(next.length).toBeGreaterThanOrEqual(4);
        if (way === "abort") stop.abort();
        else closing = way === "close" ? subscription.close() : client.close();
      }
      expect(count).toBe(5);
      await closing;
      await until("the call is gone", () => world.streams("QueuesDownstream") === 0);
      expect(await world.waiting("q")).toEqual(["5", "6", "7", "8", "9"]);
    },
  );

  test.each(["abort", "close"] as const)("%s in the body: the body's message is acknowledged after it", async (way) => {
    await using world = await QueueWorld.start();
    await world.fill("q", numbers(10));
    const stop = new AbortController();
    const subscription = world.client.queues.consume({ channel: "q", prefetch: 4 }, { signal: stop.signal });
    let closed = false;
    for await (const job of subscription) {
      void subscription.closed.then(() => (closed = true));
      if (way === "abort") stop.abort();
      else await within(500, "close() in the body", subscription.close());
      await roundTrips(world.client);
      expect(closed).toBe(false);
      await job.ack();
    }
    expect(await within(1_000, "the end", subscription.closed)).toBeUndefined();
    await until("the call is gone", () => world.streams("QueuesDownstream") === 0);
    expect(await world.waiting("q")).toEqual(numbers(10).slice(1));
  });

  test("prefetched messages return after the delivered messages of the same poll are settled", async () => {
    await using world = await QueueWorld.start();
    await world.fill("q", numbers(4));
    const stop = new AbortController();
    for await (const job of world.client.queues.consume({ channel: "q", prefetch: 4 }, { signal: stop.signal })) {
      await until("all are on this side", async () => (await world.waiting("q")).length === 0);
      stop.abort();
      await job.ack();
      await until("the others are back", async () => (await world.waiting("q")).length === 3, 3_500);
    }
    expect(await world.waiting("q")).toEqual(["1", "2", "3"]);
  });

  test("an abort while the loop waits cancels the poll", async () => {
    await using world = await QueueWorld.start();
    const stop = new AbortController();
    const subscription = world.client.queues.consume({ channel: "q", prefetch: 4 }, { signal: stop.signal });
    const next = subscription[Symbol.asyncIterator]().next();
    await subscription.ready;
    stop.abort();
    expect(await within(500, "the end", next)).toEqual({ done: true, value: undefined });
    await until("the call is gone", () => world.streams("QueuesDownstream") === 0, 1_000);
    await world.client.queues.send({ channel: "q", body: "for nobody" });
    expect(await world.waiting("q")).toEqual(["for nobody"]);
  });

  test("consume with an aborted signal makes no iteration and no call", async () => {
    await using world = await QueueWorld.start();
    for await (const _ of world.client.queues.consume({ channel: "q" }, { signal: AbortSignal.abort() })) void _;
    for await (const _ of world.client.queues.consume(
      { channel: "q", visibilitySeconds: 5 },
      { signal: AbortSignal.abort() },
    ))
      void _;
    expect(world.broker.stats().streams).toEqual({});
  });

  test("messages that were never settled return to the queue", async () => {
    await using world = await QueueWorld.start();
    await world.fill("q", ["a"]);
    const stop = new AbortController();
    const loop = (async () => {
      for await (const job of world.client.queues.consume({ channel: "q" }, { signal: stop.signal })) {
        expect(job.settled).toBe(false);
        stop.abort();
      }
    })();
    await until("the body is over", () => stop.signal.aborted);
    await world.pass(3_000);
    await roundTrips(world.client);
    expect(world.streams("QueuesDownstream")).toBe(1);
    await world.pass(2_000);
    await loop;
    await until("the call is gone", () => world.streams("QueuesDownstream") === 0);
    expect(await world.waiting("q")).toEqual(["a"]);
  });
});
