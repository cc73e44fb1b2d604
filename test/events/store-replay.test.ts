import { describe, expect, test } from "@jest/globals";
import { KubeMQClient, type ReplayRequest, type Status } from "kubemq-es";
import { startBroker } from "kubemq-es/testing";
import { SkippingClock } from "../support/skipping-clock.js";
import { until, within } from "../support/until.js";

type Start = ReplayRequest["start"];

const upTo = (last: number, first = 1) => Array.from({ length: last - first + 1 }, (_, index) => BigInt(first + index));

async function world(events: number, body = "x") {
  let subscriptions = 0;
  const onCall = (rpc: string) => void (subscriptions += rpc === "SubscribeToEvents" ? 1 : 0);
  const broker = await startBroker({ onCall });
  const clock = new SkippingClock();
  const options = { address: broker.address, reconnect: { initialDelayMs: 5 } };
  const client = new KubeMQClient(options, { clock: clock.forClients });
  const store = async (count: number) => {
    await using publisher = client.eventsStore.publisher();
    await publisher.publishAll(Array.from({ length: count }, () => ({ channel: "c", body })));
  };
  await store(events);
  const statuses: Status[] = [];
  void (async () => {
    for await (const status of client.status()) statuses.push(status);
  })();
  const replay = async (start: Start, each?: (sequence: bigint) => unknown, quietMs = 200) => {
    const seen: bigint[] = [];
    const stream = client.eventsStore.replay({ channel: "c", start, quietMs });
    const loop = (async () => {
      for await (const { sequence } of stream) {
        seen.push(sequence);
        await each?.(sequence);
      }
    })();
    await within(15_000, "the end of the replay", loop);
    expect(await stream.closed).toBeUndefined();
    return seen;
  };
  return {
    broker,
    client,
    store,
    replay,
    statuses,
    clock,
    subscriptions: () => subscriptions,
    streams: () => broker.stats().streams["SubscribeToEvents"] ?? 0,
    async [Symbol.asyncDispose]() {
      await client.close();
      await broker.close();
    },
  };
}

describe("replay of a store channel", () => {
  test.each<[string, Start, bigint[]]>([
    ["first", { from: "first" }, upTo(1_000)],
    ["last", { from: "last" }, [1_000n]],
    ["sequence", { from: "sequence", sequence: 990 }, upTo(1_000, 990)],
    ["the last sequence", { from: "sequence", sequence: 1_000n }, [1_000n]],
    ["a sequence beyond the end", { from: "sequence", sequence: 1_001n }, []],
    ["a time before all", { from: "time", time: new Date(1) }, upTo(1_000)],
    ["a time behind all", { from: "time", time: new Date(Date.now() + 3_600_000) }, []],
    ["the last hour", { from: "timeDelta", seconds: 3_600 }, upTo(1_000)],
  ])("a replay from %s ends by itself", async (_, start, expected) => {
    await using here = await world(1_000);
    // Never reached, because the end is known.
    expect(await here.replay(start, () => {}, 60_000)).toEqual(expected);
    await until("nothing stays open", () => here.broker.stats().streams["SubscribeToEvents"] === undefined);
  });

  test("a replay of an empty channel ends after its bound", async () => {
    await using here = await world(0);
    const started = performance.now();
    expect(await here.replay({ from: "first" })).toEqual([]);
    expect(performance.now() - started).toBeGreaterThanOrEqual(199);
  });

  test("a replay of a purged channel ends", async () => {
    await using here = await world(10);
    here.broker.purgeEvents("c", 10);
    expect(await here.replay({ from: "first" })).toEqual([]);
  });

  test("a replay of a growing channel ends with the event that was last at its call", async () => {
    await using here = await world(1_000);
    const seen = await here.replay({ from: "first" }, async (sequence) => {
      if (sequence % 100n === 0n) await here.store(100);
    });
    expect(seen).toEqual(upTo(1_000));
    expect(here.broker.stats().messages.eventsStore["c"]).toBe(2_000);
  });

  test("a replay whose remaining events are purged ends and reports the gap", async () => {
    // So large that the buffers and windows cannot hold all of them.
    await using here = await world(1_000, "x".repeat(16_384));
    const seen = await here.replay({ from: "first" }, async (sequence) => {
      if (sequence !== 100n) return;
      here.broker.purgeEvents("c", 1_000);
      await here.broker.faults.dropConnections();
    });
    const last = Number(seen.at(-1));
    expect(last).toBeLessThan(1_000);
    expect(seen).toEqual(upTo(last));
    const gaps = here.statuses.filter(({ type }) => type === "gap");
    expect(gaps).toEqual([{ type: "gap", channel: "c", expected: BigInt(last) + 1n, received: 1_001n, lost: true }]);
  });

  test("a replay whose last events are purged ends before later events", async () => {
    await using here = await world(1_000);
    const seen = await here.replay({ from: "first" }, async (sequence) => {
      if (sequence !== 100n) return;
      here.broker.purgeEvents("c", 1_000);
      await here.broker.faults.dropConnections();
      await until("the connection is back", () =>
        here.client.ping().then(
          () => true,
          () => false,
        ),
      );
      await here.store(10);
    });
    expect(seen.length).toBeGreaterThanOrEqual(100);
    expect(seen).toEqual(upTo(seen.length));
  });

  test("a replay waits for a connected server that sends nothing", async () => {
    await using here = await world(2_000);
    const seen = await here.replay(
      { from: "first" },
      (sequence) => {
        if (sequence !== 100n) return;
        here.broker.faults.pauseWriting();
        void here.clock.pass(1_500).then(() => here.broker.faults.resumeWriting());
      },
      100,
    );
    expect(seen).toEqual(upTo(2_000));
  });

  test("a replay delivers every event while connections break", async () => {
    await using here = await world(5_000);
    const seen = await here.replay({ from: "first" }, (sequence) => {
      if (sequence % 500n === 0n) void here.broker.faults.dropConnections();
    });
    expect(seen).toEqual(upTo(5_000));
  });

  test("a replay waits for a server that is not running", async () => {
    await using here = await world(10);
    here.broker.faults.refuseConnections();
    await here.broker.faults.dropConnections();
    const replay = here.replay({ from: "first" });
    await until("it was tried three times", () => here.statuses.filter(({ type }) => type === "retry").length >= 3);
    await here.broker.faults.allowConnections();
    expect(await replay).toEqual(upTo(10));
  });

  test("a slow loop does not end its replay early", async () => {
    await using here = await world(2_000);
    const seen = await here.replay({ from: "first" }, async (sequence) => {
      if (sequence === 1n || sequence === 400n) await here.clock.pass(1_000);
    });
    expect(seen).toEqual(upTo(2_000));
    expect(here.subscriptions()).toBe(2); // the search for the end, and the replay
  });

  test.each(["client.close()", "subscription.close()", "abort"] as const)(
    "%s in a body delivers no buffered event of a replay that the server has ended",
    async (way) => {
      await using here = await world(5);
      const stop = new AbortController();
      const { signal } = stop;
      const replay = here.client.eventsStore.replay(
        { channel: "c", start: { from: "first" }, quietMs: 200 },
        { signal },
      );
      const seen: bigint[] = [];
      for await (const { sequence } of replay) {
        seen.push(sequence);
        await replay.closed;
        if (way === "abort") stop.abort();
        else await (way === "client.close()" ? here.client : replay).close();
      }
      expect(seen).toEqual([1n]);
    },
  );

  test("an abort ends a replay and discards its buffer", async () => {
    await using here = await world(1_000);
    const stop = new AbortController();
    const seen: bigint[] = [];
    const request = { channel: "c", start: { from: "first" } } as const;
    for await (const { sequence } of here.client.eventsStore.replay(request, { signal: stop.signal })) {
      seen.push(sequence);
      if (sequence === 990n) {
        await until("the rest is in the buffer, and the stream has ended", () => here.streams() === 0);
        stop.abort();
      }
    }
    expect(seen).toEqual(upTo(990));
  });
});
