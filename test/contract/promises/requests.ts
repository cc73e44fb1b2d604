import assert from "node:assert/strict";
import { json, KubeMQError } from "kubemq-es";
import { rejection, until, within } from "../../support/until.js";
import type { Suite } from "../suite.js";
import { byNumber, collect, gate, everyTime, numbers, resolves, settledFlag } from "./loops.js";

export const requests: Suite = {
  title: "Commands and queries",
  promises: {
    "a command that a responder carries out resolves with ok: true": async (world) => {
      const client = await world.client();
      const channel = world.channel("command");
      const commands = client.commands.subscribe({ channel });
      const serving = collect(commands, async (command) => {
        await command.respond({ tags: { room: "7" } });
        return [command.text(), command.metadata, command.tags["a"], command.clientId];
      });
      await commands.ready;
      const result = await client.commands.send({ channel, body: "open", metadata: "m", tags: { a: "b" } });
      assert.equal(result.ok, true);
      assert.deepEqual({ ...result.tags }, { room: "7" });
      await until("the responder is done", () => serving.items.length === 1);
      assert.deepEqual(serving.items, [["open", "m", "b", client.clientId]]);
    },

    "a command that a responder fails resolves with ok: false and the responder's reason": async (world) => {
      const client = await world.client();
      const channel = world.channel("refused");
      const commands = client.commands.subscribe({ channel });
      collect(commands, (command) => command.fail("the door is locked"));
      await commands.ready;
      const result = await client.commands.send({ channel, body: "open" });
      assert.ok(!result.ok);
      assert.equal(result.error, "the door is locked");
    },

    "a request that nobody answers rejects with TIMEOUT after its own time": async (world) => {
      const client = await world.client();
      const asked = performance.now();
      const sending = client.commands.send({ channel: world.channel("nobody"), body: "x" }, { timeoutMs: 600 });
      const error = await rejection(sending);
      const took = performance.now() - asked;
      assert.ok(KubeMQError.is(error, "TIMEOUT"), String(error));
      assert.ok(took >= 500 && took < 3_000, `took ${took} ms`);
    },

    "a request can wait longer than the client's default": async (world) => {
      const client = await world.client({ timeoutMs: 500 });
      const channel = world.channel("patient");
      const queries = client.queries.subscribe({ channel });
      collect(queries, async (query) => {
        await new Promise((resolve) => setTimeout(resolve, 1_200));
        await query.respond({ body: "late" });
      });
      await queries.ready;
      const answer = await client.queries.send({ channel, body: "?" }, { timeoutMs: 10_000 });
      assert.ok(answer.ok);
      assert.equal(answer.text(), "late");
    },

    "one member of a group receives each request": async (world) => {
      const client = await world.client();
      const channel = world.channel("group");
      const members = [1, 2].map(() => client.commands.subscribe({ channel, group: "porters" }));
      const received = members.map((member) =>
        collect(member, async (command) => {
          await command.respond();
          return command.text();
        }),
      );
      await Promise.all(members.map(({ ready }) => ready));
      await Promise.all(numbers(40).map((body) => client.commands.send({ channel, body })));
      const all = () => received.flatMap(({ items }) => items);
      await until("the responders are done", () => all().length >= 40);
      assert.deepEqual(all().sort(byNumber), numbers(40));
    },

    "without a group every responder receives a request, and the first answer wins": async (world) => {
      const client = await world.client();
      const channel = world.channel("all");
      const [quick, slow] = [client.queries.subscribe({ channel }), client.queries.subscribe({ channel })];
      const answered = gate();
      collect(quick, (query) => query.respond({ body: "quick" }));
      const late = collect(slow, async (query) => {
        await answered.opened;
        await query.respond({ body: "slow" });
      });
      await Promise.all([quick.ready, slow.ready]);
      const answer = await client.queries.send({ channel, body: "?" });
      answered.open();
      assert.ok(answer.ok);
      assert.equal(answer.text(), "quick");
      await until("the slow responder has answered, too", () => late.items.length === 1);
    },

    "the answer to a query has body, metadata and tags of the responder": async (world) => {
      const client = await world.client();
      const channel = world.channel("answer");
      const queries = client.queries.subscribe({ channel });
      const body = Uint8Array.from({ length: 256 }, (_, at) => at);
      collect(queries, (query) => query.respond({ body, metadata: "m \u00e9", tags: { echo: query.text() } }));
      await queries.ready;
      const answer = await client.queries.send({ channel, body: "hello" });
      assert.ok(answer.ok);
      assert.deepEqual([...answer.body], [...body]);
      assert.deepEqual([answer.metadata, { ...answer.tags }, answer.cacheHit], ["m \u00e9", { echo: "hello" }, false]);
    },

    "an answer of 5 MiB arrives complete": async (world) => {
      const client = await world.client();
      const channel = world.channel("large");
      const queries = client.queries.subscribe({ channel });
      const body = new Uint8Array(5 * 2 ** 20).fill(7);
      collect(queries, (query) => query.respond({ body }));
      await queries.ready;
      const answer = await client.queries.send({ channel, body: "?" });
      assert.ok(answer.ok && Buffer.compare(answer.body, body) === 0);
    },

    "handle() responds with the return value of its function, or with the error that it throws": async (world) => {
      const client = await world.client();
      const channel = world.channel("handle");
      const stop = new AbortController();
      const prices: Record<string, number> = { chair: 40 };
      const service = client.queries.handle(
        { channel, responseCodec: json<number>() },
        (query) => prices[query.text()] ?? Promise.reject(new Error(`no ${query.text()} here`)),
        { signal: stop.signal },
      );
      await service.ready;
      const ask = (body: string) => client.queries.send({ channel, body, responseCodec: json<number>() });
      const [chair, table] = [await ask("chair"), await ask("table")];
      assert.ok(chair.ok && !table.ok);
      assert.deepEqual([chair.value, table.error], [40, "no table here"]);
      stop.abort();
      await within(5_000, "the service ends", service);
    },

    "handle() runs as many handlers at once as its concurrency allows": async (world) => {
      const client = await world.client();
      const channel = world.channel("concurrent");
      const stop = new AbortController();
      const all = gate();
      let [running, most] = [0, 0];
      const service = client.commands.handle(
        { channel },
        async () => {
          most = Math.max(most, ++running);
          if (running === 4) all.open();
          await all.opened;
          running -= 1;
        },
        { concurrency: 4, signal: stop.signal },
      );
      await service.ready;
      const results = await Promise.all(numbers(8).map((body) => client.commands.send({ channel, body })));
      assert.ok(results.every(({ ok }) => ok));
      assert.equal(most, 4);
      stop.abort();
      await service;
    },

    "a handler that runs when handle() is stopped finishes, and its answer arrives": async (world) => {
      const client = await world.client();
      const channel = world.channel("drain");
      const stop = new AbortController();
      const [begun, end] = [gate(), gate()];
      const service = client.queries.handle(
        { channel },
        async () => {
          begun.open();
          await end.opened;
          return "finished";
        },
        { signal: stop.signal },
      );
      const isEnded = settledFlag(service);
      await service.ready;
      const asking = client.queries.send({ channel, body: "?" });
      await Promise.race([begun.opened, asking]);
      stop.abort();
      await client.ping();
      assert.equal(isEnded(), false);
      end.open();
      const answer = await asking;
      assert.ok(answer.ok);
      assert.equal(answer.text(), "finished");
      await within(5_000, "the service ends", service);
    },

    "a request whose loop is left without an answer is failed at once": async (world) => {
      const client = await world.client();
      const channel = world.channel("left");
      const commands = client.commands.subscribe({ channel });
      const leaving = (async () => {
        for await (const _command of commands) break;
      })();
      await commands.ready;
      const asked = performance.now();
      const result = await client.commands.send({ channel, body: "x" }, { timeoutMs: 20_000 });
      assert.equal(result.ok, false);
      assert.ok(performance.now() - asked < 5_000);
      await leaving;
    },

    "the signal of a request aborts when its requester has stopped waiting": async (world) => {
      const client = await world.client();
      const channel = world.channel("gone");
      const commands = client.commands.subscribe({ channel });
      const reasons = collect(commands, async (command) => {
        await until("the signal aborts", () => command.signal.aborted);
        return [command.signal.reason, await rejection(command.respond())];
      });
      await commands.ready;
      const error = await rejection(client.commands.send({ channel, body: "x" }, { timeoutMs: 2_000 }));
      assert.ok(KubeMQError.is(error, "TIMEOUT"));
      await until("the responder has given up", () => reasons.items.length === 1);
      for (const reason of reasons.items.flat()) assert.ok(KubeMQError.is(reason, "TIMEOUT"), String(reason));
    },

    "a second answer to a request rejects with ALREADY_RESPONDED": async (world) => {
      const client = await world.client();
      const channel = world.channel("twice");
      const commands = client.commands.subscribe({ channel });
      const second = collect(commands, async (command) => {
        await command.respond();
        return rejection(command.respond());
      });
      await commands.ready;
      await client.commands.send({ channel, body: "x" });
      await until("the second answer is refused", () => second.items.length === 1);
      assert.ok(KubeMQError.is(second.items[0], "ALREADY_RESPONDED"));
    },

    "the second answer to a query with a cache key comes from the server's cache": async (world) => {
      await world.needs("query cache");
      const client = await world.client();
      const channel = world.channel("cache");
      const queries = client.queries.subscribe({ channel });
      let asked = 0;
      collect(queries, (query) => {
        asked += 1;
        return query.respond({ body: "answer" });
      });
      await queries.ready;
      const ask = () => client.queries.send({ channel, body: "?", cache: { key: channel, ttlSeconds: 60 } });
      const answers = [await ask(), await ask()];
      assert.deepEqual(
        answers.map((answer) => answer.ok && [answer.text(), answer.cacheHit]),
        [
          ["answer", false],
          ["answer", true],
        ],
      );
      assert.equal(asked, 1);
    },
  },

  alone: {
    "a command sent right after ready is answered, every time": async (world) => {
      const [responder, requester] = [await world.client(), await world.client()];
      await everyTime(world, "the command is answered", async () => {
        const channel = world.channel("ready");
        const commands = responder.commands.subscribe({ channel });
        const serving = collect(commands, (command) => command.respond());
        await commands.ready;
        const answered = await resolves(2_000, requester.commands.send({ channel, body: "x" }, { timeoutMs: 1_000 }));
        await commands.close();
        await serving.ended;
        return answered;
      });
    },

    "a query sent right after handle() is ready is answered, every time": async (world) => {
      const [responder, requester] = [await world.client(), await world.client()];
      await everyTime(world, "the query is answered", async () => {
        const channel = world.channel("handle");
        const stop = new AbortController();
        const service = responder.queries.handle({ channel }, () => "here", { signal: stop.signal });
        await service.ready;
        const answered = await resolves(2_000, requester.queries.send({ channel, body: "?" }, { timeoutMs: 1_000 }));
        stop.abort();
        await service;
        return answered;
      });
    },
  },
};
