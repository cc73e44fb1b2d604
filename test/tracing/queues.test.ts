import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import { contextOf } from "kubemq-es/opentelemetry";
import { rejection, take, until } from "../support/until.js";
import { attribute, idOf, linksOf, parentOf, TracedWorld } from "./world.js";

let world: TracedWorld;
beforeAll(async () => (world = await TracedWorld.start()));
afterAll(() => world.stop());

describe("tracing of queues", () => {
  test("the spans of send, process and ack are nested", async () => {
    const { client } = world;
    const channel = "q.ack";
    await client.queues.send({ id: "m1", channel, body: "x" });
    for await (const job of client.queues.consume({ channel })) {
      await job.ack();
      break;
    }
    const send = await world.span(`send ${channel}`);
    const process = await world.span(`process ${channel}`);
    const ack = await world.span(`ack ${channel}`);
    expect(parentOf(process)).toBe(idOf(send));
    expect(process.attributes).toMatchObject({
      "messaging.message.id": "m1",
      "messaging.kubemq.message.sequence": 1,
      "messaging.kubemq.message.delivery_count": 1,
    });
    expect(ack.kind).toBe(SpanKind.CLIENT);
    expect(parentOf(ack)).toBe(idOf(process));
    expect(linksOf(ack)).toEqual([idOf(send)]);
    expect(attribute(ack, "messaging.operation.type")).toBe("settle");
    expect(await world.counted("messaging.kubemq.settled.messages", channel)).toEqual({ ack: 1 });
    expect(await world.counted("messaging.client.operation.duration", channel)).toEqual({ send: 1, ack: 1 });
    expect(await world.counted("messaging.kubemq.redelivered.messages", channel)).toEqual({});
  });

  test("the span of a redelivered message has its count, and settling twice is an error", async () => {
    const { client } = world;
    const channel = "q.again";
    await client.queues.send({ channel, body: "x" });
    for await (const job of client.queues.consume({ channel })) {
      if (job.receiveCount === 1) await job.reject();
      else {
        await job.ack();
        expect(await rejection(job.ack())).toMatchObject({ code: "ALREADY_SETTLED" });
        break;
      }
    }
    expect(await world.counted("messaging.client.consumed.messages", channel)).toEqual({ process: 2 });
    expect(await world.counted("messaging.kubemq.redelivered.messages", channel)).toEqual({ process: 1 });
    expect(await world.counted("messaging.kubemq.settled.messages", channel)).toEqual({ reject: 1, ack: 2 });
    const [, twice] = await world.spans(`ack ${channel}`, 2);
    expect(twice?.status.code).toBe(SpanStatusCode.ERROR);
    expect(twice?.attributes["error.type"]).toBe("ALREADY_SETTLED");
  });

  test("implicit settlements of on-next have spans", async () => {
    const { client } = world;
    const channel = "q.next";
    await client.queues.sendBatch(["1", "2"].map((id) => ({ id, channel, body: "x" })));
    for await (const job of client.queues.consume({ channel, settle: "on-next" })) if (job.id === "2") break;
    const [first, second] = await world.spans(`process ${channel}`, 2);
    if (first === undefined || second === undefined) throw new Error("no spans");
    expect(parentOf(await world.span(`ack ${channel}`))).toBe(idOf(first));
    expect(parentOf(await world.span(`reject ${channel}`))).toBe(idOf(second));
  });

  test("sendBatch has a span for each message with its outcome, and one span that links to them", async () => {
    const { client } = world;
    const channel = "q.batch";
    const results = await client.queues.sendBatch([
      { id: "1", channel, body: "x" },
      { id: "2", channel, body: "x" },
    ]);
    expect(results.map(({ ok }) => ok)).toEqual([true, true]);
    const send = await world.span(`send ${channel}`);
    const created = await world.spans(`create ${channel}`, 2);
    expect(send.kind).toBe(SpanKind.CLIENT);
    expect(attribute(send, "messaging.batch.message_count")).toBe(2);
    expect(linksOf(send)).toEqual(created.map(idOf));
    const jobs = await take(client.queues.consume({ channel, settle: "on-delivery", prefetch: 2 }), 2);
    expect(jobs).toHaveLength(2);
    expect((await world.spans(`process ${channel}`, 2)).map(parentOf)).toEqual(created.map(idOf));
    expect(await world.counted("messaging.client.sent.messages", channel)).toEqual({ send: 2 });
  });

  test("the span of a batch to several channels has no destination", async () => {
    const { client } = world;
    await client.queues.sendBatch([
      { channel: "q.one", body: "x" },
      { channel: "q.two", body: "x" },
    ]);
    const send = await world.span("send");
    expect(attribute(send, "messaging.destination.name")).toBeUndefined();
    expect(linksOf(send)).toEqual([idOf(await world.span("create q.one")), idOf(await world.span("create q.two"))]);
  });

  test("a queue publisher has spans for one and for several messages", async () => {
    const { client } = world;
    await using publisher = client.queues.publisher();
    await publisher.send({ channel: "q.up.1", body: "x" });
    await publisher.send([
      { channel: "q.up.2", body: "x" },
      { channel: "q.up.2", body: "y" },
    ]);
    const [message] = await client.queues.receive({ channel: "q.up.1" });
    const send = await world.span("send q.up.1");
    expect(message?.tags["traceparent"]).toContain(idOf(send));
    const created = await world.spans("create q.up.2", 2);
    expect(linksOf(await world.span("send q.up.2"))).toEqual(created.map(idOf));
  });

  test("receive and peek have one span that links to the senders", async () => {
    const { client } = world;
    const channel = "q.receive";
    await client.queues.send({ channel, body: "1" });
    await client.queues.send({ channel, body: "2" });
    const sent = await world.spans(`send ${channel}`, 2);
    await client.queues.peek({ channel, max: 2 });
    const [first] = await client.queues.receive({ channel, max: 2 });
    if (first === undefined) throw new Error("nothing received");
    for (const name of ["peek", "receive"]) {
      const span = await world.span(`${name} ${channel}`);
      expect(span.kind).toBe(SpanKind.CLIENT);
      expect(linksOf(span)).toEqual(sent.map(idOf));
      expect(attribute(span, "messaging.batch.message_count")).toBe(2);
      expect(attribute(span, "messaging.operation.type")).toBe("receive");
    }
    expect(trace.getSpanContext(contextOf(first))?.spanId).toBe(sent[0]?.spanContext().spanId);
    expect(await world.counted("messaging.client.consumed.messages", channel)).toEqual({ receive: 2 });
    await rejection(client.queues.receive({ channel, waitSeconds: 0 }));
    const [, refused] = await world.spans(`receive ${channel}`, 2);
    expect(refused?.attributes["error.type"]).toBe("INVALID_ARGUMENT");
  });

  test("consumeBatches has one span that links to the senders, and one for each settlement", async () => {
    const { client } = world;
    const channel = "q.batches";
    await client.queues.sendBatch(["1", "2", "3"].map((id) => ({ id, channel, body: "x" })));
    const created = await world.spans(`create ${channel}`, 3);
    for await (const batch of client.queues.consumeBatches({ channel, max: 3 })) {
      expect(batch.messages).toHaveLength(3);
      await batch.messages[0]?.ack();
      await batch.reject([2n]);
      await batch.ackAll();
      break;
    }
    const process = await world.span(`process ${channel}`);
    expect(linksOf(process)).toEqual(created.map(idOf));
    expect(attribute(process, "messaging.batch.message_count")).toBe(3);
    const [one, rest] = await world.spans(`ack ${channel}`, 2);
    const reject = await world.span(`reject ${channel}`);
    if (one === undefined || rest === undefined) throw new Error("no spans");
    expect([one, rest, reject].map(parentOf)).toEqual([process, process, process].map(idOf));
    expect([one, reject, rest].map(linksOf)).toEqual(created.map((span) => [idOf(span)]));
    expect(await world.counted("messaging.kubemq.settled.messages", channel)).toEqual({ ack: 2, reject: 1 });
    expect(await world.counted("messaging.client.consumed.messages", channel)).toEqual({ process: 3 });
  });

  test("a process handler runs in its span, with its settlement as a child", async () => {
    const { client } = world;
    const channel = "q.process";
    await client.queues.sendBatch(["good", "bad"].map((body) => ({ channel, body })));
    const stop = new AbortController();
    const seen: string[] = [];
    const processing = client.queues.process(
      { channel },
      (job) => {
        if (job.receiveCount > 1) return "ack";
        seen.push(job.text());
        trace.getTracer("app").startSpan(`job ${job.text()}`).end();
        if (job.text() === "bad") throw new Error("no good");
        return { requeue: "q.elsewhere" };
      },
      { signal: stop.signal },
    );
    const processed = await world.spans(`process ${channel}`, 3);
    await world.span(`ack ${channel}`);
    stop.abort();
    await processing;
    expect(seen).toEqual(["good", "bad"]);
    const [good, bad] = processed;
    if (good === undefined || bad === undefined) throw new Error("no spans");
    expect(parentOf(await world.span("job good"))).toBe(idOf(good));
    expect(parentOf(await world.span("job bad"))).toBe(idOf(bad));
    expect(bad.status).toEqual({ code: SpanStatusCode.ERROR, message: "no good" });
    expect(parentOf(await world.span(`requeue ${channel}`))).toBe(idOf(good));
    expect(parentOf(await world.span(`reject ${channel}`))).toBe(idOf(bad));
  });

  test("ack and replace of a lease have spans, and the replacement carries the context of the replace span", async () => {
    const { client } = world;
    const channel = "q.lease";
    await client.queues.send({ channel, body: "first" });
    for await (const job of client.queues.consume({ channel, visibilitySeconds: 10 })) {
      if (job.text() === "first") await job.replace({ channel, body: "second" });
      else {
        await job.ack();
        break;
      }
    }
    const replace = await world.span(`replace ${channel}`);
    const [first, second] = await world.spans(`process ${channel}`, 2);
    if (first === undefined || second === undefined) throw new Error("no spans");
    expect(parentOf(replace)).toBe(idOf(first));
    expect(parentOf(second)).toBe(idOf(replace));
    expect(parentOf(await world.span(`ack ${channel}`))).toBe(idOf(second));
  });

  test("the span of ackAll has the number of acknowledged messages", async () => {
    const { client } = world;
    const channel = "q.purge";
    await client.queues.sendBatch(["1", "2"].map((body) => ({ channel, body })));
    expect(await client.queues.ackAll({ channel })).toBe(2n);
    expect(attribute(await world.span(`ackAll ${channel}`), "messaging.batch.message_count")).toBe(2);
    expect(await world.counted("messaging.kubemq.settled.messages", channel)).toEqual({ ackAll: 2 });
  });

  test("the span of a body ends with the body when its loop is stopped from outside", async () => {
    const { client } = world;
    const channel = "q.stopped";
    await client.queues.send({ channel, body: "x" });
    const stop = new AbortController();
    let inBody = () => {};
    const entered = new Promise<void>((resolve) => (inBody = resolve));
    let goOn = () => {};
    const gate = new Promise<void>((resolve) => (goOn = resolve));
    const consuming = (async () => {
      for await (const job of client.queues.consume({ channel }, { signal: stop.signal })) {
        inBody();
        await gate;
        await job.ack();
      }
    })();
    await entered;
    stop.abort();
    expect(world.names()).not.toContain(`process ${channel}`);
    goOn();
    await consuming;
    const process = await world.span(`process ${channel}`);
    expect(attribute(process, "messaging.kubemq.loop_left")).toBeUndefined();
    await until("the queue is empty", async () => (await client.queues.peek({ channel })).length === 0);
  });
});
