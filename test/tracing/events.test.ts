import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { context, SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import { contextOf } from "kubemq-es/opentelemetry";
import { rejection, take } from "../support/until.js";
import { attribute, idOf, linksOf, parentOf, TracedWorld } from "./world.js";

let world: TracedWorld;
beforeAll(async () => (world = await TracedWorld.start()));
afterAll(() => world.stop());

describe("tracing of events", () => {
  test("the process span of an event is a child of its publish span, with the conventional attributes", async () => {
    const { client, broker } = world;
    const channel = "e.plain";
    const loop = client.events.subscribe({ channel: "e.*", group: "g" });
    await loop.ready;
    const tags = Object.freeze({ mine: "1" });
    await trace.getTracer("app").startActiveSpan("app", async (span) => {
      await client.events.publish({ id: "e1", channel, tags, body: "x" });
      span.end();
    });
    const [event] = await take(loop, 1);
    expect(tags).toEqual({ mine: "1" });
    expect(event?.tags).toEqual({ mine: "1", traceparent: expect.stringMatching(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/) });

    const publish = await world.span(`publish ${channel}`);
    const process = await world.span("process e.*");
    expect(publish.kind).toBe(SpanKind.PRODUCER);
    expect(parentOf(publish)).toBe(idOf(await world.span("app")));
    expect(process.kind).toBe(SpanKind.CONSUMER);
    expect(parentOf(process)).toBe(idOf(publish));
    expect(process.parentSpanContext?.isRemote).toBe(true);
    expect(linksOf(process)).toEqual([idOf(publish)]);
    expect(process.spanContext().traceId).toBe(publish.spanContext().traceId);
    const [host, port] = broker.address.split(":");
    const shared = {
      "messaging.system.name": "kubemq",
      "messaging.system": "kubemq",
      "messaging.destination.name": channel,
      "messaging.message.id": "e1",
      "messaging.client.id": "tracer",
      "messaging.kubemq.pattern": "events",
      "server.address": host,
      "server.port": Number(port),
    };
    expect(publish.attributes).toEqual({
      ...shared,
      "messaging.operation.name": "publish",
      "messaging.operation.type": "send",
    });
    expect(process.attributes).toEqual({
      ...shared,
      "messaging.operation.name": "process",
      "messaging.operation.type": "process",
      "messaging.destination.template": "e.*",
      "messaging.consumer.group.name": "g",
      "messaging.kubemq.loop_left": true,
    });
  });

  test("the span of a loop body ends at the next event request, and contextOf returns its context", async () => {
    const { client } = world;
    const channel = "e.body";
    const loop = client.events.subscribe({ channel });
    await loop.ready;
    for (const id of ["1", "2"]) await client.events.publish({ id, channel, body: "x" });
    for await (const event of loop) {
      context.with(contextOf(event), () => trace.getTracer("app").startSpan(`work ${event.id}`).end());
      expect(world.names().filter((name) => name === `process ${channel}`)).toHaveLength(event.id === "1" ? 0 : 1);
      if (event.id === "2") break;
    }
    const [first, second] = await world.spans(`process ${channel}`, 2);
    if (first === undefined || second === undefined) throw new Error("no spans");
    expect(attribute(first, "messaging.kubemq.loop_left")).toBeUndefined();
    expect(attribute(second, "messaging.kubemq.loop_left")).toBe(true);
    expect(first.status.code).toBe(SpanStatusCode.UNSET);
    expect(parentOf(await world.span("work 1"))).toBe(idOf(first));
    expect(parentOf(await world.span("work 2"))).toBe(idOf(second));
  });

  test("the span of a loop body does not last until the next event arrives", async () => {
    const { client } = world;
    const channel = "e.waits";
    const loop = client.events.subscribe({ channel });
    await loop.ready;
    const taken = (async () => {
      let bodies = 0;
      for await (const _event of loop) bodies += 1;
      return bodies;
    })();
    await client.events.publish({ channel, body: "x" });
    await world.span(`process ${channel}`); // there is no other event
    await loop.close();
    expect(await taken).toBe(1);
  });

  test("the span of a refused publish has the error's code", async () => {
    const { client } = world;
    const error = await rejection(client.events.publish({ channel: "e.refused", body: "" }));
    expect(error).toMatchObject({ code: "INVALID_ARGUMENT" });
    const span = await world.span("publish e.refused");
    expect(span.status).toMatchObject({ code: SpanStatusCode.ERROR, message: expect.stringContaining("body") });
    expect(attribute(span, "error.type")).toBe("INVALID_ARGUMENT");
    const [sent] = await world.points("messaging.client.sent.messages", "e.refused");
    expect(sent).toMatchObject({ value: 1, attributes: { "error.type": "INVALID_ARGUMENT" } });
  });

  test("tags copied from a received event carry only the new context", async () => {
    const { client } = world;
    const channel = "e.forward";
    const old = {
      traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
      tracestate: "old=1",
      keep: "k",
    };
    const loop = client.events.subscribe({ channel });
    await loop.ready;
    await client.events.publish({ channel, tags: old, body: "x" });
    const [event] = await take(loop, 1);
    const publish = await world.span(`publish ${channel}`);
    const { traceId, spanId } = publish.spanContext();
    expect(event?.tags).toEqual({ keep: "k", traceparent: `00-${traceId}-${spanId}-01` });
  });

  test.each(["array", "async iterable"])(
    "publishAll of an %s: a span for each event, and one that links to them",
    async (kind) => {
      const { client } = world;
      const channel = `e.all.${kind.slice(0, 5)}`;
      const loop = client.events.subscribe({ channel });
      await loop.ready;
      const messages = ["1", "2", "3"].map((id) => ({ id, channel, body: "x" }));
      await using publisher = client.events.publisher();
      const given =
        kind === "array"
          ? messages
          : (async function* () {
              yield* messages;
            })();
      expect(await publisher.publishAll(given)).toBe(3);
      await take(loop, 3);
      const publish = await world.span(`publish ${channel}`);
      const created = await world.spans(`create ${channel}`, 3);
      const processed = await world.spans(`process ${channel}`, 3);
      expect(publish.kind).toBe(SpanKind.CLIENT);
      expect(attribute(publish, "messaging.batch.message_count")).toBe(3);
      expect(linksOf(publish)).toEqual(created.map(idOf));
      expect(created.map((span) => span.kind)).toEqual([SpanKind.PRODUCER, SpanKind.PRODUCER, SpanKind.PRODUCER]);
      expect(processed.map(parentOf)).toEqual(created.map(idOf));
      expect(await world.counted("messaging.client.sent.messages", channel)).toEqual({ publish: 3 });
      expect(await world.counted("messaging.client.consumed.messages", channel)).toEqual({ process: 3 });
    },
  );

  test("each publish of a publisher has its own span", async () => {
    const { client } = world;
    const channel = "e.publisher";
    const loop = client.events.subscribe({ channel });
    await loop.ready;
    await using publisher = client.events.publisher();
    await Promise.all([publisher.publish({ channel, body: "1" }), publisher.publish({ channel, body: "2" })]);
    await take(loop, 2);
    const published = await world.spans(`publish ${channel}`, 2);
    const processed = await world.spans(`process ${channel}`, 2);
    expect(new Set(processed.map(parentOf))).toEqual(new Set(published.map(idOf)));
  });
});

describe("tracing of the events store", () => {
  test("the trace context is stored with the event, and the stream keeps its position", async () => {
    const { client } = world;
    const channel = "s.one";
    await client.eventsStore.publish({ id: "s1", channel, body: "x" });
    await client.eventsStore.publish({ id: "s2", channel, body: "x" });
    const loop = client.eventsStore.subscribe({ channel, start: { from: "first" } });
    for await (const event of loop) if (event.sequence === 2n) break;
    expect(loop.position).toBe(1n);
    const replayed = await take(client.eventsStore.replay({ channel, start: { from: "first" } }), 2);
    expect(replayed).toHaveLength(2);
    const published = await world.spans(`publish ${channel}`, 2);
    const processed = await world.spans(`process ${channel}`, 4);
    expect(processed.map(parentOf)).toEqual([...published, ...published].map(idOf));
    expect(processed.map((span) => attribute(span, "messaging.kubemq.message.sequence"))).toEqual([1, 2, 1, 2]);
  });

  test("publishAll of a publisher has a span for each event", async () => {
    const { client } = world;
    const channel = "s.all";
    await using publisher = client.eventsStore.publisher();
    await publisher.publishAll(["1", "2"].map((body) => ({ channel, body })));
    await take(client.eventsStore.subscribe({ channel, start: { from: "first" } }), 2);
    const created = await world.spans(`create ${channel}`, 2);
    expect((await world.spans(`process ${channel}`, 2)).map(parentOf)).toEqual(created.map(idOf));
  });
});
