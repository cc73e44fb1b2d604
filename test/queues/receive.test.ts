import { describe, expect, test } from "@jest/globals";
import { KubeMQError } from "kubemq-es";
import { numbers, QueueWorld } from "../support/queue-world.js";
import { rejection, until, within } from "../support/until.js";

describe("receive, peek, ackAll and info", () => {
  test("receive removes messages, and peek does not", async () => {
    await using world = await QueueWorld.start();
    const { queues } = world.client;
    await world.fill("q", numbers(5));
    expect((await queues.peek({ channel: "q", max: 3 })).map((message) => message.sequence)).toEqual([1n, 2n, 3n]);
    const taken = await queues.receive({ channel: "q", max: 3 });
    expect(taken.map((message) => message.text())).toEqual(["0", "1", "2"]);
    expect(Object.keys(JSON.parse(JSON.stringify(taken[0])) as object)).toContain("sequence");
    expect("ack" in (taken[0] ?? {})).toBe(false);
    expect(await world.afterWait(queues.ackAll({ channel: "q" }))).toBe(2n);
    expect(await world.afterWait(queues.receive({ channel: "q" }))).toEqual([]);
    expect(await queues.info("q")).toMatchObject({ total: 1, queues: [{ name: "q", waiting: 0, lastSequence: 5n }] });
    expect((await queues.info()).queues.map(({ name }) => name)).toEqual(["q"]);
  }, 20_000);

  test("a message that one answer contains twice is returned once", async () => {
    await using world = await QueueWorld.start({ quirks: { doubleMessages: true } });
    await world.fill("q", numbers(4));
    const bodies: string[] = [];
    for await (const batch of world.client.queues.consumeBatches({ channel: "q", max: 4 })) {
      bodies.push(...batch.messages.map((message) => message.text()));
      await batch.ackAll();
      break;
    }
    expect(bodies).toEqual(numbers(4));
    expect(await world.waiting("q")).toEqual([]);
  });

  test("receive and peek refuse invalid arguments", async () => {
    await using world = await QueueWorld.start();
    const { queues } = world.client;
    const calls: (() => unknown)[] = [
      () => queues.receive({ channel: "a b" }),
      () => queues.receive({ channel: "q", max: 0 }),
      () => queues.receive({ channel: "q", max: 2 ** 31 }),
      () => queues.receive({ channel: "q", waitSeconds: 0 }),
      () => queues.receive({ channel: "q", waitSeconds: 2_000_001 }),
      () => queues.receive({ channel: "q", waitSeconds: 2 }, { timeoutMs: 2_000 }),
      () => queues.peek({ channel: "q", waitSeconds: 0.5 }),
      () => queues.ackAll({ channel: "q", waitSeconds: 0 }),
      () => queues.ackAll({ channel: "*" }),
      () => queues.info("a b"),
      () => queues.consume({ channel: "" }),
      () => queues.consume({ channel: "q", prefetch: 0 }),
      () => queues.consume({ channel: "q", settle: "never" as "manual" }),
      () => queues.consume({ channel: "q", visibilitySeconds: 0 }),
      () => queues.consume({ channel: "q", visibilitySeconds: 2_000_001 }),
      () => queues.consume({ channel: "q", visibilitySeconds: 5, settle: "on-delivery" } as never),
      () => queues.consume({ channel: "q", autoExtend: true } as never),
      () => queues.consumeBatches({ channel: "q", max: 0 }),
      () => queues.consumeBatches({ channel: "q", max: 10, waitSeconds: 0.999 }),
      () => queues.process({ channel: "q" }, () => {}, { concurrency: 0 }),
      () => queues.process({ channel: "q", settle: "manual" } as never, () => {}),
      () => queues.process({ channel: "q" }, undefined as never),
      () => queues.receive({ channel: "q", waitMs: 3 } as never),
      () => queues.peek({ channel: "q", maxMessages: 3 } as never),
      () => queues.receive({ channel: "q" }, { timeout: 3 } as never),
    ];
    for (const call of calls) {
      const error = await rejection(Promise.resolve().then(call));
      expect([call.toString(), KubeMQError.is(error, "INVALID_ARGUMENT")]).toEqual([call.toString(), true]);
    }
    expect(world.broker.stats().streams).toEqual({});
  });

  test("an abort of receive waits for the answer, so that no message is lost", async () => {
    await using world = await QueueWorld.start();
    const stop = new AbortController();
    await world.fill("q", numbers(2));
    const receiving = world.client.queues.receive({ channel: "q", max: 10, waitSeconds: 1 }, { signal: stop.signal });
    await until("the server waits", () => world.streams("ReceiveQueueMessages") === 1);
    stop.abort();
    await world.pass(1_000);
    expect((await receiving).map((message) => message.text())).toEqual(["0", "1"]);
  });

  test("an aborted receive without messages rejects with the signal's reason, and sends nothing if aborted before", async () => {
    await using world = await QueueWorld.start();
    const stop = new AbortController();
    const receiving = rejection(world.client.queues.receive({ channel: "q", waitSeconds: 1 }, { signal: stop.signal }));
    await until("the server waits", () => world.streams("ReceiveQueueMessages") === 1);
    stop.abort(new Error("enough"));
    await world.pass(1_000);
    expect(await receiving).toMatchObject({ message: "enough" });
    const late = rejection(world.client.queues.receive({ channel: "q", waitSeconds: 30 }, { signal: stop.signal }));
    expect(await within(500, "the refusal", late)).toMatchObject({ message: "enough" });
  });

  test("an aborted receive whose connection is lost rejects with the signal's reason, not with UNAVAILABLE", async () => {
    await using world = await QueueWorld.start();
    const receive = (signal?: AbortSignal) =>
      rejection(world.client.queues.receive({ channel: "q", waitSeconds: 30 }, { signal }));
    const stop = new AbortController();
    const aborted = receive(stop.signal);
    const other = receive();
    await until("the server waits", () => world.streams("ReceiveQueueMessages") === 2);
    stop.abort(new Error("enough"));
    await world.broker.faults.dropConnections();
    expect(await within(2_000, "the rejection", aborted)).toMatchObject({ message: "enough" });
    expect(await within(2_000, "the other rejection", other)).toMatchObject({ code: "UNAVAILABLE" });
  });

  test("a receive may wait longer than the client's time-out for calls", async () => {
    await using world = await QueueWorld.start({}, { timeoutMs: 300 });
    await world.fill("q", ["0"]);
    const received = await world.client.queues.receive({ channel: "q", max: 10, waitSeconds: 1 });
    expect(received.map((message) => message.text())).toEqual(["0"]);
  });

  test("an abort of peek and of ackAll rejects at once", async () => {
    await using world = await QueueWorld.start();
    for (const rpc of ["peek", "ackAll"] as const) {
      const stop = new AbortController();
      const call = rejection(world.client.queues[rpc]({ channel: "q", waitSeconds: 30 }, { signal: stop.signal }));
      await until("the server lets the call wait", () => Object.keys(world.broker.stats().streams).length === 1);
      stop.abort(new Error(rpc));
      expect(await within(500, rpc, call)).toMatchObject({ message: rpc });
    }
  });
});
