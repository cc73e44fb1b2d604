import { describe, expect, test } from "@jest/globals";
import type { EventReceive } from "kubemq-es/gen";
import { Request_RequestType, Subscribe_EventsStoreType, Subscribe_SubscribeType } from "kubemq-es/gen";
import { startBroker } from "kubemq-es/testing";
import { until } from "../support/until.js";
import type { RawClient } from "./raw-client.js";
import { rawClient } from "./raw-client.js";

const published = 300;
const subscription = {
  SubscribeTypeData: Subscribe_SubscribeType.EventsStore,
  EventsStoreTypeData: Subscribe_EventsStoreType.StartFromFirst,
  ClientID: "slow",
  Channel: "ch",
};

// A hundred times more than HTTP/2 buffers for a stream that is not read.
const publish = (client: RawClient, Metadata = "") =>
  client.rpc.sendEvent({ ClientID: "p", Channel: "ch", Store: true, Metadata, Body: new Uint8Array(16_384) });

/** Undelivered events of the subscriber that is furthest behind. */
async function waiting(client: RawClient): Promise<number> {
  const { Body } = await client.rpc.sendRequest({
    RequestTypeData: Request_RequestType.Query,
    ClientID: "c",
    Channel: "kubemq.cluster.internal.requests",
    Metadata: "list-channels",
    Timeout: 1000,
    Tags: { channel_type: "events_store" },
  });
  const [channel] = JSON.parse(new TextDecoder().decode(Body)) as { outgoing: { waiting: number } }[];
  return channel?.outgoing.waiting ?? 0;
}

async function readUntil(marker: string, events: AsyncIterator<EventReceive>, onRead: (count: number) => void) {
  const sequences: bigint[] = [];
  for (;;) {
    const { value, done } = await events.next();
    if (done === true) throw new Error("the subscription ended");
    sequences.push(value.Sequence);
    onRead(sequences.length);
    if (value.Metadata === marker) return sequences;
  }
}

describe("a store subscriber that does not read", () => {
  test("with slowConsumerMs a subscriber that does not read loses events that wait too long", async () => {
    await using broker = await startBroker({ slowConsumerMs: 2 });
    using client = rawClient(broker.address);
    using reader = rawClient(broker.address);
    const gone = new AbortController();
    const events = reader.rpc.subscribeToEvents(subscription, { signal: gone.signal })[Symbol.asyncIterator]();
    const first = events.next();
    await publish(client);
    expect((await first).value).toMatchObject({ Sequence: 1n });
    for (let i = 0; i < published; i++) await publish(client);
    await until("everything was handed over or dropped", async () => (await waiting(client)) === 0);
    // It reads again: once there is space, events arrive as before.
    const sequences = await readUntil("marker", events, (count) => {
      if (count === 50) void publish(client, "marker");
    });
    expect(sequences.length).toBeGreaterThan(50);
    expect(sequences.length).toBeLessThan(published - 50);
    expect(sequences).toEqual([...new Set(sequences)].sort((a, b) => Number(a - b)));
    expect(sequences.at(-1)).toBe(BigInt(published + 2));
    const end = events.next().catch(() => {});
    gone.abort();
    await end;
    // A dropped event counts as delivered: the same subscriber does not receive it again.
    const again = reader.rpc.subscribeToEvents(subscription)[Symbol.asyncIterator]();
    const next = again.next();
    await until("it is back", () => broker.stats().streams["SubscribeToEvents"] === 1);
    await publish(client);
    expect((await next).value).toMatchObject({ Sequence: BigInt(published + 3) });
  });

  test("without slowConsumerMs a subscriber that reads again receives every event", async () => {
    await using broker = await startBroker();
    using client = rawClient(broker.address);
    using reader = rawClient(broker.address);
    const events = reader.rpc.subscribeToEvents(subscription)[Symbol.asyncIterator]();
    const first = events.next();
    for (let i = 0; i < published; i++) await publish(client);
    await publish(client, "marker");
    expect(await waiting(client)).toBeGreaterThan(published - 150);
    expect((await first).value).toMatchObject({ Sequence: 1n });
    const sequences = await readUntil("marker", events, () => {});
    expect(sequences).toEqual(Array.from({ length: published }, (_, i) => BigInt(i + 2)));
  });
});
