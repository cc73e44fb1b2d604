import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { context, SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import { json } from "kubemq-es";
import { contextOf } from "kubemq-es/opentelemetry";
import { rejection, until } from "../support/until.js";
import { attribute, idOf, linksOf, parentOf, TracedWorld } from "./world.js";

let world: TracedWorld;
beforeAll(async () => (world = await TracedWorld.start()));
afterAll(() => world.stop());

const responders = () => world.broker.stats().streams["SubscribeToRequests"] ?? 0;
/** The responders of the previous test have left. */
const alone = () => until("no responder is known", () => responders() === 0);
const subscribed = () => until("the responder is known", () => responders() === 1);

describe("tracing of requests", () => {
  test("a command has spans for send and process, and its response carries the context back", async () => {
    const { client } = world;
    const channel = "c.loop";
    const loop = client.commands.subscribe({ channel, group: "doors" });
    const responder = (async () => {
      for await (const command of loop) {
        await command.respond({ tags: { lock: "open" } });
        return;
      }
    })();
    await loop.ready;
    const result = await client.commands.send({ id: "c1", channel, body: "open", tags: { a: "1" } });
    await responder;
    const send = await world.span(`send ${channel}`);
    const process = await world.span(`process ${channel}`);
    const respond = await world.span(`respond ${channel}`);
    expect(send.kind).toBe(SpanKind.PRODUCER);
    expect(send.attributes).toMatchObject({
      "messaging.message.conversation_id": "c1",
      "messaging.kubemq.executed": true,
      "messaging.kubemq.pattern": "commands",
    });
    expect(parentOf(process)).toBe(idOf(send));
    expect(attribute(process, "messaging.consumer.group.name")).toBe("doors");
    expect(respond.kind).toBe(SpanKind.PRODUCER);
    expect(parentOf(respond)).toBe(idOf(process));
    expect(linksOf(send)).toEqual([idOf(respond)]);
    expect(result.tags).toEqual({ lock: "open", traceparent: expect.stringContaining(idOf(respond)) });
  });

  test("the requester's span of a failed command reports that it was not executed", async () => {
    const { client } = world;
    const channel = "c.fail";
    const loop = client.commands.subscribe({ channel });
    const responder = (async () => {
      for await (const command of loop) return command.fail("jammed");
    })();
    await loop.ready;
    expect(await client.commands.send({ channel, body: "x" })).toMatchObject({ ok: false, error: "jammed" });
    await responder;
    const send = await world.span(`send ${channel}`);
    expect(attribute(send, "messaging.kubemq.executed")).toBe(false);
    expect(send.status.code).toBe(SpanStatusCode.UNSET);
    expect(parentOf(await world.span(`fail ${channel}`))).toBe(idOf(await world.span(`process ${channel}`)));
  });

  test("a request handler runs in the context of its span, and its error is recorded there", async () => {
    const { client } = world;
    const channel = "c.handle";
    const stop = new AbortController();
    await alone();
    const handling = client.commands.handle(
      { channel },
      async (command) => {
        await Promise.resolve();
        trace.getTracer("app").startSpan(`inside ${command.text()}`).end();
        if (command.text() === "bad") throw new RangeError("too far");
      },
      { signal: stop.signal },
    );
    await subscribed();
    expect(await client.commands.send({ channel, body: "good" })).toMatchObject({ ok: true });
    expect(await client.commands.send({ channel, body: "bad" })).toMatchObject({ ok: false, error: "too far" });
    stop.abort();
    await handling;
    const [good, bad] = await world.spans(`process ${channel}`, 2);
    if (good === undefined || bad === undefined) throw new Error("no spans");
    expect(parentOf(await world.span("inside good"))).toBe(idOf(good));
    expect(parentOf(await world.span("inside bad"))).toBe(idOf(bad));
    expect(good.status.code).toBe(SpanStatusCode.UNSET);
    expect(bad.status).toEqual({ code: SpanStatusCode.ERROR, message: "too far" });
    expect(attribute(bad, "error.type")).toBe("RangeError");
    expect(bad.events.map(({ name }) => name)).toEqual(["exception"]);
    expect(parentOf(await world.span(`respond ${channel}`))).toBe(idOf(good));
    expect(parentOf(await world.span(`fail ${channel}`))).toBe(idOf(bad));
    const durations = await world.points("messaging.process.duration", channel);
    expect(durations.map(({ attributes }) => attributes["error.type"])).toEqual([undefined, "RangeError"]);
  });

  test("the response of a query handler with a codec carries the context of the response span", async () => {
    const { client } = world;
    const channel = "q.handle";
    const stop = new AbortController();
    await alone();
    const handling = client.queries.handle({ channel, responseCodec: json() }, (query) => ({ got: query.text() }), {
      signal: stop.signal,
    });
    await subscribed();
    const answer = await client.queries.send({ channel, body: "x", responseCodec: json<{ got: string }>() });
    if (!answer.ok) throw new Error(answer.error);
    expect(answer.value).toEqual({ got: "x" });
    stop.abort();
    await handling;
    const send = await world.span(`send ${channel}`);
    const process = await world.span(`process ${channel}`);
    const respond = await world.span(`respond ${channel}`);
    expect(parentOf(process)).toBe(idOf(send));
    expect(parentOf(respond)).toBe(idOf(process));
    expect(linksOf(send)).toEqual([idOf(respond)]);
    expect(trace.getSpanContext(contextOf(answer))?.spanId).toBe(idOf(respond));
  });

  test("a response sent within a span of the application is a child of that span", async () => {
    const { client } = world;
    const channel = "q.loop";
    const loop = client.queries.subscribe({ channel });
    const responder = (async () => {
      for await (const query of loop) {
        await context.with(contextOf(query), () =>
          trace.getTracer("app").startActiveSpan("look up", async (span) => {
            await query.respond({ body: "y" });
            span.end();
          }),
        );
        return;
      }
    })();
    await loop.ready;
    await client.queries.send({ channel, body: "x" });
    await responder;
    const lookUp = await world.span("look up");
    expect(parentOf(lookUp)).toBe(idOf(await world.span(`process ${channel}`)));
    expect(parentOf(await world.span(`respond ${channel}`))).toBe(idOf(lookUp));
  });

  test("the span of an unanswered request has the time-out as its error", async () => {
    const { client } = world;
    const channel = "q.nobody";
    await rejection(client.queries.send({ channel, body: "x" }, { timeoutMs: 50 }));
    const send = await world.span(`send ${channel}`);
    expect(attribute(send, "error.type")).toBe("TIMEOUT");
    const [duration] = await world.points("messaging.client.operation.duration", channel);
    expect(duration).toMatchObject({
      attributes: { "error.type": "TIMEOUT", "messaging.operation.name": "send" },
      value: { count: 1, min: expect.any(Number) },
    });
    const min = typeof duration?.value === "object" ? duration.value.min : undefined;
    expect(min).toBeGreaterThanOrEqual(0.04);
    expect(min).toBeLessThan(10);
  });
});
