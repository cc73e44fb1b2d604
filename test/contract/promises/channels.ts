import assert from "node:assert/strict";
import { KubeMQError } from "kubemq-es";
import { rejection, take, until } from "../../support/until.js";
import type { Suite } from "../suite.js";
import { collect, texts } from "./loops.js";

export const channels: Suite = {
  title: "Channels",
  promises: {
    "a channel name works in every pattern, whatever its characters, unless it is refused": async (world) => {
      const client = await world.client();
      for (const odd of ["\u00e9\u00c4\u4e2d\u{1f600}", "a;b=c,d|e", "UPPER-and_lower", "%41$x@y!", "x".repeat(180)]) {
        const channel = `${world.channel("name")}.${odd}`;
        const body = "x";
        const events = client.events.subscribe({ channel });
        const queries = client.queries.subscribe({ channel });
        const serving = collect(queries, (query) => query.respond({ body }));
        await Promise.all([events.ready, queries.ready]);
        await client.events.publish({ channel, body });
        await client.eventsStore.publish({ channel, body });
        await client.queues.send({ channel, body });
        assert.deepEqual(texts(await take(events, 1)), [body]);
        const replay = client.eventsStore.replay({ channel, start: { from: "first" } });
        assert.deepEqual(texts(await take(replay, 1)), [body]);
        for await (const job of client.queues.consume({ channel })) {
          assert.equal(job.channel, channel);
          await job.ack();
          break;
        }
        assert.equal((await client.queries.send({ channel, body })).ok, true);
        await queries.close();
        await serving.ended;
      }
    },

    "the same name is a different channel in each pattern": async (world) => {
      const client = await world.client();
      const channel = world.channel("patterns");
      const subscription = client.events.subscribe({ channel });
      await subscription.ready;
      await client.eventsStore.publish({ channel, body: "stored" });
      await client.queues.send({ channel, body: "queued" });
      await client.events.publish({ channel, body: "plain" });
      assert.deepEqual(texts(await take(subscription, 1)), ["plain"]);
      assert.deepEqual(texts(await client.queues.receive({ channel, max: 1 })), ["queued"]);
    },

    "channels can be created, listed and deleted": async (world) => {
      await world.needs("channel management");
      const client = await world.client();
      const channel = world.channel("managed");
      const names = async () => (await client.channels.list("queues", channel)).map(({ name }) => name);
      await client.channels.create("queues", channel);
      await until("it is in the list", async () => (await names()).includes(channel));
      await client.channels.delete("queues", channel);
      await until("it is gone from the list", async () => !(await names()).includes(channel));
    },

    "channels.list() rejects with UNSUPPORTED where the server has no channel management": async (world) => {
      const client = await world.client();
      const list = () => client.channels.list("events", world.channel("none"), { timeoutMs: 1_000 });
      if (await world.supports("channel management")) return assert.deepEqual(await list(), []);
      const error = await rejection(list());
      assert.ok(KubeMQError.is(error, "UNSUPPORTED"), String(error));
    },
  },
};
