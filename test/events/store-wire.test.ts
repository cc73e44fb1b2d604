import type { MessageInitShape } from "@bufbuild/protobuf";
import { overConnect } from "../support/connect-streams.js";
import { Code, ConnectError, createRouterTransport, type ServiceImpl } from "@connectrpc/connect";
import { describe, expect, test } from "@jest/globals";
import { KubeMQClient, type StartPosition } from "kubemq-es";
import { kubemq, Subscribe_EventsStoreType as Type, type EventReceiveSchema, type Subscribe } from "kubemq-es/gen";
import { FakeClock, settle } from "../support/fake-clock.js";

type Attempt = AsyncIterable<MessageInitShape<typeof EventReceiveSchema>>;

/** A server that answers the n-th subscription with the n-th function. */
function scripted(...attempts: ((request: Subscribe) => Attempt)[]) {
  const requests: Subscribe[] = [];
  const clock = new FakeClock();
  const impl: Partial<ServiceImpl<typeof kubemq>> = {
    ping: () => ({}),
    async *subscribeToEvents(request, { signal }) {
      requests.push(request);
      const attempt = attempts[requests.length - 1];
      if (attempt !== undefined) yield* attempt(request);
      await new Promise((resolve) => signal.addEventListener("abort", resolve));
    },
  };
  const transport = createRouterTransport(({ service }) => service(kubemq, impl));
  const client = new KubeMQClient(
    { clientId: "tester" },
    { transport: overConnect(transport), clock, random: () => 0.5 },
  );
  return { client, clock, requests };
}

async function* events(first: number, last: number): Attempt {
  for (let n = first; n <= last; n++) {
    yield { EventID: String(n), Channel: "c", Sequence: BigInt(n), Timestamp: 1_700_000_000_000_000_000n + BigInt(n) };
  }
}

async function* broken(...parts: Attempt[]): Attempt {
  for (const part of parts) yield* part;
  throw new ConnectError("the stream breaks", Code.Unavailable);
}

async function turns(count: number, condition = () => true): Promise<void> {
  for (let turn = 0; turn < count && condition(); turn++) await settle();
}

const upTo = (last: number) => Array.from({ length: last }, (_, index) => BigInt(index + 1));

describe("requests of store subscriptions", () => {
  test.each<[StartPosition, Type, bigint]>([
    [{ from: "new" }, Type.StartNewOnly, 0n],
    [{ from: "first" }, Type.StartFromFirst, 0n],
    [{ from: "last" }, Type.StartFromLast, 0n],
    [{ from: "sequence", sequence: 5 }, Type.StartAtSequence, 5n],
    [{ from: "sequence", sequence: 2n ** 63n - 1n }, Type.StartAtSequence, 2n ** 63n - 1n],
    [{ from: "time", time: new Date("2026-01-02T03:04:05.678Z") }, Type.StartAtTime, 1_767_323_045_678_000_000n],
    [{ from: "time", time: new Date(1) }, Type.StartAtTime, 1_000_000n],
    [{ from: "timeDelta", seconds: 90 }, Type.StartAtTimeDelta, 90n],
  ])("%j", async (start, type, value) => {
    const { client, clock, requests } = scripted();
    const subscription = client.eventsStore.subscribe({ channel: "c", start });
    await clock.passUntil(subscription.ready);
    expect(requests).toHaveLength(1);
    expect(requests[0]).toMatchObject({
      EventsStoreTypeData: type,
      EventsStoreTypeValue: value,
      Channel: "c",
      Group: "",
    });
    expect(requests[0]?.ClientID).toMatch(/^tester-[0-9a-z]{8}$/);
    await client.close();
  });

  test("a group member repeats its request with its own ClientID", async () => {
    const { client, clock, requests } = scripted(
      () => broken(),
      () => events(1, 1),
    );
    const filter = { channel: "c", group: "g", start: { from: "first" } } as const;
    const subscription = client.eventsStore.subscribe(filter);
    await settle();
    await clock.advance(1_000);
    for await (const { sequence } of subscription) if (sequence === 1n) break;
    expect(requests.map(({ Group, EventsStoreTypeData }) => [Group, EventsStoreTypeData])).toEqual([
      ["g", Type.StartFromFirst],
      ["g", Type.StartFromFirst],
    ]);
    expect(new Set(requests.map(({ ClientID }) => ClientID)).size).toBe(2);
    await client.close();
  });
});

describe("attempts of a store subscription", () => {
  test("an attempt resumes at the last received event, not at the last one that the loop saw", async () => {
    const { client, clock, requests } = scripted(
      () => broken(events(1, 50)),
      () => events(50, 60),
    );
    const subscription = client.eventsStore.subscribe({ channel: "c", start: { from: "first" } });
    await settle();
    await clock.advance(1_000);
    const seen: bigint[] = [];
    for await (const { sequence } of subscription) if (seen.push(sequence) === 60) break;
    expect(seen).toEqual(upTo(60));
    expect(requests.map(({ EventsStoreTypeValue }) => EventsStoreTypeValue)).toEqual([0n, 50n]);
    await client.close();
  });

  test("a gap opens the next attempt at once, without a back-off delay", async () => {
    const { client, requests } = scripted(
      async function* () {
        yield* events(1, 10);
        yield* events(13, 20);
      },
      () => events(11, 20),
    );
    const seen: bigint[] = [];
    const subscription = client.eventsStore.subscribe({ channel: "c", start: { from: "first" } });
    for await (const { sequence } of subscription) if (seen.push(sequence) === 20) break;
    expect(seen).toEqual(upTo(20));
    expect(requests.map(({ EventsStoreTypeValue }) => EventsStoreTypeValue)).toEqual([0n, 11n]);
    expect(client.state).toBe("ready");
    await client.close();
  });

  // Guards: `onDemand` in src/events/store-plans.ts. No later event shows that the last ones are missing.
  test("after flow control held back the server, a silent channel is requested again once", async () => {
    const { client, clock, requests } = scripted(
      () => events(1, 400), // and later events were dropped
      () => events(400, 500),
    );
    const subscription = client.eventsStore.subscribe({ channel: "c", start: { from: "first" } });
    const seen: bigint[] = [];
    const loop = (async () => {
      for await (const { sequence } of subscription) {
        seen.push(sequence);
        if (sequence !== 1n) continue;
        await turns(100); // the buffer is full
        await clock.advance(1_500);
      }
    })();
    await turns(1_000, () => seen.length < 400);
    expect(seen).toEqual(upTo(400));
    await clock.advance(999);
    expect(requests).toHaveLength(1);
    await clock.advance(1);
    await turns(100); // the pings are answered, and the next one is sent 10 ms after the first
    await clock.advance(10);
    await turns(1_000, () => seen.length < 500);
    expect(seen).toEqual(upTo(500));
    expect(requests.map(({ EventsStoreTypeValue }) => EventsStoreTypeValue)).toEqual([0n, 400n]);
    await clock.advance(60_000);
    expect(requests).toHaveLength(2);
    await client.close();
    await loop;
  });

  test("a channel is not requested again after a moment of flow control", async () => {
    const { client, clock, requests } = scripted(() => events(1, 400));
    const subscription = client.eventsStore.subscribe({ channel: "c", start: { from: "first" } });
    let seen = 0;
    const loop = (async () => {
      for await (const { sequence } of subscription) {
        seen += 1;
        if (sequence !== 1n) continue;
        await turns(100);
        await clock.advance(900);
      }
    })();
    await turns(1_000, () => seen < 400);
    await clock.advance(60_000);
    expect([seen, requests.length]).toEqual([400, 1]);
    await client.close();
    await loop;
  });

  test("position is the last event whose loop body finished", async () => {
    const { client } = scripted(() => events(1, 10));
    const subscription = client.eventsStore.subscribe({ channel: "c", start: { from: "first" } });
    expect(subscription.position).toBeUndefined();
    for await (const { sequence } of subscription) {
      expect(subscription.position).toBe(sequence === 1n ? undefined : sequence - 1n);
      if (sequence === 7n) break;
    }
    expect(subscription.position).toBe(6n);
    await client.close();
  });
});
