import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { trace } from "@opentelemetry/api";
import { KubeMQClient } from "kubemq-es";
import { contextOf } from "kubemq-es/opentelemetry";
import { take } from "../support/until.js";
import { TracedWorld } from "./world.js";

const traceId = "0af7651916cd43dd8448eb211c80319c";
const spanId = "b7ad6b7169203331";
const traceparent = `00-${traceId}-${spanId}-01`;
const tracestate = "vendor=1";

/** Literal messages of the SDKs that send a trace context, as read in their sources in 2026. */
const senders: readonly { sender: string; tags?: Record<string, string>; span?: string; state?: string }[] = [
  { sender: "kubemq-es", tags: { traceparent, tracestate }, state: tracestate },
  {
    sender: "Python 4, with tags and a Span",
    tags: { traceparent, tracestate },
    span: `{"traceparent": "${traceparent}", "tracestate": "${tracestate}"}`,
    state: tracestate,
  },
  { sender: "Python 4, whose tags were lost", span: `{"traceparent": "${traceparent}"}` },
  { sender: "C# 3", span: `${traceparent}\n${tracestate}`, state: tracestate },
  { sender: "C# 3 without tracestate", span: `${traceparent}\n` },
  {
    sender: "NestJS, whose tags were lost",
    span: `{"traceId":"${traceId}","spanId":"${spanId}","traceFlags":1,"traceState":"${tracestate}"}`,
    state: tracestate,
  },
  { sender: "Watermill", tags: { _watermill_uuid: "1", traceparent } },
  { sender: "Spring", tags: { "kubemq-traceparent": traceparent, "kubemq-tracestate": tracestate }, state: tracestate },
  { sender: "C# 3 below a malformed tag", tags: { traceparent: "00-nothing" }, span: traceparent },
];

const malformed: readonly string[] = [
  "",
  "traceparent",
  "{",
  "{}",
  "null",
  `{"traceparent":7}`,
  `{"traceId":"${traceId}"}`,
  `{"traceId":"${"0".repeat(32)}","spanId":"${spanId}"}`,
  `00-${"0".repeat(32)}-${spanId}-01`,
  `ff-${traceId}-${spanId}-01`,
  `${traceparent}\n`.padEnd(5000, "x"),
  "\u0000\uFFFD",
];

const bytesOf = (content: string) => Buffer.from(content, "utf8");

let world: TracedWorld;
let plain: KubeMQClient;
beforeAll(async () => {
  world = await TracedWorld.start();
  plain = new KubeMQClient({ address: world.broker.address });
});
afterAll(async () => {
  await plain.close();
  await world.stop();
});

describe("trace contexts of other senders", () => {
  test.each(senders)("the process spans of requests of $sender are below the span of their sender", async (row) => {
    const { tags = {}, span, state } = row;
    const content = { tags, ...(span === undefined ? {} : { span: bytesOf(span) }), body: "x" };
    const channel = `from.${senders.indexOf(row)}`;
    const handlers = [
      await world.client.queries.handle({ channel }, () => Buffer.from("y")).ready,
      await world.client.commands.handle({ channel }, () => {}).ready,
    ];
    expect(handlers).toHaveLength(2);
    await plain.queries.send({ channel, ...content });
    await plain.commands.send({ channel, ...content });
    for (const { parentSpanContext, links } of await world.spans(`process ${channel}`, 2)) {
      expect(parentSpanContext).toMatchObject({ traceId, spanId, traceFlags: 1, isRemote: true });
      expect(parentSpanContext?.traceState?.serialize()).toBe(state);
      expect(links.map(({ context }) => context.spanId)).toEqual([spanId]);
    }
  });

  test.each(senders)("the send span of a query links to the response of $sender", async (row) => {
    const { tags = {}, span } = row;
    const channel = `answer.${senders.indexOf(row)}`;
    const requests = plain.queries.subscribe({ channel });
    await requests.ready;
    const answered = world.client.queries.send({ channel, body: "x" });
    for await (const query of requests) {
      await query.respond({ body: "y", tags, ...(span === undefined ? {} : { span: bytesOf(span) }) });
      break;
    }
    const answer = await answered;
    const { links } = await world.span(`send ${channel}`);
    expect(links.map(({ context }) => context.spanId)).toEqual([spanId]);
    expect(trace.getSpanContext(contextOf(answer as never))).toMatchObject({ traceId, spanId });
  });

  test("tags of events, stored events and queue messages are read in the forms of all senders", async () => {
    const { client } = world;
    const tags = { "kubemq-traceparent": traceparent };
    const stored = client.eventsStore.subscribe({ channel: "spring", start: { from: "first" } });
    await plain.eventsStore.publish({ channel: "spring", tags, body: "x" });
    await take(stored, 1);
    await plain.queues.send({ channel: "spring", tags, body: "x" });
    const [message] = await client.queues.receive({ channel: "spring", waitSeconds: 5 });
    const process = await world.span("process spring");
    expect(process.parentSpanContext).toMatchObject({ traceId, spanId });
    expect((await world.span("receive spring")).links.map(({ context }) => context.spanId)).toEqual([spanId]);
    expect(message && trace.getSpanContext(contextOf(message))).toMatchObject({ traceId, spanId });
  });

  test.each(malformed)("a malformed Span is ignored: %j", async (span) => {
    const channel = `bad.${malformed.indexOf(span)}`;
    await world.client.commands.handle({ channel }, () => {}).ready;
    await plain.commands.send({ channel, span: bytesOf(span), body: "x" });
    const { parentSpanContext, links } = await world.span(`process ${channel}`);
    expect({ parentSpanContext, links }).toEqual({ parentSpanContext: undefined, links: [] });
  });
});
