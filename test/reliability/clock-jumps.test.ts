import { afterEach, expect, jest, test } from "@jest/globals";
import { KubeMQClient } from "kubemq-es";
import { startBroker } from "kubemq-es/testing";
import { until } from "../support/until.js";

const HOUR_MS = 3_600_000;

/** The wall clock is set forward or back; monotonic clocks continue. */
function jump(byMs: number): void {
  const now = Date.now;
  jest.spyOn(Date, "now").mockImplementation(() => now.call(Date) + byMs);
}

afterEach(() => {
  jest.restoreAllMocks();
});

test.each([
  ["an hour forward", HOUR_MS],
  ["an hour back", -HOUR_MS],
])(
  "the wall clock jumps %s: leases are kept, streams stay open, requests and liveness continue",
  async (_, byMs) => {
    await using broker = await startBroker();
    await using client = await KubeMQClient.connect({
      address: broker.address,
      keepalive: { intervalMs: 100, timeoutMs: 2_000 },
    });
    const stop = new AbortController();
    const retries: unknown[] = [];
    const watching = (async () => {
      for await (const status of client.status()) if (status.type === "retry") retries.push(status);
    })();
    const events = client.events.subscribe({ channel: "events" }, { signal: stop.signal });
    const seen: string[] = [];
    const listening = (async () => {
      for await (const event of events) seen.push(event.text());
    })();
    const commands = client.commands.subscribe({ channel: "commands" }, { signal: stop.signal });
    let onJump = () => {};
    const jumped = new Promise<void>((resolve) => (onJump = resolve));
    const responding = (async () => {
      for await (const command of commands) {
        if (command.text() === "held") await jumped;
        await command.respond();
      }
    })();
    await Promise.all([events.ready, commands.ready]);

    // Received before the jump, answered after it, and still within its time-out.
    const held = client.commands.send({ channel: "commands", body: "held" }, { timeoutMs: 20_000 });
    await client.queues.send({ channel: "jobs", body: "long" });
    let jobs = 0;
    for await (const job of client.queues.consume({ channel: "jobs", visibilitySeconds: 1, autoExtend: true })) {
      jump(byMs);
      // Longer than the lease, so that it must have been extended, and long enough for the liveness
      // check.
      const started = performance.now();
      await until("more time than the lease has has passed", () => performance.now() - started > 1_300);
      expect(job.signal.aborted).toBe(false);
      await job.ack();
      onJump();
      jobs += 1;
      break;
    }
    expect(jobs).toBe(1);
    expect(await held).toMatchObject({ ok: true });
    await client.events.publish({ channel: "events", body: "after the jump" });
    await until("the event arrived", () => seen.length === 1);
    expect(await client.commands.send({ channel: "commands", body: "x" }, { timeoutMs: 5_000 })).toMatchObject({
      ok: true,
    });
    expect(retries).toEqual([]);
    stop.abort();
    await Promise.all([listening, responding]);
    await client.close();
    await watching;
  },
  30_000,
);
