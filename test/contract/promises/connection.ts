import assert from "node:assert/strict";
import { KubeMQClient, KubeMQError, type Status } from "kubemq-es";
import { rejection, take, until, within } from "../../support/until.js";
import type { Suite } from "../suite.js";
import { byNumber, collect, fill, numbers, texts } from "./loops.js";

/** So that a check does not wait for the back-off. */
const reconnect = { initialDelayMs: 10, maxDelayMs: 100 };

export const connection: Suite = {
  title: "Connection",
  promises: {
    "ping() names the server and its version": async (world) => {
      const { host, version, startedAt } = await (await world.client()).ping();
      assert.ok(host !== "" && version !== "" && startedAt.getTime() <= Date.now() + 60_000);
    },

    "connect() rejects with UNAVAILABLE where no server listens": async (world) => {
      const line = await world.line();
      line.refuse();
      const error = await rejection(KubeMQClient.connect({ address: line.address }));
      assert.ok(KubeMQError.is(error, "UNAVAILABLE"), String(error));
      assert.match(error.message, new RegExp(line.address));
    },

    "connect() with waitMs waits for a server that starts later": async (world) => {
      const line = await world.line();
      line.refuse();
      const connecting = KubeMQClient.connect({ address: line.address, reconnect }, { waitMs: 20_000 });
      await rejection(KubeMQClient.connect({ address: line.address }));
      await line.accept();
      await using client = await connecting;
      assert.equal(client.state, "ready");
    },

    "a subscription to events continues after a connection reset": async (world) => {
      const line = await world.line();
      const [subscriber, publisher] = [await world.client({ address: line.address, reconnect }), await world.client()];
      const channel = world.channel("reset");
      const subscription = subscriber.events.subscribe({ channel });
      await subscription.ready;
      const received = collect(subscription, (event) => event.text());
      for (const round of ["one", "two", "three"]) {
        line.reset();
        await until("an event arrives again", async () => {
          await publisher.events.publish({ channel, body: round });
          return received.items.includes(round);
        });
      }
    },

    "a subscription continues after the server has closed its connection": async (world) => {
      const line = await world.line();
      const [subscriber, publisher] = [await world.client({ address: line.address, reconnect }), await world.client()];
      const channel = world.channel("fin");
      const subscription = subscriber.events.subscribe({ channel });
      await subscription.ready;
      const received = collect(subscription, (event) => event.text());
      line.fin();
      await until("an event arrives again", async () => {
        await publisher.events.publish({ channel, body: "back" });
        return received.items.includes("back");
      });
    },

    "a dead connection is detected, and a subscription continues": async (world) => {
      const line = await world.line();
      const keepalive = { intervalMs: 300, timeoutMs: 300 };
      const subscriber = await world.client({ address: line.address, reconnect, keepalive });
      const publisher = await world.client();
      const channel = world.channel("silence");
      const subscription = subscriber.events.subscribe({ channel });
      await subscription.ready;
      const received = collect(subscription, (event) => event.text());
      line.strand(1);
      await until("an event arrives again", async () => {
        await publisher.events.publish({ channel, body: "back" });
        return received.items.includes("back");
      });
    },

    "a responder continues after a connection reset": async (world) => {
      const line = await world.line();
      const [responder, requester] = [await world.client({ address: line.address, reconnect }), await world.client()];
      const channel = world.channel("responder");
      const service = responder.commands.handle({ channel }, () => {});
      await service.ready;
      line.reset();
      await until("a command is answered again", async () => {
        const asking = requester.commands.send({ channel, body: "?" }, { timeoutMs: 500 });
        return asking.then(
          ({ ok }) => ok,
          () => false,
        );
      });
      await service.close();
    },

    "a consumer continues after connection resets, and unsettled messages are delivered again": async (world) => {
      const line = await world.line();
      const consumer = await world.client({ address: line.address, reconnect });
      const channel = world.channel("consumer");
      await fill(await world.client(), channel, 40);
      const acked = new Set<string>();
      let resets = 0;
      for await (const job of consumer.queues.consume({ channel, prefetch: 4 })) {
        if (acked.size === 10 * (resets + 1)) {
          resets += 1;
          line.reset();
        }
        const settled = await job.ack().then(
          () => true,
          (error: unknown) => !KubeMQError.is(error, "LEASE_LOST", "UNAVAILABLE"),
        );
        if (settled) acked.add(job.text());
        if (acked.size === 40) break;
      }
      assert.equal(resets, 3);
      assert.deepEqual([...acked].sort(byNumber), numbers(40));
      assert.deepEqual(await (await world.client()).queues.receive({ channel, max: 40 }), []);
    },

    "settling after a lost connection rejects with LEASE_LOST, and the message is delivered again": async (world) => {
      const line = await world.line();
      const consumer = await world.client({ address: line.address, reconnect });
      const channel = world.channel("lost");
      await fill(await world.client(), channel, 1);
      const statuses = collect(consumer.status(), (status) => status.type);
      let deliveries = 0;
      for await (const job of consumer.queues.consume({ channel })) {
        if (++deliveries === 2) {
          await job.ack();
          break;
        }
        line.reset();
        await until("the loss is noticed", () => statuses.items.includes("retry"));
        const error = await rejection(job.ack());
        assert.ok(KubeMQError.is(error, "LEASE_LOST"), String(error));
      }
      assert.equal(deliveries, 2);
    },

    "a call whose connection is lost rejects with UNAVAILABLE and is not sent twice": async (world) => {
      const line = await world.line();
      const [sender, other] = [await world.client({ address: line.address, reconnect }), await world.client()];
      const channel = world.channel("once");
      line.pause("down");
      const sending = rejection(sender.queues.send({ channel, body: "once" }));
      await until("it is stored", async () => (await other.queues.peek({ channel })).length === 1);
      line.reset();
      line.resume();
      const error = await within(5_000, "the call rejects", sending);
      assert.ok(KubeMQError.is(error, "UNAVAILABLE"), String(error));
      await sender.ping();
      assert.deepEqual(texts(await other.queues.receive({ channel, max: 2 })), ["once"]);
    },

    "status() reports when a stream is lost and when it works again": async (world) => {
      const line = await world.line();
      const client = await world.client({ address: line.address, reconnect });
      const channel = world.channel("status");
      const statuses = collect(client.status(), (status: Status) => status);
      const subscription = client.events.subscribe({ channel });
      await subscription.ready;
      line.reset();
      const told = (type: Status["type"]) => statuses.items.find((status) => status.type === type);
      await until("it is back", () => told("resumed") !== undefined);
      const [retry, resumed] = [told("retry"), told("resumed")];
      assert.ok(retry?.type === "retry" && resumed?.type === "resumed");
      assert.equal(retry.error.code, "UNAVAILABLE");
      assert.deepEqual([resumed.channel, resumed.kind], [channel, "events"]);
      await until("the client is ready again", () => client.state === "ready");
    },
  },

  alone: {
    "a message above the server's limit rejects with RESOURCE_EXHAUSTED, and the connection remains usable": async (
      world,
    ) => {
      const line = await world.line();
      const client = await world.client({ address: line.address, maxMessageBytes: 200 * 2 ** 20 });
      const channel = world.channel("large");
      const subscription = client.events.subscribe({ channel });
      await subscription.ready;
      const body = new Uint8Array(101 * 2 ** 20);
      const error = await rejection(client.queues.send({ channel, body }, { timeoutMs: 30_000 }));
      assert.ok(KubeMQError.is(error, "RESOURCE_EXHAUSTED"), String(error));
      const sent = performance.now();
      await client.events.publish({ channel, body: "small" });
      assert.deepEqual(texts(await take(subscription, 1)), ["small"]);
      assert.ok(performance.now() - sent < 2_000, "calls after it are not held up");
      assert.equal(line.accepted, 1, "the connection is the same");
    },
  },
};
