import assert from "node:assert/strict";
import type { EventsClient } from "kubemq-es";
import { roundTrips, take, until, within } from "../../support/until.js";
import type { Suite } from "../suite.js";
import { byNumber, collect, everyTime, numbers, resolves, settledFlag, text, texts } from "./loops.js";

export const events: Suite = {
  title: "Events",
  promises: {
    "an event reaches every subscriber of its channel": async (world) => {
      const [one, other] = [await world.client(), await world.client()];
      const channel = world.channel("everyone");
      const subscriptions = [one, one, other].map(({ events }) => events.subscribe({ channel }));
      await Promise.all(subscriptions.map(({ ready }) => ready));
      await one.events.publish({ channel, body: "here" });
      for (const subscription of subscriptions) assert.deepEqual(texts(await take(subscription, 1)), ["here"]);
    },

    "the members of a group share the events of a channel": async (world) => {
      const client = await world.client();
      const channel = world.channel("group");
      const member = () => client.events.subscribe({ channel, group: "workers" });
      const [one, other, alone] = [member(), member(), client.events.subscribe({ channel })];
      await Promise.all([one.ready, other.ready, alone.ready]);
      const [first, second, all] = [collect(one, text), collect(other, text), collect(alone, text)];
      await client.events.publisher().publishAll(numbers(80).map((body) => ({ channel, body })));
      await until("all events have arrived", () => first.items.length + second.items.length >= 80);
      await until("all events have arrived at the other subscriber", () => all.items.length >= 80);
      await roundTrips(client);
      assert.deepEqual([...first.items, ...second.items].sort(byNumber), numbers(80));
      assert.ok(first.items.length > 0 && second.items.length > 0, "both members receive");
      assert.deepEqual(all.items, numbers(80));
    },

    "* matches one part of a channel name, and a final > one or more": async (world) => {
      const client = await world.client();
      const channel = world.channel("wild");
      const [onePart, more] = [`${channel}.*`, `${channel}.>`].map((channel) => client.events.subscribe({ channel }));
      assert.ok(onePart !== undefined && more !== undefined);
      await Promise.all([onePart.ready, more.ready]);
      for (const part of ["", ".a", ".a.b", ".last"]) {
        await client.events.publish({ channel: channel + part, body: "x" });
      }
      const parts = (list: readonly { channel: string }[]) => list.map((event) => event.channel.slice(channel.length));
      assert.deepEqual(parts(await take(onePart, 2)), [".a", ".last"]);
      assert.deepEqual(parts(await take(more, 3)), [".a", ".a.b", ".last"]);
    },

    "the events of a publisher arrive in the order of its calls": async (world) => {
      const client = await world.client();
      const channel = world.channel("order");
      const subscription = client.events.subscribe({ channel });
      await subscription.ready;
      const received = take(subscription, 2_000);
      const publisher = client.events.publisher();
      for (const body of numbers(1_000)) void publisher.publish({ channel, body });
      await publisher.publishAll(numbers(1_000, 1_000).map((body) => ({ channel, body })));
      assert.deepEqual(texts(await within(10_000, "all events have arrived", received)), numbers(2_000));
    },

    "publish() resolves only with the server's answer": (world) =>
      answered(world, (events, channel) => events.publish({ channel, body: "once" })),

    "publish() of a publisher resolves only with the server's answer": (world) =>
      answered(world, (events, channel) => events.publisher().publish({ channel, body: "once" })),

    "publishAll() resolves with the number of events that the server has processed": async (world) => {
      const client = await world.client();
      const channel = world.channel("all");
      const subscription = client.events.subscribe({ channel });
      await subscription.ready;
      const received = collect(subscription, text);
      async function* source() {
        for (const body of numbers(500)) yield { channel, body };
      }
      assert.equal(await client.events.publisher().publishAll(source()), 500);
      await until("all events have arrived", () => received.items.length === 500);
    },

    "id, metadata, tags and a binary body arrive unchanged": async (world) => {
      const client = await world.client();
      const channel = world.channel("content");
      const subscription = client.events.subscribe({ channel });
      await subscription.ready;
      const body = Uint8Array.from({ length: 256 }, (_, at) => at);
      const sent = { channel, id: "id-1", metadata: "m \u00e9 \u{1f600}", tags: { "k \u00e9": "v", empty: "" } };
      await client.events.publish({ ...sent, body });
      await client.events.publish({ channel, metadata: "only", body: "" });
      const [full, bare] = await take(subscription, 2);
      assert.ok(full !== undefined && bare !== undefined);
      const { id, metadata, tags } = full;
      assert.deepEqual({ channel: full.channel, id, metadata, tags: { ...tags } }, sent);
      assert.deepEqual([...full.body], [...body]);
      assert.deepEqual([bare.body.length, bare.metadata], [0, "only"]);
    },

    "a loop that was left receives no more events, and the rest of its group continues": async (world) => {
      const client = await world.client();
      const channel = world.channel("left");
      const member = () => client.events.subscribe({ channel, group: "workers" });
      const [leaving, staying] = [member(), member()];
      await Promise.all([leaving.ready, staying.ready]);
      await leaving.close();
      const received = collect(staying, text);
      // The server may notice a cancelled call some time after its client.
      await until("the server has noticed", async () => {
        const before = received.items.length;
        await client.events.publisher().publishAll(numbers(20).map((body) => ({ channel, body })));
        await roundTrips(client, 5);
        return received.items.length === before + 20;
      });
      assert.equal(await leaving.closed, undefined);
    },
  },

  alone: {
    "the first event after ready is received, every time": async (world) => {
      const [subscriber, publisher] = [await world.client(), await world.client()];
      await everyTime(world, "the event arrives", async (round) => {
        const channel = world.channel("ready");
        const subscription = subscriber.events.subscribe({ channel });
        await subscription.ready;
        await (round % 2 === 0 ? subscriber : publisher).events.publish({ channel, body: "first" });
        const first = take(subscription, 1);
        const arrived = await resolves(1_000, first);
        await subscription.close();
        await first;
        return arrived;
      });
    },
  },
};

/** Shows that a publish waits for the server's answer, although the event has been delivered already. */
async function answered(
  world: Parameters<Suite["promises"][string]>[0],
  publish: (events: EventsClient, channel: string) => Promise<void>,
): Promise<void> {
  const line = await world.line();
  const [sender, receiver] = [await world.client({ address: line.address }), await world.client()];
  const channel = world.channel("answer");
  const subscription = receiver.events.subscribe({ channel });
  await subscription.ready;
  line.pause("down");
  const publishing = publish(sender.events, channel);
  const isSettled = settledFlag(publishing);
  assert.deepEqual(texts(await take(subscription, 1)), ["once"]);
  await roundTrips(receiver);
  assert.equal(isSettled(), false, "resolved without an answer");
  line.resume();
  await within(5_000, "the publish resolves after the answer", publishing);
}
