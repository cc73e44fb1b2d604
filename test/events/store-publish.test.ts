import { expect, test } from "@jest/globals";
import { json, KubeMQClient, KubeMQError } from "kubemq-es";
import { startBroker } from "kubemq-es/testing";
import { rejection, within } from "../support/until.js";
import { withBroker } from "../support/with-broker.js";

test("a stored event is read back with sequence, time, tags and value", () =>
  withBroker(async ({ client }) => {
    const before = Date.now();
    const receipt = await client.eventsStore.publish({
      id: "one",
      channel: "c",
      metadata: "m",
      tags: { a: "b" },
      body: { n: 1 },
      codec: json(),
    });
    expect(receipt).toEqual({ id: "one" });
    const { id } = await client.eventsStore.publish({ channel: "c", body: "2" });
    const seen = [];
    for await (const event of client.eventsStore.replay({ channel: "c", start: { from: "first" }, codec: json() })) {
      seen.push(event);
    }
    expect(seen.map((event) => [event.id, event.sequence, event.value])).toEqual([
      ["one", 1n, { n: 1 }],
      [id, 2n, 2],
    ]);
    const [first] = seen;
    expect(first).toMatchObject({ channel: "c", metadata: "m", tags: { a: "b" } });
    // The broker reads its wall clock once, so it may differ by later adjustments of that clock.
    expect(Math.abs((first?.timestamp.getTime() ?? 0) - before)).toBeLessThan(5_000);
    expect(first?.timestamp.getTime()).toBe(Number((first?.timestampNanos ?? 0n) / 1_000_000n));
    expect(JSON.parse(JSON.stringify(first))).toMatchObject({
      sequence: "1",
      timestampNanos: String(first?.timestampNanos),
      timestamp: first?.timestamp.toISOString(),
    });
  }));

test("a store publisher returns a result per event, keeps the order, and reports the refused event", () =>
  withBroker(async ({ client }) => {
    await using publisher = client.eventsStore.publisher();
    const bodies = Array.from({ length: 2_000 }, (_, index) => String(index + 1));
    const receipts = await Promise.all(
      bodies.map((body) => publisher.publish({ id: `id-${body}`, channel: "c", body })),
    );
    expect(receipts.map(({ id }) => id)).toEqual(bodies.map((body) => `id-${body}`));
    await expect(publisher.publish({ channel: "c.*", body: "x" })).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
    expect(await publisher.publishAll(bodies.map((body) => ({ channel: "c", body })))).toBe(2_000);
    const seen: string[] = [];
    for await (const event of client.eventsStore.replay({ channel: "c", start: { from: "first" } })) {
      seen.push(`${event.sequence} ${event.text()}`);
    }
    expect(seen).toEqual([...bodies, ...bodies].map((body, index) => `${index + 1} ${body}`));
  }));

test("a lost connection rejects unanswered stored events, and publishing continues", () =>
  withBroker(async ({ broker, client }) => {
    await using publisher = client.eventsStore.publisher();
    await publisher.publish({ channel: "c", body: "1" });
    broker.faults.pauseWriting();
    const lost = rejection(publisher.publish({ channel: "c", body: "2" }));
    await broker.faults.dropConnections();
    broker.faults.resumeWriting();
    const error = await within(10_000, "the unanswered event rejects", lost);
    expect(error).toMatchObject({ code: "UNAVAILABLE", retryable: true, channel: "c" });
    expect(await publisher.publish({ id: "three", channel: "c", body: "3" })).toEqual({ id: "three" });
  }));

test("group members share the stored events, and each event goes to one of them", () =>
  withBroker(async ({ client }) => {
    const filter = { channel: "c", group: "g", start: { from: "first" } } as const;
    const members = [client.eventsStore.subscribe(filter), client.eventsStore.subscribe(filter)];
    await Promise.all(members.map(({ ready }) => ready));
    await using publisher = client.eventsStore.publisher();
    await publisher.publishAll(Array.from({ length: 1_000 }, (_, index) => ({ channel: "c", body: String(index) })));
    const seen: bigint[] = [];
    const counts = await within(
      10_000,
      "1,000 events",
      Promise.all(
        members.map(async (member) => {
          let count = 0;
          for await (const { sequence } of member) {
            count += 1;
            seen.push(sequence);
            if (seen.length === 1_000) for (const other of members) void other.close();
          }
          return count;
        }),
      ),
    );
    expect(counts.every((count) => count > 100)).toBe(true);
    expect(new Set(seen).size).toBe(1_000);
  }));

test("closing the client ends a store loop without an error", async () => {
  await using broker = await startBroker();
  const client = await KubeMQClient.connect({ address: broker.address });
  const subscription = client.eventsStore.subscribe({ channel: "c", start: { from: "new" } });
  await subscription.ready;
  setImmediate(() => void client.close());
  for await (const event of subscription) throw new KubeMQError("INTERNAL", `unexpected ${event.id}`);
  expect(await subscription.closed).toBeUndefined();
});
