import { expect, test } from "@jest/globals";
import type { IncomingCommand } from "kubemq-es";
import { outcomeOf, PATIENCE_MS, RequestWorld } from "../support/request-world.js";
import { ResponderProcess } from "../support/responder-process.js";
import { rejection, until } from "../support/until.js";

interface Outcome {
  /** The outcome of `send`. */
  readonly requester: string;
  /** The outcome of `respond`. */
  readonly responder: string;
}

const filter = { channel: "door" };
const patient = { timeoutMs: PATIENCE_MS };
const command = (body: string) => ({ channel: "door", body });

/** Sends one command and receives it in a loop that waits in its body until `leave` is called. */
async function inBody(world: RequestWorld, options: { signal?: AbortSignal; unanswered?: "fail" | "leave" } = {}) {
  const commands = world.responder.commands.subscribe(filter, options);
  await world.ready(commands);
  let leave: (how: "break" | "throw" | "next") => void = () => {};
  const left = new Promise<"break" | "throw" | "next">((resolve) => (leave = resolve));
  let take: (request: IncomingCommand) => void = () => {};
  const taken = new Promise<IncomingCommand>((resolve) => (take = resolve));
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
  const requester = outcomeOf(world.requester.commands.send(command("open"), { ...patient, signal: asked.signal }));
  const request = await taken;
  return { commands, request, requester, asked, loop, leave };
}

const rows: Record<string, [expected: Outcome, happens: (world: RequestWorld) => Promise<Outcome>]> = {
  "the responder answers": [
    { requester: "executed", responder: "sent" },
    async (world) => {
      const { request, requester, leave } = await inBody(world);
      const responder = await outcomeOf(request.respond());
      leave("next");
      return { requester: await requester, responder };
    },
  ],

  "the responder fails it": [
    { requester: "not executed: jammed", responder: "sent" },
    async (world) => {
      const { request, requester, leave } = await inBody(world);
      const responder = await outcomeOf(request.fail(new Error("jammed")));
      leave("next");
      return { requester: await requester, responder };
    },
  ],

  "the requester gives up by its signal: the responder is not told": [
    { requester: "enough", responder: "sent" },
    async (world) => {
      const { request, requester, asked, leave } = await inBody(world);
      asked.abort(new Error("enough"));
      const gaveUp = await requester;
      expect(request.signal.aborted).toBe(false);
      const responder = await outcomeOf(request.respond());
      leave("next");
      return { requester: gaveUp, responder };
    },
  ],

  "the requester's timeout passes": [
    { requester: "TIMEOUT", responder: "TIMEOUT" },
    async (world) => {
      const { request, requester, leave } = await inBody(world);
      expect(request.signal.aborted).toBe(false);
      await world.pass(PATIENCE_MS);
      expect(request.signal.reason).toMatchObject({ code: "TIMEOUT", channel: "door" });
      const responder = await outcomeOf(request.respond());
      leave("next");
      return { requester: await requester, responder };
    },
  ],

  "the responder leaves its loop by break": [
    { requester: "not executed: responder responder stopped without an answer", responder: "ALREADY_RESPONDED" },
    async (world) => {
      const { request, requester, leave, loop } = await inBody(world);
      leave("break");
      await loop;
      expect(request.signal.reason).toMatchObject({ code: "ALREADY_RESPONDED" });
      return { requester: await requester, responder: await outcomeOf(request.respond()) };
    },
  ],

  "the responder's body throws": [
    { requester: "not executed: responder responder stopped without an answer", responder: "ALREADY_RESPONDED" },
    async (world) => {
      const { request, requester, leave, loop } = await inBody(world);
      leave("throw");
      expect(await rejection(loop)).toMatchObject({ message: "the body has failed" });
      return { requester: await requester, responder: await outcomeOf(request.respond()) };
    },
  ],

  "the responder leaves its loop, and answers after it": [
    { requester: "executed", responder: "sent" },
    async (world) => {
      const { request, requester, leave, loop } = await inBody(world, { unanswered: "leave" });
      leave("break");
      await loop;
      return { responder: await outcomeOf(request.respond()), requester: await requester };
    },
  ],

  "the responder dies": [
    { requester: "TIMEOUT", responder: "dead" },
    async (world) => {
      await using dying = await ResponderProcess.start(world.broker.address, "door", "g", "dying", "crash");
      const requester = outcomeOf(world.requester.queries.send(command("open"), patient));
      await until("the responder is dead", () => !dying.isRunning);
      await until("the broker knows", () => world.broker.stats().streams["SubscribeToRequests"] === undefined);
      await world.pass(PATIENCE_MS);
      return { requester: await requester, responder: "dead" };
    },
  ],

  "the responder's signal aborts in the body; another request waits": [
    {
      requester: "executed, not executed: responder responder stopped before it handled the request",
      responder: "sent",
    },
    async (world) => {
      const stop = new AbortController();
      const { request, requester, loop, leave, commands } = await inBody(world, { signal: stop.signal });
      const second = outcomeOf(world.requester.commands.send(command("close"), patient));
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
      return { requester: `${await requester}, ${waiting}`, responder };
    },
  ],

  "the responder's client closes while the body runs": [
    { requester: "executed", responder: "sent" },
    async (world) => {
      const { request, requester, loop, leave } = await inBody(world);
      const closed = world.responder.close();
      const subscribed = () => world.broker.stats().streams["SubscribeToRequests"] !== undefined;
      await until("the client has begun to close", () => !subscribed());
      const responder = await outcomeOf(request.respond());
      leave("next");
      await Promise.all([closed, loop]);
      return { requester: await requester, responder };
    },
  ],

  "the requester's client closes while it waits: what runs may finish": [
    { requester: "executed", responder: "sent" },
    async (world) => {
      const { request, requester, leave } = await inBody(world);
      const closed = world.requester.close();
      const responder = await outcomeOf(request.respond());
      leave("next");
      await closed;
      return { requester: await requester, responder };
    },
  ],

  "the server is gone between request and response": [
    { requester: "UNAVAILABLE", responder: "UNAVAILABLE, then sent" },
    async (world) => {
      const { request, requester, leave } = await inBody(world);
      world.broker.faults.refuseConnections();
      await world.broker.faults.dropConnections();
      const gone = await requester;
      const first = await outcomeOf(request.respond());
      await world.broker.faults.allowConnections();
      const second = await outcomeOf(request.respond());
      leave("next");
      return { requester: gone, responder: `${first}, then ${second}` };
    },
  ],

  "the responder's connection is lost and comes back while the request waits": [
    { requester: "executed", responder: "sent" },
    async (world) => {
      const { request, requester, leave } = await inBody(world);
      world.line.reset();
      await until("the broker knows", () => world.broker.stats().streams["SubscribeToRequests"] === undefined);
      expect(request.signal.aborted).toBe(false);
      const responder = await outcomeOf(request.respond());
      leave("next");
      return { requester: await requester, responder };
    },
  ],

  "the subscription is lost with a request in its buffer, and comes back": [
    { requester: "executed, executed", responder: "sent" },
    async (world) => {
      const { request, requester, leave } = await inBody(world);
      const second = outcomeOf(world.requester.commands.send(command("close"), patient));
      await until("both are pending", () => world.broker.stats().pendingRequests === 2);
      await world.responder.ping();
      world.broker.faults.endStreams({ rpc: "SubscribeToRequests" });
      await until("the stream is down", () => world.responder.state === "reconnecting");
      await world.pass(10_000);
      await until("the stream is back", () => world.responder.state === "ready");
      const responder = await outcomeOf(request.respond());
      leave("next");
      return { requester: `${await requester}, ${await second}`, responder };
    },
  ],
};

test.each(Object.entries(rows))("%s", async (_, [expected, happens]) => {
  await using world = await RequestWorld.start();
  expect(await happens(world)).toEqual(expected);
  await until("nothing waits at the broker", () => world.broker.stats().pendingRequests === 0);
});
