import { describe, expect, test } from "@jest/globals";
import { json, type IncomingCommand, type IncomingQuery, type Reply, type Status } from "kubemq-es";
import { runInNewContext } from "node:vm";
import { settle, turns } from "../support/fake-clock.js";
import { outcomeOf, PATIENCE_MS, RequestWorld } from "../support/request-world.js";
import { rejection, until } from "../support/until.js";

const filter = { channel: "door" };
const patient = { timeoutMs: PATIENCE_MS };

function ask(world: RequestWorld, body: string): Promise<string> {
  return outcomeOf(world.requester.commands.send({ channel: "door", body }, patient));
}

/** Handlers that wait until the test releases them, one by one. */
class Doors {
  readonly open: { readonly body: string; readonly request: IncomingCommand; let(go?: Error): void }[] = [];
  most = 0;
  readonly handler = (request: IncomingCommand): Promise<void> =>
    new Promise((resolve, reject) => {
      const door = {
        body: request.text(),
        request,
        let: (error?: Error) => {
          this.open.splice(this.open.indexOf(door), 1);
          if (error === undefined) resolve();
          else reject(error);
        },
      };
      this.open.push(door);
      this.most = Math.max(this.most, this.open.length);
    });

  async let(body: string, error?: Error): Promise<void> {
    await until(`the handler of ${body} runs`, () => this.open.some((door) => door.body === body));
    this.open.find((door) => door.body === body)?.let(error);
  }
}

describe("a request handler", () => {
  test("a query handler returns a whole reply, and a failure carries tags to the requester", async () => {
    await using world = await RequestWorld.start();
    await using stock = world.responder.queries.handle({ channel: "stock" }, (query) => {
      const tags = { warehouse: "2" };
      return query.text() === "chair" ? { body: "4", metadata: "counted", tags } : { error: "unknown", tags };
    });
    await world.ready(stock);

    const send = (body: string) => world.requester.queries.send({ channel: "stock", body }, patient);
    const found = await send("chair");
    expect(found).toMatchObject({ ok: true, metadata: "counted", tags: { warehouse: "2" } });
    expect(found.ok && found.text()).toBe("4");
    expect(await send("moon")).toMatchObject({ ok: false, error: "unknown", tags: { warehouse: "2" } });
  });

  test("the codec of a response encodes a value that looks like a reply", async () => {
    await using world = await RequestWorld.start();
    const filter = { channel: "stock", responseCodec: json<{ body: string; error: string }>() };
    await using stock = world.responder.queries.handle(filter, () => ({ body: "4", error: "none" }));
    await world.ready(stock);

    const answer = await world.requester.queries.send({ channel: "stock", body: "chair" }, patient);
    expect(answer.ok && answer.json()).toEqual({ body: "4", error: "none" });
  });

  test("a handler executes by returning, fails by throwing, and may respond itself", async () => {
    await using world = await RequestWorld.start();
    const stop = new AbortController();
    const handling = world.responder.commands.handle(
      filter,
      async (command) => {
        if (command.text() === "jam") throw new Error("jammed");
        if (command.text() === "odd") throw Object.create(null);
        if (command.text() === "own") await command.fail("by myself");
        return { tags: { by: "handler" }, span: Uint8Array.of(7) };
      },
      { signal: stop.signal },
    );
    await world.responder.ping();
    const result = await world.requester.commands.send({ channel: "door", body: "open" }, patient);
    expect(result).toMatchObject({ ok: true, tags: { by: "handler" }, clientId: "responder" });
    expect(Array.from(result.span ?? [])).toEqual([7]);
    expect(await ask(world, "jam")).toBe("not executed: jammed");
    expect(await ask(world, "odd")).toBe("not executed: a thrown value that cannot be converted to a string");
    expect(await ask(world, "own")).toBe("not executed: by myself");
    stop.abort();
    await handling;
  });

  test("a value that a command handler returns by chance does not fail the command", async () => {
    await using world = await RequestWorld.start();
    const returned = [7, "done", true, ["a", "b"], null];
    const stop = new AbortController();
    const serving = world.responder.commands.handle(filter, (command) => returned[Number(command.text())] as never, {
      signal: stop.signal,
    });
    await world.responder.ping();
    for (const at of returned.keys()) expect(await ask(world, String(at))).toBe("executed");
    stop.abort();
    await serving;
  });

  test("a failed result or an error that a command handler returns fails the command", async () => {
    await using world = await RequestWorld.start();
    await using _inner = world.responder.commands.handle({ channel: "inner" }, (command) => command.fail("jammed"));
    const returned: Record<string, () => unknown> = {
      forwarded: () => world.responder.commands.send({ channel: "inner", body: "?" }, patient),
      bare: () => ({ ok: false }),
      error: () => new RangeError("out of range"),
      "error of another realm": () => runInNewContext("new Error('elsewhere')") as Error,
    };
    await using outer = world.responder.commands.handle(
      filter,
      (command) => returned[command.text()]?.() as Promise<Reply>,
    );
    await world.ready(outer);
    expect(await ask(world, "forwarded")).toBe("not executed: jammed");
    expect(await ask(world, "bare")).toBe("not executed: the handler returned ok: false");
    expect(await ask(world, "error")).toBe("not executed: out of range");
    expect(await ask(world, "error of another realm")).toBe("not executed: elsewhere");
  });

  test("respond refuses a failed result and an error", async () => {
    await using world = await RequestWorld.start();
    const refusals: unknown[] = [];
    const refused = async (request: IncomingCommand | IncomingQuery): Promise<void> => {
      for (const reply of [{ ok: false, error: "jammed", body: "" }, Object.assign(new Error("x"), { body: "" })]) {
        refusals.push(await rejection(request.respond(reply)));
      }
      throw new Error("done");
    };
    await using commands = world.responder.commands.handle(filter, refused);
    await using queries = world.responder.queries.handle(filter, (query) => refused(query).then(() => ""));
    await Promise.all([world.ready(commands), world.ready(queries)]);
    await ask(world, "?");
    await world.requester.queries.send({ channel: "door", body: "?" }, patient);
    expect(refusals).toHaveLength(4);
    for (const [at, error] of refusals.entries()) {
      expect(error).toMatchObject({ code: "INVALID_ARGUMENT" });
      expect(String(error)).toContain(`${at % 2 === 0 ? "ok: false" : "an Error"}: call fail`);
    }
  });

  test("a handler with a concurrency of 1 keeps the order", async () => {
    await using world = await RequestWorld.start();
    const order: string[] = [];
    const handling = world.responder.commands.handle(filter, async (command) => {
      order.push(`+${command.text()}`);
      await turns(command.text() === "0" ? 20 : 1);
      order.push(`-${command.text()}`);
    });
    await world.responder.ping();
    const bodies = Array.from({ length: 20 }, (_, i) => String(i));
    expect(new Set(await Promise.all(bodies.map((body) => ask(world, body))))).toEqual(new Set(["executed"]));
    expect(order).toEqual(bodies.flatMap((body) => [`+${body}`, `-${body}`]));
    await world.responder.close();
    await handling;
  });

  test("a handler runs at most as many requests at once as its concurrency", async () => {
    await using world = await RequestWorld.start();
    const doors = new Doors();
    const handling = world.responder.commands.handle(filter, doors.handler, { concurrency: 3 });
    await world.responder.ping();
    const asked = Array.from({ length: 9 }, (_, i) => ask(world, String(i)));
    await until("three run", () => doors.open.length === 3);
    await until("the rest has come", () => world.broker.stats().pendingRequests === 9);
    await world.responder.ping();
    expect(doors.open.length).toBe(3);
    for (let done = 0; done < 9; done++) {
      await until("a handler runs", () => doors.open.length > 0);
      doors.open[0]?.let();
    }
    await Promise.all(asked);
    expect(doors.most).toBe(3);
    await world.responder.close();
    await handling;
  });

  test("an abort lets running handlers finish and fails waiting requests at once", async () => {
    await using world = await RequestWorld.start();
    const doors = new Doors();
    const stop = new AbortController();
    let over = false;
    const handling = world.responder.commands
      .handle(filter, doors.handler, { signal: stop.signal })
      .then(() => (over = true));
    await world.responder.ping();
    const first = ask(world, "first");
    await until("it runs", () => doors.open.length === 1);
    const second = ask(world, "second");
    await until("both are pending", () => world.broker.stats().pendingRequests === 2);
    await world.responder.ping();
    stop.abort();
    expect(await second).toBe("not executed: responder responder stopped before it handled the request");
    // The end of the subscription takes three pings.
    for (let ping = 0; ping < 5; ping++) await world.responder.ping();
    expect(over).toBe(false);
    expect(doors.open[0]?.request.signal.aborted).toBe(false);
    await doors.let("first");
    expect(await first).toBe("executed");
    await handling;
  });

  test("a handler that obeys its signal ends the drain, and its requester gets an error", async () => {
    await using world = await RequestWorld.start();
    const stop = new AbortController();
    let runs = false;
    const handling = world.responder.commands.handle(
      filter,
      ({ signal }) =>
        new Promise((_, reject) => {
          runs = true;
          signal.addEventListener("abort", () => reject(signal.reason as Error));
        }),
      { signal: stop.signal, drainTimeoutMs: 1_000 },
    );
    await world.responder.ping();
    const asked = ask(world, "open");
    await until("it runs", () => runs);
    stop.abort();
    await settle();
    await world.pass(1_000);
    expect(await asked).toBe("not executed: responder responder stopped before its handler had finished");
    await handling;
  });

  test("a handler that ignores its signal is reported after a bound", async () => {
    await using world = await RequestWorld.start();
    const doors = new Doors();
    const stop = new AbortController();
    const handling = world.responder.commands.handle(filter, doors.handler, {
      signal: stop.signal,
      drainTimeoutMs: 1_000,
    });
    const reported = rejection(handling);
    await world.responder.ping();
    const asked = ask(world, "open");
    await until("it runs", () => doors.open.length === 1);
    stop.abort();
    await settle();
    await world.pass(1_000);
    await world.pass(1_000);
    expect(await reported).toMatchObject({
      code: "TIMEOUT",
      operation: "commands.handle",
      channel: "door",
      message: expect.stringContaining("ignore the signals of their messages"),
    });
    expect(await asked).toMatch(/^not executed: responder responder stopped/);
  });

  test("the time of client.close() has passed while a handler runs: its signal aborts, and the service ends", async () => {
    await using world = await RequestWorld.start();
    const signals: AbortSignal[] = [];
    const handling = world.responder.commands.handle(filter, ({ signal }) => {
      signals.push(signal);
      return new Promise<void>(() => {});
    });
    await world.responder.ping();
    const asked = ask(world, "open").catch(() => {});
    await until("it runs", () => signals.length === 1);
    const closing = world.responder.close({ timeoutMs: 300 });
    await settle();
    await world.pass(300);
    await closing;
    await settle();
    expect(signals[0]?.aborted).toBe(true);
    await world.pass(500);
    expect(await handling.closed).toMatchObject({ code: "TIMEOUT", message: expect.stringContaining("ignore") });
    await world.requester.close({ timeoutMs: 50 });
    await asked;
  });

  test("a response that the codec refuses fails its request", async () => {
    await using world = await RequestWorld.start();
    const stop = new AbortController();
    const handling = world.responder.queries.handle(
      { channel: "sum", codec: json<number[]>(), responseCodec: json<bigint | number>() },
      (query) => (query.value.length > 2 ? 1n : query.value.reduce((sum, term) => sum + term, 0)),
      { signal: stop.signal },
    );
    await world.responder.ping();
    const send = (body: number[]) =>
      world.requester.queries.send(
        { channel: "sum", body, codec: json<number[]>(), responseCodec: json<number>() },
        patient,
      );
    expect(await send([1, 2])).toMatchObject({ ok: true, value: 3 });
    expect(await send([1, 2, 3])).toMatchObject({ ok: false, error: expect.stringContaining("BigInt") });
    stop.abort();
    await handling;
  });

  test("a handler without responseCodec that returns an object fails its request with the forms it may return", async () => {
    await using world = await RequestWorld.start();
    const prices = world.responder.queries.handle({ channel: "prices" }, () => ({ price: 3 }) as never);
    await world.ready(prices);
    expect(await world.requester.queries.send({ channel: "prices", body: "x" }, patient)).toMatchObject({
      ok: false,
      error:
        "the handler must return a string, a Uint8Array or { body }, or have a responseCodec such as json(), returned Object",
    });
    await prices.close();
  });

  test("a handler sends its response again after the connection was lost", async () => {
    await using world = await RequestWorld.start();
    const doors = new Doors();
    const handling = world.responder.commands.handle(filter, doors.handler);
    await world.responder.ping();
    const asked = ask(world, "open");
    await until("it runs", () => doors.open.length === 1);
    world.line.refuse();
    world.line.reset();
    await until("it is down", () => world.responder.state === "reconnecting");
    await doors.let("open");
    await settle();
    await world.line.accept();
    await until("the answer gets through", async () => {
      await world.pass(500);
      return world.broker.stats().pendingRequests === 0;
    });
    expect(await asked).toBe("executed");
    await Promise.all([world.responder.close(), handling]);
  });

  test("a response that is too late is reported in the status", async () => {
    await using world = await RequestWorld.start();
    const seen: Status[] = [];
    const watching = (async () => {
      for await (const status of world.responder.status()) seen.push(status);
    })();
    const doors = new Doors();
    const handling = world.responder.commands.handle(filter, doors.handler);
    await world.responder.ping();
    const asked = ask(world, "open");
    await until("it runs", () => doors.open.length === 1);
    const id = doors.open[0]?.request.id;
    await world.pass(PATIENCE_MS);
    expect(await asked).toBe("TIMEOUT");
    await doors.let("open");
    await until("it is reported", () => seen.some(({ type }) => type === "response-failed"));
    expect(seen.find(({ type }) => type === "response-failed")).toMatchObject({
      channel: "door",
      kind: "commands",
      requestId: id,
      error: { code: "TIMEOUT" },
    });
    await Promise.all([world.responder.close(), handling, watching]);
  });

  test("a handler stopped before it starts handles nothing", async () => {
    await using world = await RequestWorld.start();
    await world.responder.commands.handle(filter, () => {}, { signal: AbortSignal.abort() });
    expect(world.broker.stats().connections).toBe(0);
  });
});
