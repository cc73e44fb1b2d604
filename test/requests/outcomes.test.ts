import { expect, test } from "@jest/globals";
import type { CommandRequest } from "kubemq-es";
import { outcomeOf, PATIENCE_MS, RequestWorld } from "../support/request-world.js";
import { ResponderProcess } from "../support/responder-process.js";
import { rejection, until } from "../support/until.js";

interface Outcome {
  /** The outcome of `send`. */
  readonly asker: string;
  /** The outcome of `respond`. */
  readonly responder: string;
}

const filter = { channel: "door" };
const patient = { timeoutMs: PATIENCE_MS };
const command = (body: string) => ({ channel: "door", body });

/** Sends one command and receives it in a loop that waits in its body until `leave` is called. */
async function inBody(world: RequestWorld, options: { signal?: AbortSignal; unanswered?: "fail" | "leave" } = {}) {
  const commands = world.responder.commands.subscribe(filter, options);
  await commands.ready;
  let leave: (how: "break" | "throw" | "next") => void = () => {};
  const left = new Promise<"break" | "throw" | "next">((resolve) => (leave = resolve));
  let take: (request: CommandRequest) => void = () => {};
  const taken = new Promise<CommandRequest>((resolve) => (take = resolve));
  const loop = (async () => {
    let first = true;
    for await (const request of commands) {
      if (!first) {
        await request.respond();
        continue;
      }
      first = false;
      take(request);
      const how = await left;
      if (how === "break") break;
      if (how === "throw") throw new Error("the body has failed");
    }
  })();
  loop.catch(() => {});
  const asked = new AbortController();
  const asker = outcomeOf(world.asker.commands.send(command("open"), { ...patient, signal: asked.signal }));
  const request = await taken;
  return { commands, request, asker, asked, loop, leave };
}

const rows: Record<string, [expected: Outcome, happens: (world: RequestWorld) => Promise<Outcome>]> = {
  "the responder answers": [
    { asker: "executed", responder: "sent" },
    async (world) => {
      const { request, asker, leave } = await inBody(world);
      const responder = await outcomeOf(request.respond());
      leave("next");
      return { asker: await asker, responder };
    },
  ],

  "the responder fails it": [
    { asker: "not executed: jammed", responder: "sent" },
    async (world) => {
      const { request, asker, leave } = await inBody(world);
      const responder = await outcomeOf(request.fail(new Error("jammed")));
      leave("next");
      return { asker: await asker, responder };
    },
  ],

  "the asker gives up by its signal: the responder is not told": [
    { asker: "enough", responder: "sent" },
    async (world) => {
      const { request, asker, asked, leave } = await inBody(world);
      asked.abort(new Error("enough"));
      const gaveUp = await asker;
      expect(request.signal.aborted).toBe(false);
      const responder = await outcomeOf(request.respond());
      leave("next");
      return { asker: gaveUp, responder };
    },
  ],

  "the asker's time-out passes": [
    { asker: "TIMEOUT", responder: "TIMEOUT" },
    async (world) => {
      const { request, asker, leave } = await inBody(world);
      expect(request.signal.aborted).toBe(false);
      await world.pass(PATIENCE_MS);
      expect(request.signal.reason).toMatchObject({ code: "TIMEOUT", channel: "door" });
      const responder = await outcomeOf(request.respond());
      leave("next");
      return { asker: await asker, responder };
    },
  ],

  "the responder leaves its loop by break": [
    { asker: "not executed: responder responder stopped without an answer", responder: "ALREADY_RESPONDED" },
    async (world) => {
      const { request, asker, leave, loop } = await inBody(world);
      leave("break");
      await loop;
      expect(request.signal.reason).toMatchObject({ code: "ALREADY_RESPONDED" });
      return { asker: await asker, responder: await outcomeOf(request.respond()) };
    },
  ],

  "the responder's body throws": [
    { asker: "not executed: responder responder stopped without an answer", responder: "ALREADY_RESPONDED" },
    async (world) => {
      const { request, asker, leave, loop } = await inBody(world);
      leave("throw");
      expect(await rejection(loop)).toMatchObject({ message: "the body has failed" });
      return { asker: await asker, responder: await outcomeOf(request.respond()) };
    },
  ],

  "the responder leaves its loop, and answers after it": [
    { asker: "executed", responder: "sent" },
    async (world) => {
      const { request, asker, leave, loop } = await inBody(world, { unanswered: "leave" });
      leave("break");
      await loop;
      return { responder: await outcomeOf(request.respond()), asker: await asker };
    },
  ],

  "the responder dies": [
    { asker: "TIMEOUT", responder: "dead" },
    async (world) => {
      await using dying = await ResponderProcess.start(world.broker.address, "door", "g", "dying", "crash");
      const asker = outcomeOf(world.asker.queries.send(command("open"), patient));
      await until("the responder is dead", () => !dying.isRunning);
      await until("the broker knows", () => world.broker.stats().streams["SubscribeToRequests"] === undefined);
      await world.pass(PATIENCE_MS);
      return { asker: await asker, responder: "dead" };
    },
  ],

  "the responder's signal aborts in the body; another request waits": [
    { asker: "executed, not executed: responder responder stopped before it handled the request", responder: "sent" },
    async (world) => {
      const stop = new AbortController();
      const { request, asker, loop, leave, commands } = await inBody(world, { signal: stop.signal });
      const second = outcomeOf(world.asker.commands.send(command("close"), patient));
      await until("both are pending", () => world.broker.stats().pendingRequests === 2);
      await world.responder.ping(); // behind the second request, so that it has arrived
      stop.abort();
      const waiting = await second;
      const subscribed = () => world.broker.stats().streams["SubscribeToRequests"] !== undefined;
      await until("the server gives it nothing more, though the body goes on", () => !subscribed());
      expect(request.signal.aborted).toBe(false);
      const responder = await outcomeOf(request.respond());
      await commands.closed;
      leave("next");
      await loop;
      return { asker: `${await asker}, ${waiting}`, responder };
    },
  ],

  "the responder's client closes while the body runs": [
    { asker: "executed", responder: "sent" },
    async (world) => {
      const { request, asker, loop, leave } = await inBody(world);
      const closed = world.responder.close();
      const subscribed = () => world.broker.stats().streams["SubscribeToRequests"] !== undefined;
      await until("the client has begun to close", () => !subscribed());
      const responder = await outcomeOf(request.respond());
      leave("next");
      await Promise.all([closed, loop]);
      return { asker: await asker, responder };
    },
  ],

  "the asker's client closes while it waits: what runs may finish": [
    { asker: "executed", responder: "sent" },
    async (world) => {
      const { request, asker, leave } = await inBody(world);
      const closed = world.asker.close();
      const responder = await outcomeOf(request.respond());
      leave("next");
      await closed;
      return { asker: await asker, responder };
    },
  ],

  "the server is gone between request and response": [
    { asker: "UNAVAILABLE", responder: "UNAVAILABLE, then sent" },
    async (world) => {
      const { request, asker, leave } = await inBody(world);
      world.broker.faults.refuseConnections();
      await world.broker.faults.dropConnections();
      const gone = await asker;
      const first = await outcomeOf(request.respond());
      await world.broker.faults.allowConnections();
      const second = await outcomeOf(request.respond());
      leave("next");
      return { asker: gone, responder: `${first}, then ${second}` };
    },
  ],

  "the responder's connection is lost and comes back while the request waits": [
    { asker: "executed", responder: "sent" },
    async (world) => {
      const { request, asker, leave } = await inBody(world);
      world.line.reset();
      await until("the broker knows", () => world.broker.stats().streams["SubscribeToRequests"] === undefined);
      expect(request.signal.aborted).toBe(false);
      const responder = await outcomeOf(request.respond());
      leave("next");
      return { asker: await asker, responder };
    },
  ],

  "the subscription is lost with a request in its buffer, and comes back": [
    { asker: "executed, executed", responder: "sent" },
    async (world) => {
      const { request, asker, leave } = await inBody(world);
      const second = outcomeOf(world.asker.commands.send(command("close"), patient));
      await until("both are pending", () => world.broker.stats().pendingRequests === 2);
      await world.responder.ping();
      world.broker.faults.endStreams({ rpc: "SubscribeToRequests" });
      await until("the stream is down", () => world.responder.state === "reconnecting");
      await world.pass(10_000);
      await until("the stream is back", () => world.responder.state === "ready");
      const responder = await outcomeOf(request.respond());
      leave("next");
      return { asker: `${await asker}, ${await second}`, responder };
    },
  ],
};

test.each(Object.entries(rows))("%s", async (_, [expected, happens]) => {
  await using world = await RequestWorld.start();
  expect(await happens(world)).toEqual(expected);
  await until("nothing waits at the broker", () => world.broker.stats().pendingRequests === 0);
});
