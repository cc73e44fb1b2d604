import { describe, expect, test } from "@jest/globals";
import { KubeMQError } from "kubemq-es";
import { numbers, QueueWorld } from "../support/queue-world.js";
import { rejection } from "../support/until.js";

describe("queue loops on a lost connection", () => {
  const faults: [string, (world: QueueWorld) => unknown][] = [
    ["the connection breaks", (world) => world.broker.faults.dropConnections()],
    ["the call ends cleanly", (world) => world.broker.faults.endStreams({ rpc: "QueuesDownstream" })],
    ["the call ends with a status", (world) => world.broker.faults.endStreams({ rpc: "QueuesDownstream", code: 14 })],
    ["GOAWAY", (world) => world.broker.faults.goAway({ code: 11, reason: "too_many_pings" })],
    ["the server asks to go elsewhere", (world) => world.broker.faults.closeByServer()],
    ["the server restarts", (world) => world.broker.faults.restart({ downMs: 50 })],
  ];
  test.each(faults)(
    "%s: the loop continues, loses nothing and repeats no acknowledged message",
    async (_, fault) => {
      const reconnect = { initialDelayMs: 10, maxDelayMs: 100 };
      await using world = await QueueWorld.start({}, { reconnect });
      await world.fill("q", numbers(60));
      const acked: string[] = [];
      const unknown: string[] = [];
      const lost: string[] = [];
      const stop = new AbortController();
      let count = 0;
      for await (const job of world.client.queues.consume({ channel: "q", prefetch: 8 }, { signal: stop.signal })) {
        if (++count === 10 || count === 25) await fault(world);
        try {
          await job.ack();
          acked.push(job.text());
        } catch (error) {
          if (KubeMQError.is(error, "LEASE_LOST")) lost.push(job.text());
          else if (KubeMQError.is(error, "UNAVAILABLE")) unknown.push(job.text());
          else throw error;
        }
        if (new Set([...acked, ...unknown]).size === 60) stop.abort();
      }
      expect(new Set(acked).size).toBe(acked.length);
      expect(lost.filter((body) => !acked.includes(body))).toEqual([]);
      expect(unknown.length).toBeLessThanOrEqual(2);
      expect(world.status.some(({ type }) => type === "resumed")).toBe(true);
    },
    30_000,
  );

  test("reconnect: false ends a queue loop with the error", async () => {
    await using world = await QueueWorld.start();
    const subscription = world.client.queues.consume({ channel: "q" }, { reconnect: false });
    await subscription.ready;
    await world.broker.faults.dropConnections();
    const loop = (async () => {
      for await (const _ of subscription) void _;
    })();
    expect(await rejection(loop)).toMatchObject({ code: "UNAVAILABLE" });
  });
});
