import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { trace } from "@opentelemetry/api";
import { channel as channelTemplate, KubeMQClient } from "kubemq-es";
import { startBroker } from "kubemq-es/testing";
import { openTelemetry, type OpenTelemetryOptions } from "kubemq-es/opentelemetry";
import { readFileSync } from "node:fs";
import { take } from "../support/until.js";
import { attribute, idOf, linksOf, parentOf, TracedWorld } from "./world.js";

const NAME = "messaging.destination.name";
const TEMPLATE = "messaging.destination.template";
const SIZE = "messaging.message.body.size";

const byFunction = (name: string) => (name.startsWith("reply.") ? "reply.{id}" : undefined);
const order = channelTemplate("order-{id}");

let world: TracedWorld;
beforeAll(async () => {
  world = await TracedWorld.start({}, { destinationTemplates: [order], recordBodySize: true });
});
afterAll(() => world.stop());

/** The spans of operations that an observer with these options is told of. */
function processSpan(options: OpenTelemetryOptions, waitedSeconds: number, pattern: "queues" | "events") {
  const sent = trace.getTracer("app").startSpan("sent");
  const { traceId, spanId } = sent.spanContext();
  const tags = { traceparent: `00-${traceId}-${spanId}-01` };
  const observer = openTelemetry(options).observe({ clientId: "c", host: "h", port: 1 });
  // A server that reports no time: 1970.
  const timestamp = new Date(Math.max(0, Date.now() - waitedSeconds * 1000));
  const channel = "unique";
  const operation = { type: "process", name: "process", pattern, channel } as const;
  observer.begin({ ...operation, messages: [{ channel, tags, timestamp }] }).end();
  return spanId;
}

describe("the semantic conventions", () => {
  test("the scope of spans and metrics has the package's version and the schema of the conventions", async () => {
    const { version } = JSON.parse(readFileSync("package.json", "utf8")) as { version: string };
    await world.client.events.publish({ channel: "scope", body: "x" });
    const { instrumentationScope } = await world.span("publish scope");
    const scope = { name: "kubemq-es", version, schemaUrl: "https://opentelemetry.io/schemas/1.45.0" };
    expect(instrumentationScope).toMatchObject(scope);
    expect(await world.scopes()).toEqual([scope]);
  });

  test("the server of a span is the one in use when a client with a list has moved", async () => {
    await using second = await startBroker();
    await using first = await startBroker();
    const address = [first.address, second.address];
    await using client = await KubeMQClient.connect({ address, telemetry: openTelemetry() });
    await client.events.publish({ channel: "before-the-move", body: "x" });
    await first.close();
    await client.ping().catch(() => {}); // may have been sent on the lost connection
    await client.ping();
    await client.events.publish({ channel: "after-the-move", body: "x" });
    const ports = ["before", "after"].map(async (when) =>
      attribute(await world.span(`publish ${when}-the-move`), "server.port"),
    );
    expect(await Promise.all(ports)).toEqual(address.map((one) => Number(one.split(":")[1])));
  });

  test("spans are named by the template of a channel, and metrics do not have the channel", async () => {
    const { client } = world;
    for (const id of [1, 2]) await client.queues.send({ channel: order.for({ id }), body: "äx" });
    for (const id of [1, 2]) {
      for await (const message of client.queues.consume({ channel: order.for({ id }) })) {
        await message.ack();
        break;
      }
    }
    for (const name of ["send", "process", "ack"]) {
      const spans = await world.spans(`${name} order-{id}`, 2);
      expect(spans.map((span) => [attribute(span, NAME), attribute(span, TEMPLATE)])).toEqual([
        ["order-1", "order-{id}"],
        ["order-2", "order-{id}"],
      ]);
    }
    expect(await world.counted("messaging.client.sent.messages", "order-{id}")).toEqual({ send: 2 });
    const points = await world.points("messaging.client.sent.messages", "order-{id}");
    expect(points.map(({ attributes }) => attributes[NAME])).toEqual([undefined]);
  });

  test("the messages of a subscription with a wildcard have it as their template", async () => {
    const { client } = world;
    const loop = client.events.subscribe({ channel: "wild.>" });
    await loop.ready;
    await client.events.publish({ channel: "wild.a.b", body: "x" });
    await take(loop, 1);
    const span = await world.span("process wild.>");
    expect([attribute(span, NAME), attribute(span, TEMPLATE)]).toEqual(["wild.a.b", "wild.>"]);
    expect(await world.counted("messaging.client.consumed.messages", "wild.>")).toEqual({ process: 1 });
  });

  test("a function may choose the template of a channel, or none", async () => {
    const observer = openTelemetry({ destinationTemplates: byFunction }).observe({ clientId: "c", host: "h", port: 1 });
    for (const channel of ["reply.7", "plain"]) {
      observer.begin({ type: "send", name: "tell", pattern: "events", channel, messages: [{ channel }] }).end();
    }
    expect(attribute(await world.span("tell reply.{id}"), NAME)).toBe("reply.7");
    expect(attribute(await world.span("tell plain"), TEMPLATE)).toBeUndefined();
  });

  test("the body's size is on the spans of single messages", async () => {
    const sizes = (await world.spans("send order-{id}", 2)).map((span) => attribute(span, SIZE));
    expect(sizes).toEqual([3, 3]);
    expect((await world.spans("process order-{id}", 2)).map((span) => attribute(span, SIZE))).toEqual([3, 3]);
  });

  test.each([
    { waitedSeconds: 59, options: {}, pattern: "queues", isChild: true },
    { waitedSeconds: 61, options: {}, pattern: "queues", isChild: false },
    { waitedSeconds: 61, options: {}, pattern: "events", isChild: true },
    { waitedSeconds: 61, options: { childWithinSeconds: Infinity }, pattern: "queues", isChild: true },
    { waitedSeconds: -3_600, options: {}, pattern: "queues", isChild: true },
    { waitedSeconds: Infinity, options: {}, pattern: "queues", isChild: true },
    { waitedSeconds: 0, options: { childWithinSeconds: 0 }, pattern: "queues", isChild: false },
  ] as const)(
    "after $waitedSeconds s the span of a message of $pattern is a child: $isChild ($options)",
    async ({ waitedSeconds, options, pattern, isChild }) => {
      const before = world.names().filter((name) => name === "process unique").length;
      let ambientId = "";
      const sender = trace.getTracer("app").startActiveSpan("ambient", (ambient) => {
        ambientId = idOf(ambient as never);
        const spanId = processSpan(options, waitedSeconds, pattern);
        ambient.end();
        return spanId;
      });
      const span = (await world.spans("process unique", before + 1)).at(-1);
      if (span === undefined) throw new Error("no span");
      expect(parentOf(span)).toBe(isChild ? sender : ambientId);
      expect(linksOf(span)).toEqual(isChild ? [sender, ambientId] : [sender]);
    },
  );

  test("no method of a received message is replaced", async () => {
    const { client } = world;
    await client.queues.send({ channel: "methods", body: "x" });
    for await (const message of client.queues.consume({ channel: "methods" })) {
      expect(Object.values(message).filter((value) => typeof value === "function")).toEqual([]);
      expect(Object.hasOwn(message, "ack")).toBe(false);
      await message.ack();
      break;
    }
    await world.span("ack methods");
  });
});
