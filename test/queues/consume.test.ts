import { describe, expect, test } from "@jest/globals";
import {
  forEachConcurrent,
  KubeMQClient,
  KubeMQError,
  type Delivery,
  type QueueMessage,
  type Subscription,
} from "kubemq-es";
import { ManualClock } from "kubemq-es/testing";
import { numbers, QueueWorld } from "../support/queue-world.js";
import { rejection, roundTrips, until, within } from "../support/until.js";

describe("consuming a queue", () => {
  test("a single message is delivered without delay, whatever the prefetch", async () => {
    // Its time stands still: a poll that waits to be filled waits without end.
    await using world = await QueueWorld.start({ clock: new ManualClock() });
    let received = 0;
    const stop = new AbortController();
    const loop = (async () => {
      for await (const job of world.client.queues.consume({ channel: "q", prefetch: 32 }, { signal: stop.signal })) {
        received += 1;
        void job.ack();
      }
    })();
    for (let sent = 0; sent < 40; sent++) {
      await roundTrips(world.client, sent % 4 === 0 ? 5 : 1);
      await world.client.queues.send({ channel: "q", body: "x" });
      await until("it is there", () => received > sent);
    }
    stop.abort();
    await loop;
    expect(received).toBe(40);
  });

  test("a deep queue is drained at full prefetch, and each message is delivered once", async () => {
    await using world = await QueueWorld.start();
    await world.fill("q", numbers(3_000));
    const stop = new AbortController();
    const seen: string[] = [];
    let most = 0;
    let running = 0;
    let allRun = () => {};
    const allRunning = new Promise<void>((resolve) => (allRun = resolve));
    await within(
      15_000,
      "the drain",
      world.client.queues.process(
        { channel: "q", prefetch: 256 },
        async (job) => {
          most = Math.max(most, ++running);
          seen.push(job.text());
          if (most === 64) allRun();
          await allRunning;
          running -= 1;
          if (seen.length === 3_000) stop.abort();
        },
        { concurrency: 64, signal: stop.signal },
      ),
    );
    expect([...seen].sort()).toEqual(numbers(3_000).sort());
    expect(most).toBe(64);
    expect(await world.waiting("q")).toEqual([]);
  }, 30_000);

  test("prefetch bounds the held messages, and a slow message does not block the others", async () => {
    await using world = await QueueWorld.start();
    const held: Delivery[] = [];
    const stop = new AbortController();
    const loop = (async () => {
      for await (const job of world.client.queues.consume({ channel: "q", prefetch: 3 }, { signal: stop.signal }))
        held.push(job);
    })();
    for (const body of numbers(5)) {
      await world.client.queues.send({ channel: "q", body });
      await roundTrips(world.client, 1);
    }
    await until("three are held", () => held.length === 3);
    expect(await world.waiting("q")).toEqual(["3", "4"]);
    await within(500, "an ack while polls wait", held[1]?.ack() ?? Promise.reject(new Error("none")));
    await until("the fourth", () => held.length === 4);
    stop.abort();
    for (const job of held) if (!job.settled) await within(500, "an ack after the abort", job.ack());
    await loop;
    await until("no stream is left", () => world.streams("QueuesDownstream") === 0);
    expect(await world.waiting("q")).toEqual(["4"]);
  });

  test("on-next acknowledges at the next message, and rejects at break and throw", async () => {
    await using world = await QueueWorld.start();
    await world.fill("q", ["a", "b", "c"]);
    for await (const job of world.client.queues.consume({ channel: "q", settle: "on-next", prefetch: 3 })) {
      if (job.text() === "b") break;
    }
    expect((await world.peek("q")).map((m) => [m.text(), m.receiveCount])).toEqual([
      ["c", 1],
      ["b", 2],
    ]);
    const failing = (async () => {
      for await (const job of world.client.queues.consume({ channel: "q", settle: "on-next" }))
        throw new Error(job.text());
    })();
    expect(await rejection(failing)).toMatchObject({ message: "c" });
    expect(await world.waiting("q")).toEqual(["b", "c"]);
  });

  test("on-next acknowledges the message whose body runs during an abort", async () => {
    await using world = await QueueWorld.start();
    await world.fill("q", ["a", "b"]);
    const stop = new AbortController();
    const { signal } = stop;
    for await (const job of world.client.queues.consume({ channel: "q", settle: "on-next" }, { signal })) {
      stop.abort();
      await roundTrips(world.client);
      expect(job.text()).toBe("a");
    }
    await until("no stream is left", () => world.streams("QueuesDownstream") === 0);
    expect(await world.waiting("q")).toEqual(["b"]);
  });

  test.each(["manual", "on-next", "on-delivery"] as const)(
    "ready of a consumer that never began rejects with its signal's reason, or as closed: %s",
    async (settle) => {
      await using client = new KubeMQClient({ address: "localhost:1" });
      const aborted = client.queues.consume({ channel: "q", settle }, { signal: AbortSignal.abort("enough") });
      expect(await rejection(aborted.ready)).toBe("enough");
      const closed = client.queues.consume({ channel: "q", settle });
      const ready = rejection(closed.ready);
      await closed.close();
      expect(await ready).toMatchObject({ code: "CLIENT_CLOSED", operation: "queues.consume", channel: "q" });
    },
  );

  test("on-delivery receives acknowledged messages, at most the prefetch", async () => {
    await using world = await QueueWorld.start();
    await world.fill("q", numbers(6));
    const seen: QueueMessage[] = [];
    for await (const message of world.client.queues.consume({ channel: "q", settle: "on-delivery" })) {
      seen.push(message);
      await roundTrips(world.client); // nothing is fetched in the meantime
      if (seen.length === 3) break;
    }
    expect("ack" in (seen[0] ?? {})).toBe(false);
    expect(await world.waiting("q")).toEqual(["3", "4", "5"]);
  });

  test("on-delivery delivers every message received before the connection was lost", async () => {
    await using world = await QueueWorld.start({}, { reconnect: { initialDelayMs: 10, maxDelayMs: 100 } });
    await world.fill("q", numbers(4));
    const seen: string[] = [];
    for await (const message of world.client.queues.consume({ channel: "q", settle: "on-delivery", prefetch: 4 })) {
      seen.push(message.text());
      if (seen.length === 1) {
        await until("all are on this side", async () => (await world.waiting("q")).length === 0);
        await world.broker.faults.dropConnections();
        await until("the loss is noticed", () => world.status.some(({ type }) => type === "retry"));
      }
      if (seen.length === 4) break;
    }
    expect(seen).toEqual(numbers(4));
  });

  test("a message that one poll returns twice is delivered once", async () => {
    await using world = await QueueWorld.start({ quirks: { doubleMessages: true } });
    await world.fill("q", numbers(12));
    const polls: string[][] = [];
    for await (const batch of world.client.queues.consumeBatches({ channel: "q", max: 4 })) {
      polls.push(batch.messages.map((message) => message.text()));
      await batch.ackAll();
      // A second copy that counted as held would keep the call of its poll busy.
      expect(world.streams("QueuesDownstream")).toBe(1);
      if (polls.length === 3) break;
    }
    expect(polls).toEqual([numbers(12).slice(0, 4), numbers(12).slice(4, 8), numbers(12).slice(8)]);
    expect(await world.waiting("q")).toEqual([]);
  });

  test("a settlement does not wait for a pending poll", async () => {
    await using world = await QueueWorld.start();
    await world.fill("q", ["only"]);
    const loop = world.client.queues.consume({ channel: "q", prefetch: 3 })[Symbol.asyncIterator]();
    const only = (await loop.next()).value;
    const more = loop.next();
    await within(500, "the ack", only?.ack() ?? Promise.reject(new Error("no message")));
    await world.client.queues.send({ channel: "q", body: "more" });
    expect((await within(1_000, "the next message", more)).value?.text()).toBe("more");
    await loop.return?.();
    expect(await world.waiting("q")).toEqual(["more"]);
  });

  test("consumeBatches yields one poll at a time, settled together or by sequence", async () => {
    await using world = await QueueWorld.start();
    await world.fill("q", numbers(9));
    const sizes: number[] = [];
    for await (const batch of world.client.queues.consumeBatches({ channel: "q", max: 3 })) {
      sizes.push(batch.messages.length);
      const [one, two, three] = batch.messages.map(({ sequence }) => sequence) as [bigint, bigint, bigint];
      if (sizes.length === 1) {
        await batch.ack([]); // none of them
        await batch.ack([one]);
        expect(await batch.unsettled()).toEqual([two, three]);
        expect(await rejection(batch.ack([two, one]))).toMatchObject({ code: "ALREADY_SETTLED" });
        expect(await rejection(batch.ack([99n]))).toMatchObject({
          code: "INVALID_ARGUMENT",
          operation: "queues.consumeBatches",
        });
        expect(await rejection(batch.reject(null as never))).toMatchObject({
          code: "INVALID_ARGUMENT",
          message: expect.stringContaining("sequences must be an array, got null"),
        });
        expect(await batch.unsettled()).toEqual([two, three]);
        await batch.requeueAll("other");
        expect(await batch.unsettled()).toEqual([]);
        expect(await rejection(batch.ackAll())).toMatchObject({ code: "ALREADY_SETTLED" });
      } else if (sizes.length === 2) {
        await batch.ackAll();
        expect([...batch].every(({ settled }) => settled)).toBe(true);
      } else {
        await batch.requeue("third", [three]);
        await batch.rejectAll();
        break;
      }
    }
    expect(sizes).toEqual([3, 3, 3]);
    expect(await world.waiting("q")).toEqual(["6", "7"]);
    expect(await world.waiting("other")).toEqual(["1", "2"]);
    expect(await world.waiting("third")).toEqual(["8"]);
  });

  test("a sequence that a call on a batch names twice is settled once, and the call resolves", async () => {
    await using world = await QueueWorld.start();
    await world.fill("q", numbers(3));
    for await (const batch of world.client.queues.consumeBatches({ channel: "q", max: 3 })) {
      const [one, two, three] = batch.messages.map(({ sequence }) => sequence) as [bigint, bigint, bigint];
      await batch.ack([one, one]);
      await batch.requeue("other", [two, two]);
      await batch.reject([three, three, three]);
      break;
    }
    expect([await world.waiting("q"), await world.waiting("other")]).toEqual([["2"], ["1"]]);
  });

  test("consumeBatches yields the next batch before the previous one is settled", async () => {
    await using world = await QueueWorld.start();
    await world.fill("q", numbers(4));
    const loop = world.client.queues.consumeBatches({ channel: "q", max: 2 })[Symbol.asyncIterator]();
    const one = (await loop.next()).value;
    const two = (await within(3_000, "the second batch", loop.next())).value;
    await within(500, "the first ack", one?.ackAll() ?? Promise.reject(new Error("none")));
    await two?.ackAll();
    await loop.return?.();
    expect(await world.waiting("q")).toEqual([]);
  });

  test("process settles by the handler's outcome, and waits for running handlers at an abort", async () => {
    await using world = await QueueWorld.start();
    await world.fill("q", ["ack", "reject", "requeue", "throw", "self", "last"]);
    const stop = new AbortController();
    const done: string[] = [];
    await world.client.queues.process(
      { channel: "q", prefetch: 1 },
      async (job) => {
        done.push(job.text());
        if (job.receiveCount === 2) return undefined;
        if (job.text() === "reject") return "reject";
        if (job.text() === "requeue") return { requeue: "other" };
        if (job.text() === "throw") throw new Error("in vain");
        if (job.text() === "self") await job.requeue("self");
        if (job.text() === "last") {
          stop.abort();
          await roundTrips(world.client);
        }
        return "ack";
      },
      { concurrency: 1, signal: stop.signal, retry: { delay: false } },
    );
    expect(done).toEqual(["ack", "reject", "requeue", "throw", "self", "last"]);
    expect(await world.waiting("q")).toEqual(["reject", "throw"]);
    expect(await world.waiting("other")).toEqual(["requeue"]);
    expect(await world.waiting("self")).toEqual(["self"]);
    expect(world.settleFailures()).toEqual([]);
    expect(world.streams("QueuesDownstream")).toBe(0);
  });

  test("forEachConcurrent lets running bodies settle after the first failure", async () => {
    await using world = await QueueWorld.start();
    await world.fill("q", ["slow", "bad"]);
    const settled: string[] = [];
    const source = world.client.queues.consume({ channel: "q", prefetch: 2 });
    const work = async (job: Delivery) => {
      if (job.text() === "bad") throw new Error("bad");
      await roundTrips(world.client);
      await job.ack();
      settled.push(job.text());
    };
    expect(await rejection(forEachConcurrent(source, 2, work))).toMatchObject({ message: "bad" });
    expect(settled).toEqual(["slow"]);
    expect(await world.waiting("q")).toEqual(["bad"]);
  });

  test("consume throws for an invalid queue name and for refused credentials", async () => {
    await using world = await QueueWorld.start({ token: "secret" });
    const loop = async (subscription: Subscription<unknown>) => {
      for await (const _ of subscription) void _;
    };
    await using stranger = world.another();
    expect(await rejection(loop(stranger.queues.consume({ channel: "q" })))).toMatchObject({ code: "UNAUTHENTICATED" });
    await using known = world.another({ authToken: "secret" });
    for (const options of [{}, { visibilitySeconds: 5 }]) {
      const subscription = known.queues.consume({ channel: "q", ...options });
      const refused = rejection(loop(subscription));
      await subscription.ready;
      world.broker.faults.endStreams({ code: 13, message: "Error 121: cannot subscribe to a queue" });
      expect(await refused).toMatchObject({ code: "REJECTED_BY_SERVER", serverCode: 121 });
      expect(KubeMQError.is(await subscription.closed, "REJECTED_BY_SERVER")).toBe(true);
    }
  });
});
