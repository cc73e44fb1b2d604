import { describe, expect, test } from "@jest/globals";
import { channel as diagnosticsChannel } from "node:diagnostics_channel";
import { type DiagnosticStatus, type Service, type Status } from "kubemq-es";
import { settle } from "../support/fake-clock.js";
import { outcomeOf, PATIENCE_MS, RequestWorld } from "../support/request-world.js";
import { until, within } from "../support/until.js";
import { withBroker } from "../support/with-broker.js";

const patient = { timeoutMs: PATIENCE_MS };

function ask(world: RequestWorld, channel: string, body = "?"): Promise<string> {
  return outcomeOf(world.requester.commands.send({ channel, body }, patient));
}

/** A promise with its resolver. */
function gate(): { readonly opened: Promise<void>; readonly open: () => void } {
  let open = () => {};
  const opened = new Promise<void>((resolve) => (open = resolve));
  return { opened, open };
}

describe("services of handle", () => {
  test("a service answers requests as soon as it is ready, and ends with its block", async () => {
    await using world = await RequestWorld.start();
    let service: Service | undefined;
    {
      await using serving = world.responder.queries.handle({ channel: "prices" }, (query) => `${query.text()}: 7`);
      service = serving;
      await world.ready(serving);
      const answer = await world.requester.queries.send({ channel: "prices", body: "tea" }, patient);
      expect(answer.ok && answer.text()).toBe("tea: 7");
    }
    expect(await service.closed).toBeUndefined();
    await service;
    await until("the subscription is gone", () => (world.broker.stats().streams["SubscribeToRequests"] ?? 0) === 0);
  });

  test("close() of a service waits for running handlers", async () => {
    await using world = await RequestWorld.start();
    const { opened, open } = gate();
    let runs = false;
    const service = world.responder.commands.handle({ channel: "doors" }, async () => {
      runs = true;
      await opened;
    });
    await world.ready(service);
    const asked = ask(world, "doors");
    await until("it runs", () => runs);
    let isClosed = false;
    const closing = service.close().then(() => (isClosed = true));
    await settle();
    expect(isClosed).toBe(false);
    open();
    await closing;
    expect(await asked).toBe("executed");
  });

  test("a handler that ignores its signal is reported in the status after close(), and rejects nothing unobserved", async () => {
    await using world = await RequestWorld.start();
    const seen: Status[] = [];
    const watching = (async () => {
      for await (const status of world.responder.status()) seen.push(status);
    })();
    let id: string | undefined;
    const ignoring = (request: { readonly id: string }) => {
      id = request.id;
      return new Promise<void>(() => {});
    };
    const service = world.responder.commands.handle({ channel: "doors" }, ignoring, { drainTimeoutMs: 1_000 });
    await world.ready(service);
    const asked = ask(world, "doors");
    await until("it runs", () => id !== undefined);
    const closing = service.close();
    await settle();
    await world.pass(1_000);
    await world.pass(1_000);
    await closing;
    expect(await asked).toMatch(/^not executed: responder responder stopped/);
    await until("it is reported", () => seen.some(({ type }) => type === "handler-failed"));
    expect(seen.find(({ type }) => type === "handler-failed")).toMatchObject({
      channel: "doors",
      kind: "commands",
      id,
      outcome: "answered",
      error: { code: "TIMEOUT" },
    });
    // The test framework fails the test for a rejection that nobody handles.
    await new Promise((resolve) => setImmediate(resolve));
    await Promise.all([world.responder.close(), watching]);
  });

  test("no request is lost after the close() of one of two services", async () => {
    await using world = await RequestWorld.start();
    for (let round = 0; round < 10; round++) {
      const filter = { channel: `doors-${round}`, group: "keepers" };
      const leaving = world.responder.commands.handle(filter, () => {});
      const staying = world.requester.commands.handle(filter, () => {});
      await Promise.all([world.ready(leaving), staying.ready]);
      await leaving.close();
      const asked = await Promise.all(["1", "2", "3", "4"].map((body) => ask(world, filter.channel, body)));
      expect(asked).toEqual(["executed", "executed", "executed", "executed"]);
      await staying.close();
    }
  });

  test("close() of a service does not wait for a server that does not answer beyond its time-out", async () => {
    await using world = await RequestWorld.start();
    const service = world.responder.commands.handle({ channel: "doors" }, () => {});
    await world.ready(service);
    world.line.pause("both");
    let isClosed = false;
    const closing = service.close().then(() => (isClosed = true));
    await world.pass(4_000);
    expect(isClosed).toBe(false);
    await world.pass(2_000);
    await within(2_000, "the close", closing);
    world.line.resume();
  });

  test.each(["service", "client"] as const)(
    "does not wait for itself when its handler awaits the close() of the %s, and still answers",
    async (what) => {
      await using world = await RequestWorld.start();
      const service = world.responder.commands.handle(
        { channel: "doors" },
        async () => {
          await (what === "service" ? service.close() : world.responder.close());
          return { tags: { by: "the last one" } };
        },
        { concurrency: 2 },
      );
      await world.ready(service);
      const sent = world.requester.commands.send({ channel: "doors", body: "close" }, patient);
      expect(await within(2_000, "the answer", sent)).toMatchObject({ ok: true, tags: { by: "the last one" } });
      await within(2_000, "the end of the service", service);
    },
  );

  test("a service whose handlers await client.close() ends after both have responded", async () => {
    await using world = await RequestWorld.start();
    const { opened, open } = gate();
    let running = 0;
    const service = world.responder.commands.handle(
      { channel: "doors" },
      async () => {
        if (++running === 2) open();
        await opened;
        await world.responder.close();
      },
      { concurrency: 2 },
    );
    await world.ready(service);
    const asked = Promise.all([ask(world, "doors", "one"), ask(world, "doors", "two")]);
    expect(await within(2_000, "both answers", asked)).toEqual(["executed", "executed"]);
    await service;
  });

  test("a failed service rejects with its error, and `closed` resolves with it", async () => {
    await using world = await RequestWorld.start();
    world.line.refuse();
    const service = world.responder.commands.handle({ channel: "doors" }, () => {}, { reconnect: false });
    const refused = { code: "UNAVAILABLE", channel: "doors" };
    await expect(service.ready).rejects.toMatchObject(refused);
    await expect(service).rejects.toMatchObject(refused);
    expect(await service.closed).toMatchObject(refused);
    await service.close();
  });
});

describe("a request handler that fails", () => {
  test("a handler's error is reported to onError, the status and the diagnostics channel, and the requester gets the reason", async () => {
    await using world = await RequestWorld.start();
    const seen: Status[] = [];
    const diagnosed: DiagnosticStatus[] = [];
    const hear = (message: unknown) => void diagnosed.push(message as DiagnosticStatus);
    diagnosticsChannel("kubemq-es:status").subscribe(hear);
    const watching = (async () => {
      for await (const status of world.responder.status()) seen.push(status);
    })();
    const told: unknown[] = [];
    const jammed = new Error("the lock is jammed");
    const service = world.responder.commands.handle(
      { channel: "doors" },
      () => {
        throw jammed;
      },
      { onError: (error, command) => void told.push([error, command.text(), command.id]) },
    );
    await world.ready(service);
    const sent = await world.requester.commands.send({ id: "c-9", channel: "doors", body: "open" }, patient);
    expect(sent).toMatchObject({ ok: false, error: "the lock is jammed" });
    expect(told).toEqual([[jammed, "open", "c-9"]]);
    await world.responder.close();
    await watching;
    diagnosticsChannel("kubemq-es:status").unsubscribe(hear);
    const failed = { type: "handler-failed", channel: "doors", kind: "commands", id: "c-9", outcome: "answered" };
    expect(seen).toContainEqual({ ...failed, error: jammed });
    expect(diagnosed.filter(({ status }) => status.type === "handler-failed")).toEqual([
      { clientId: "responder", status: { ...failed, error: jammed } },
    ]);
  });

  test.each([
    [
      "throws",
      () => {
        throw new Error("reporter");
      },
    ],
    ["rejects", () => Promise.reject(new Error("reporter"))],
  ])("a failed request is answered and the failure reported when onError %s", async (_, onError) => {
    await using world = await RequestWorld.start();
    const seen: unknown[] = [];
    const watching = (async () => {
      for await (const status of world.responder.status())
        if (status.type === "handler-failed") seen.push((status.error as Error).message);
    })();
    const service = world.responder.queries.handle(
      { channel: "prices" },
      () => {
        throw new Error("handler");
      },
      { onError },
    );
    await world.ready(service);
    const answer = await world.requester.queries.send({ channel: "prices", body: "tea" }, patient);
    expect(answer).toMatchObject({ ok: false, error: "handler" });
    await world.responder.close();
    await watching;
    expect(seen).toEqual(["handler", "reporter"]);
  });

  test("a return value that no codec supports fails the request", () =>
    withBroker(async ({ client }) => {
      const told: unknown[] = [];
      await using service = client.queries.handle({ channel: "sums" }, () => 5 as never, {
        onError: (error) => void told.push((error as { code?: string }).code),
      });
      await service.ready;
      const answer = await client.queries.send({ channel: "sums", body: "2+3" }, { timeoutMs: 5_000 });
      expect(answer).toMatchObject({ ok: false, error: expect.stringContaining("the handler must return a string") });
      expect(told).toEqual(["INVALID_ARGUMENT"]);
    }));
});
