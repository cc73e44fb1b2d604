import assert from "node:assert/strict";
import type { KubeMQClient, StartPosition, StoredEvent } from "kubemq-es";
import { roundTrips, sleep, take, until } from "../../support/until.js";
import type { Suite } from "../suite.js";
import type { World } from "../world.js";
import { byNumber, collect, everyTime, numbers, resolves, text, texts } from "./loops.js";

type Start = Exclude<StartPosition, { from: "new" }>;

export const store: Suite = {
  title: "Events store",
  promises: {
    "replay from first reads every stored event and ends by itself": async (world) => {
      const { client, channel } = await stored(world, 5);
      const events = await replay(client, channel, { from: "first" });
      assert.deepEqual(texts(events), numbers(5));
      assert.deepEqual(
        events.map(({ sequence }) => sequence),
        [1n, 2n, 3n, 4n, 5n],
      );
    },

    "two events with the same id are both stored, as when an event is sent again": async (world) => {
      const client = await world.client();
      const channel = world.channel("twice");
      for (const id of ["7", "7", "8"]) await client.eventsStore.publish({ channel, id, body: "x" });
      const events = await replay(client, channel, { from: "first" });
      assert.deepEqual(
        events.map(({ id }) => id),
        ["7", "7", "8"],
      );
    },

    "replay from last reads the last stored event": async (world) => {
      const { client, channel } = await stored(world, 5);
      assert.deepEqual(texts(await replay(client, channel, { from: "last" })), ["4"]);
    },

    "replay from a sequence begins with that event": async (world) => {
      const { client, channel } = await stored(world, 5);
      assert.deepEqual(texts(await replay(client, channel, { from: "sequence", sequence: 3n })), ["2", "3", "4"]);
    },

    "replay from a time begins with the first event stored after it": async (world) => {
      const client = await world.client();
      const channel = world.channel("time");
      for (const body of ["early", "late"]) {
        await client.eventsStore.publish({ channel, body });
        // So that the two are apart by much more than servers are off.
        await sleep(100);
      }
      const [early, late] = await replay(client, channel, { from: "first" });
      assert.ok(early !== undefined && late !== undefined);
      const time = new Date((early.timestamp.getTime() + late.timestamp.getTime()) / 2);
      assert.deepEqual(texts(await replay(client, channel, { from: "time", time })), ["late"]);
    },

    "replay of the last seconds omits older events": async (world) => {
      const client = await world.client();
      const channel = world.channel("delta");
      await client.eventsStore.publish({ channel, body: "old" });
      await sleep(2_500);
      await client.eventsStore.publish({ channel, body: "recent" });
      assert.deepEqual(texts(await replay(client, channel, { from: "timeDelta", seconds: 2 })), ["recent"]);
    },

    "replay of an empty channel ends without an event": async (world) => {
      const client = await world.client();
      assert.deepEqual(await replay(client, world.channel("empty"), { from: "first" }), []);
    },

    "a subscription from new receives only events stored after ready": async (world) => {
      const { client, channel } = await stored(world, 3);
      const subscription = client.eventsStore.subscribe({ channel, start: { from: "new" } });
      await subscription.ready;
      await client.eventsStore.publish({ channel, body: "new" });
      assert.deepEqual(texts(await take(subscription, 1)), ["new"]);
    },

    "a subscription from first receives the stored events and then new ones": async (world) => {
      const { client, channel } = await stored(world, 3);
      const received = collect(client.eventsStore.subscribe({ channel, start: { from: "first" } }), text);
      await until("the stored events have arrived", () => received.items.length === 3);
      await client.eventsStore.publish({ channel, body: "3" });
      await until("the new event has arrived", () => received.items.length === 4);
      assert.deepEqual(received.items, numbers(4));
    },

    "every subscriber receives every stored event": async (world) => {
      const { client, channel } = await stored(world, 20);
      const subscribe = () => client.eventsStore.subscribe({ channel, start: { from: "first" } });
      for (const events of await Promise.all([take(subscribe(), 20), take(subscribe(), 20)])) {
        assert.deepEqual(texts(events), numbers(20));
      }
    },

    "the members of a group share the stored events": async (world) => {
      const client = await world.client();
      const channel = world.channel("group");
      const start = { from: "new" } as const;
      const member = () => client.eventsStore.subscribe({ channel, group: "readers", start });
      const members = [member(), member()];
      await Promise.all(members.map(({ ready }) => ready));
      const received = members.map((subscription) => collect(subscription, text));
      await client.eventsStore.publisher().publishAll(numbers(60).map((body) => ({ channel, body })));
      const all = () => received.flatMap(({ items }) => items);
      await until("all events have arrived", () => all().length >= 60);
      await roundTrips(client);
      assert.deepEqual(all().sort(byNumber), numbers(60));
    },

    "events of a publisher are stored in the order of its calls": async (world) => {
      const client = await world.client();
      const channel = world.channel("order");
      const publisher = client.eventsStore.publisher();
      const published = numbers(300).map((body) => publisher.publish({ channel, body }));
      await Promise.all(published);
      assert.deepEqual(texts(await replay(client, channel, { from: "first" })), numbers(300));
    },

    "an event that publish() has confirmed is part of a replay right after it": async (world) => {
      const client = await world.client();
      const channel = world.channel("own");
      for (let count = 1; count <= 20; count++) {
        await client.eventsStore.publish({ channel, body: String(count - 1) });
        assert.deepEqual(texts(await replay(client, channel, { from: "first" })), numbers(count));
      }
    },

    "id, metadata, tags, body and times of a stored event arrive unchanged": async (world) => {
      const client = await world.client();
      const channel = world.channel("content");
      const sent = { channel, id: "id-1", metadata: "m \u00e9", tags: { key: "v \u{1f600}" } };
      await client.eventsStore.publish({ ...sent, body: Uint8Array.of(0, 255, 128) });
      const [event] = await replay(client, channel, { from: "first" });
      assert.ok(event !== undefined);
      const { id, metadata, tags } = event;
      assert.deepEqual({ channel: event.channel, id, metadata, tags: { ...tags } }, sent);
      assert.deepEqual([...event.body], [0, 255, 128]);
      assert.ok(Math.abs(event.timestamp.getTime() - Date.now()) < 60_000);
      assert.equal(event.timestampNanos / 1_000_000n, BigInt(event.timestamp.getTime()));
    },

    "a subscription continues at position + 1 where another one stopped": async (world) => {
      const { client, channel } = await stored(world, 6);
      const first = client.eventsStore.subscribe({ channel, start: { from: "first" } });
      for await (const event of first) if (event.text() === "3") break;
      assert.equal(first.position, 3n, "the body of the fourth event did not finish");
      const start = { from: "sequence", sequence: first.position + 1n } as const;
      assert.deepEqual(texts(await take(client.eventsStore.subscribe({ channel, start }), 3)), ["3", "4", "5"]);
    },

    "a subscription sees every event once and in order over connection resets": async (world) => {
      const line = await world.line();
      const writer = await world.client();
      const reader = await world.client({ address: line.address, reconnect: { initialDelayMs: 10 } });
      const channel = world.channel("resets");
      const total = 3_000;
      const publisher = writer.eventsStore.publisher();
      const publishing = publisher.publishAll(numbers(total).map((body) => ({ channel, body })));
      const sequences: bigint[] = [];
      for await (const { sequence } of reader.eventsStore.subscribe({ channel, start: { from: "first" } })) {
        if (sequences.push(sequence) === total) break;
        if (sequences.length % 700 === 0) line.reset();
      }
      assert.equal(await publishing, total);
      assert.deepEqual(
        sequences,
        Array.from({ length: total }, (_, at) => BigInt(at + 1)),
      );
    },

    "a loop that pauses for three seconds loses no event": async (world) => {
      const client = await world.client({ flowControl: { streamBytes: 65_535, connectionBytes: 65_535 } });
      const channel = world.channel("slow");
      const subscription = client.eventsStore.subscribe({ channel, start: { from: "new" } });
      await subscription.ready;
      const total = 2_000;
      const body = new Uint8Array(2_048);
      const sequences: bigint[] = [];
      const publishing = (await world.client()).eventsStore
        .publisher()
        .publishAll(Array.from({ length: total }, () => ({ channel, body })));
      for await (const { sequence } of subscription) {
        // Servers drop what cannot be sent for two seconds.
        if (sequences.length === 0) await sleep(3_000);
        if (sequences.push(sequence) === total) break;
      }
      await publishing;
      assert.deepEqual(
        sequences,
        Array.from({ length: total }, (_, at) => BigInt(at + 1)),
      );
    },
  },

  alone: {
    "the first stored event after ready is received, every time": async (world) => {
      const [subscriber, publisher] = [await world.client(), await world.client()];
      await everyTime(world, "the event arrives", async () => {
        const channel = world.channel("ready");
        const subscription = subscriber.eventsStore.subscribe({ channel, start: { from: "new" } });
        await subscription.ready;
        await publisher.eventsStore.publish({ channel, body: "first" });
        const first = take(subscription, 1);
        const arrived = await resolves(1_000, first);
        await subscription.close();
        await first;
        return arrived;
      });
    },

    "a replay right after publishAll() has all of its 10,000 events": async (world) => {
      const client = await world.client();
      const channel = world.channel("replayed");
      const body = new Uint8Array(1_024);
      const publisher = client.eventsStore.publisher();
      assert.equal(await publisher.publishAll(Array.from({ length: 10_000 }, () => ({ channel, body }))), 10_000);
      let seen = 0;
      for await (const _event of client.eventsStore.replay({ channel, start: { from: "first" } })) seen += 1;
      assert.equal(seen, 10_000);
    },
  },
};

async function stored(world: World, count: number): Promise<{ client: KubeMQClient; channel: string }> {
  const client = await world.client();
  const channel = world.channel("stored");
  for (const body of numbers(count)) await client.eventsStore.publish({ channel, body });
  return { client, channel };
}

async function replay(client: KubeMQClient, channel: string, start: Start): Promise<StoredEvent[]> {
  const events: StoredEvent[] = [];
  for await (const event of client.eventsStore.replay({ channel, start })) events.push(event);
  return events;
}
