import assert from "node:assert/strict";
import { KubeMQClient, KubeMQError, type Subscription } from "kubemq-es";
import { rejection, take, until, within } from "../../support/until.js";
import type { Suite } from "../suite.js";
import { collect, fill, gate, texts } from "./loops.js";

export const stopping: Suite = {
  title: "Stopping, and bad arguments",
  promises: {
    "client.close() ends every loop without an error and closes the connection": async (world) => {
      const line = await world.line();
      const client = await world.client({ address: line.address });
      const loops = everyLoop(client, (hint) => world.channel(hint));
      const collected = loops.map((subscription) => collect(subscription, () => undefined));
      await Promise.all(loops.map(({ ready }) => ready));
      await within(6_000, "the client closes", client.close());
      await Promise.all(collected.map(({ ended }) => ended));
      for (const { closed } of loops) assert.equal(await closed, undefined);
      await until("the connection is closed", () => line.open === 0);
    },

    "a call of a closed client rejects with CLIENT_CLOSED": async (world) => {
      const client = await world.client();
      const channel = world.channel("closed");
      await client.close();
      for (const call of [
        () => client.ping(),
        () => client.events.publish({ channel, body: "x" }),
        () => client.queues.send({ channel, body: "x" }),
        () => take(client.events.subscribe({ channel }), 1),
      ]) {
        const error = await rejection((async () => call())());
        assert.ok(KubeMQError.is(error, "CLIENT_CLOSED"), String(error));
      }
    },

    "client.close() sends the messages that a publisher has accepted": async (world) => {
      const [client, other] = [await world.client(), await world.client()];
      const channel = world.channel("flush");
      const publisher = client.eventsStore.publisher();
      const published = Array.from({ length: 100 }, () => publisher.publish({ channel, body: "x" }));
      await client.close();
      await Promise.all(published);
      const start = { from: "first" } as const;
      assert.equal((await take(other.eventsStore.subscribe({ channel, start }), 100)).length, 100);
    },

    "client.close() lets a running handler finish, and its answer arrives": async (world) => {
      const [responder, requester] = [await world.client(), await world.client()];
      const channel = world.channel("handler");
      const [begun, end] = [gate(), gate()];
      const service = responder.queries.handle({ channel }, async () => {
        begun.open();
        await end.opened;
        return "finished";
      });
      await service.ready;
      const asking = requester.queries.send({ channel, body: "?" });
      await Promise.race([begun.opened, asking]);
      const closing = responder.close();
      end.open();
      const answer = await asking;
      assert.ok(answer.ok);
      assert.equal(answer.text(), "finished");
      await within(6_000, "the client closes", closing);
    },

    "an aborted signal ends each loop without an error": async (world) => {
      const client = await world.client();
      const stop = new AbortController();
      const loops = everyLoop(client, (hint) => world.channel(hint), stop.signal);
      const collected = loops.map((subscription) => collect(subscription, () => undefined));
      await Promise.all(loops.map(({ ready }) => ready));
      stop.abort(new Error("enough"));
      for (const { ended } of collected) await within(5_000, "the loop ends", ended);
      for (const { closed } of loops) assert.equal(await closed, undefined);
      await client.ping();
    },

    "an aborted signal rejects a call with its reason": async (world) => {
      const client = await world.client();
      const [stop, reason] = [new AbortController(), new Error("enough")];
      const asking = client.commands.send({ channel: world.channel("nobody"), body: "x" }, { signal: stop.signal });
      await client.ping();
      stop.abort(reason);
      assert.equal(await rejection(asking), reason);
      assert.equal(await rejection(client.ping({ signal: stop.signal })), reason);
    },

    "an error thrown in a loop ends it and reaches the caller unchanged": async (world) => {
      const client = await world.client();
      const channel = world.channel("throws");
      await fill(client, channel, 1);
      const mine = new Error("mine");
      const subscription = client.queues.consume({ channel });
      const looping = (async () => {
        for await (const _job of subscription) throw mine;
      })();
      assert.equal(await rejection(looping), mine);
      assert.equal(await within(5_000, "the call has ended", subscription.closed), undefined);
      assert.deepEqual(texts(await client.queues.receive({ channel })), ["0"]);
    },

    "subscription.close() ends a loop after its body": async (world) => {
      const client = await world.client();
      const channel = world.channel("body");
      const subscription = client.events.subscribe({ channel });
      await subscription.ready;
      await client.events.publish({ channel, body: "1" });
      let finished = false;
      for await (const _event of subscription) {
        void subscription.close();
        await client.ping();
        finished = true;
      }
      assert.equal(finished, true);
    },

    "a second loop over a subscription throws STREAM_CONSUMED": async (world) => {
      const client = await world.client();
      const subscription = client.events.subscribe({ channel: world.channel("second") });
      const first = collect(subscription, () => undefined);
      const error = await rejection(collect(subscription, () => undefined).ended);
      assert.ok(KubeMQError.is(error, "STREAM_CONSUMED"), String(error));
      await subscription.close();
      await first.ended;
    },

    "bad arguments are refused before a byte is sent": async (world) => {
      const line = await world.line();
      await using client = new KubeMQClient({ address: line.address });
      const { events, eventsStore, commands, queries, queues } = client;
      for (const channel of ["", "a b", "a.", "a\tb"]) {
        const message = { channel, body: "x" };
        for (const call of [
          () => events.publish(message),
          () => eventsStore.publish(message),
          () => commands.send(message),
          () => queries.send(message),
          () => queues.send(message),
          () => queues.sendBatch([message]),
          () => queues.receive({ channel }),
          () => take(events.subscribe({ channel }), 1),
          () => take(eventsStore.subscribe({ channel, start: { from: "first" } }), 1),
          () => take(queues.consume({ channel }), 1),
        ]) {
          const error = await rejection((async () => call())());
          assert.ok(KubeMQError.is(error, "INVALID_ARGUMENT"), `${JSON.stringify(channel)}: ${String(error)}`);
        }
      }
      for (const call of [
        () => events.publish({ channel: "a.*", body: "x" }),
        () => events.publish({ channel: "a", body: "" }),
        () => queues.send({ channel: "a:b", body: "x" }),
        () => queues.send({ channel: "a", body: "x", policy: { delaySeconds: -1 } }),
        () => commands.send({ channel: "a", body: "x" }, { timeoutMs: 0 }),
        () => take(eventsStore.subscribe({ channel: "a.*", start: { from: "first" } }), 1),
        () => take(queues.consume({ channel: "a", prefetch: 0 }), 1),
      ]) {
        const error = await rejection((async () => call())());
        assert.ok(KubeMQError.is(error, "INVALID_ARGUMENT"), String(error));
      }
      assert.equal(line.accepted, 0, "nothing was connected");
    },
  },
};

/** A subscription of each kind. */
function everyLoop(
  client: KubeMQClient,
  channel: (hint: string) => string,
  signal?: AbortSignal,
): Subscription<unknown>[] {
  const options = signal === undefined ? {} : { signal };
  return [
    client.events.subscribe({ channel: channel("events") }, options),
    client.eventsStore.subscribe({ channel: channel("store"), start: { from: "new" } }, options),
    client.commands.subscribe({ channel: channel("commands") }, options),
    client.queries.subscribe({ channel: channel("queries") }, options),
    client.queues.consume({ channel: channel("queue") }, options),
    client.queues.consume({ channel: channel("ondelivery"), settle: "on-delivery" }, options),
    client.queues.consume({ channel: channel("lease"), visibilitySeconds: 30 }, options),
    client.queues.consumeBatches({ channel: channel("batches"), max: 5 }, options),
  ];
}
