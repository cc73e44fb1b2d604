import { describe, expect, test } from "@jest/globals";
import { create } from "@bufbuild/protobuf";
import { json, type KubeMQError, type OutgoingQueueMessage, type SendResult, type SentMessage } from "kubemq-es";
import {
  QueuesUpstreamResponseSchema,
  SendQueueMessageResultSchema,
  type QueuesUpstreamRequest,
  type QueuesUpstreamResponse,
} from "kubemq-es/gen";
import { FakeClock, settle } from "../support/fake-clock.js";
import { numbers, playedBy, QueueWorld } from "../support/queue-world.js";
import { rejection, roundTrips, until, within } from "../support/until.js";

describe("sending queue messages", () => {
  test("send resolves with the server's result for the message", async () => {
    await using world = await QueueWorld.start();
    const before = Date.now();
    const sent = await world.client.queues.send({
      id: "mine",
      channel: "q",
      body: { a: 1 },
      codec: json(),
      metadata: "meta",
      tags: { ünï: "cöde" },
      policy: { expirationSeconds: 60, delaySeconds: 1, deadLetter: { queue: "dead", maxReceiveCount: 3 } },
    });
    expect(sent.id).toBe("mine");
    expect(sent.sentAt.getTime()).toBeGreaterThanOrEqual(before - 1);
    expect(sent.delayedTo?.getTime()).toBeGreaterThanOrEqual(before + 999);
    expect(sent.expiresAt?.getTime()).toBeGreaterThanOrEqual(before + 60_999);
    const receiving = world.client.queues.receive({ channel: "q", waitSeconds: 5, codec: json<{ a: number }>() });
    const [message] = await world.afterWait(receiving);
    expect(message).toMatchObject({
      id: "mine",
      channel: "q",
      metadata: "meta",
      tags: { ünï: "cöde" },
      value: { a: 1 },
    });
    expect(message?.receiveCount).toBe(1);
  });

  test("send rejects with the server's own refusal", async () => {
    // The client refuses everything that the broker would refuse, so the refusal is scripted.
    const client = playedBy({
      sendQueueMessage: () =>
        create(SendQueueMessageResultSchema, { IsError: true, Error: "Error 133: invalid expiration seconds" }),
    });
    const error = await rejection(client.queues.send({ channel: "q", body: "x" }));
    expect(error).toMatchObject({ code: "REJECTED_BY_SERVER", serverCode: 133, channel: "q" });
    await client.close();
  });

  test("sendBatch returns a result for each message, whatever HaveErrors says", async () => {
    const refused = { IsError: true, Error: "stan: invalid publish request" };
    const client = playedBy({
      sendQueueMessagesBatch: ({ Messages }) => ({
        HaveErrors: false,
        Results: Messages.slice(0, 3).map(({ MessageID }, at) => ({
          MessageID,
          ...(at === 1 ? refused : { SentAt: 5n }),
        })),
      }),
    });
    const results = await client.queues.sendBatch(numbers(4).map((id) => ({ id, channel: "q", body: id })));
    expect(results.map(({ ok, id }) => [ok, id])).toEqual([
      [true, "0"],
      [false, "1"],
      [true, "2"],
      [false, "3"],
    ]);
    expect(results.map((result) => (result.ok ? "" : result.error.code))).toEqual([
      "",
      "REJECTED_BY_SERVER",
      "",
      "PROTOCOL",
    ]);
    expect(await client.queues.sendBatch([])).toEqual([]);
    await client.close();
  });

  test("send refuses invalid input before a byte is sent, and names it", async () => {
    await using world = await QueueWorld.start();
    const { queues } = world.client;
    const good = { channel: "q", body: "x" };
    const bad: [unknown, RegExp][] = [
      [{ ...good, channel: "" }, /channel/],
      [{ ...good, channel: "a b" }, /white space/],
      [{ ...good, channel: "a\nb" }, /control/],
      [{ ...good, channel: "a.*" }, /wildcards/],
      [{ ...good, channel: "a/b" }, /"\/"/],
      [{ ...good, channel: "a." }, /dot/],
      [{ ...good, channel: "a..b" }, /between dots/],
      [{ channel: "q", body: "" }, /body or metadata/],
      [{ channel: "q", body: 5 }, /codec/],
      [{ ...good, id: "" }, /id must/],
      [{ ...good, tags: { a: 1 } }, /tag "a"/],
      [{ ...good, policy: 5 }, /policy/],
      [{ ...good, policy: { expirationSeconds: 0 } }, /expirationSeconds/],
      [{ ...good, policy: { expirationSeconds: 2 ** 31 } }, /expirationSeconds/],
      [{ ...good, policy: { delaySeconds: 1.5 } }, /delaySeconds/],
      [{ ...good, policy: { delaySeconds: -1 } }, /delaySeconds/],
      [{ ...good, policy: { deadLetter: "dead" } }, /deadLetter/],
      [{ ...good, policy: { deadLetter: { queue: "a b", maxReceiveCount: 1 } } }, /deadLetter.queue/],
      [{ ...good, policy: { deadLetter: { queue: "d", maxReceiveCount: 0 } } }, /maxReceiveCount/],
      [{ ...good, policy: { deadLetter: { queue: "d", maxReceiveCount: 2 ** 31 } } }, /maxReceiveCount/],
    ];
    await using publisher = queues.publisher();
    for (const [message, text] of bad) {
      const outgoing = message as OutgoingQueueMessage;
      for (const sending of [
        () => queues.send(outgoing),
        () => queues.sendBatch([good, outgoing]),
        () => publisher.send([good, outgoing]),
      ]) {
        const error = await rejection(sending());
        expect(error).toMatchObject({ code: "INVALID_ARGUMENT", message: expect.stringMatching(text) });
      }
    }
    expect(world.broker.stats().messages.queues).toEqual({});
    expect(() => queues.publisher({ maxInFlight: 4 })).toThrow(/ordered: false/);
    expect(() => queues.publisher({ ordered: false, maxInFlight: 0 })).toThrow(/maxInFlight/);
    await using small = world.another({ maxMessageBytes: 1_000 });
    const large = { channel: "q", body: "x".repeat(600) };
    expect(await rejection(small.queues.send({ channel: "q", body: "x".repeat(1_200) }))).toMatchObject({
      code: "INVALID_ARGUMENT",
    });
    expect(await rejection(small.queues.sendBatch([large, large]))).toMatchObject({
      code: "INVALID_ARGUMENT",
      message: expect.stringMatching(/^batch of \d+ bytes is larger than maxMessageBytes, 1000/),
    });
    expect((await small.queues.send(large)).ok).toBe(true);
  });
});

describe("the queue publisher", () => {
  test("a queue publisher keeps the order of sends and combines waiting ones", async () => {
    await using world = await QueueWorld.start({ quirks: { reorderUpstream: true } });
    const bodies = numbers(500);
    await using publisher = world.client.queues.publisher();
    const results = await Promise.all(bodies.map((body) => publisher.send({ channel: "q", body })));
    expect(results.every(({ ok }) => ok)).toBe(true);
    expect(await world.waiting("q")).toEqual(bodies);
  });

  test("an ordered queue publisher has one unanswered request at a time", async () => {
    const requests: QueuesUpstreamRequest[] = [];
    let allow = () => {};
    const client = playedBy({
      async *queuesUpstream(incoming) {
        for await (const request of incoming) {
          requests.push(request);
          await new Promise<void>((resolve) => (allow = resolve));
          const Results = request.Messages.map(({ MessageID }) => ({ MessageID, SentAt: 1n }));
          yield create(QueuesUpstreamResponseSchema, { RefRequestID: request.RequestID, Results });
        }
      },
    });
    const stages: number[] = [];
    const upstream = client.queues.publisher();
    const sends: Promise<SentMessage>[] = [];
    for (const body of numbers(3)) {
      sends.push(upstream.send({ channel: "q", body }));
      await settle();
    }
    stages.push(requests.length);
    allow();
    await until("the next request", () => requests.length === 2);
    allow();
    expect((await Promise.all(sends)).every(({ ok }) => ok)).toBe(true);
    stages.push(requests.length);
    expect(stages).toEqual([1, 2]); // waiting sends share the second
    expect(requests.flatMap(({ Messages }) => Messages.map(({ Body }) => Buffer.from(Body).toString()))).toEqual(
      numbers(3),
    );
    await client.close();
  });

  test("an unordered queue publisher matches results to sends in any order of answers", async () => {
    await using world = await QueueWorld.start({ quirks: { reorderUpstream: true } });
    await using publisher = world.client.queues.publisher({ ordered: false, maxInFlight: 8 });
    const bodies = numbers(100);
    const results: (readonly SendResult[])[] = [];
    for (const body of bodies) {
      results.push([]);
      const slot = results.length - 1;
      void publisher
        .send([
          { id: `${body}a`, channel: "q", body },
          { id: `${body}b`, channel: "q", body },
        ])
        .then((got) => (results[slot] = got));
      if (slot % 10 === 9) await roundTrips(world.client, 1);
    }
    await publisher.flush();
    await settle();
    expect(results.map((pair) => pair.map(({ id }) => id))).toEqual(bodies.map((body) => [`${body}a`, `${body}b`]));
    expect((await world.waiting("q")).sort()).toEqual([...bodies, ...bodies].sort());
  });

  test("a queue publisher handles answers that are reordered, duplicated, late or missing", async () => {
    const clock = new FakeClock();
    const requests: QueuesUpstreamRequest[] = [];
    const replies: ((response: QueuesUpstreamResponse) => void)[] = [];
    const client = playedBy(
      {
        async *queuesUpstream(incoming) {
          void (async () => {
            for await (const request of incoming) requests.push(request);
          })();
          for (;;) yield await new Promise<QueuesUpstreamResponse>((resolve) => replies.push(resolve));
        },
      },
      { timeoutMs: 1_000, keepalive: false },
      clock,
    );
    const reply = async (request: QueuesUpstreamRequest | undefined) => {
      await until("the server speaks", () => replies.length > 0);
      replies.shift()?.(
        create(QueuesUpstreamResponseSchema, {
          RefRequestID: request?.RequestID ?? "",
          Results: request?.Messages.map(({ MessageID }) => ({ MessageID, SentAt: 1n })) ?? [],
        }),
      );
      await settle();
    };
    const publisher = client.queues.publisher({ ordered: false, maxInFlight: 4 });
    const outcomes: string[] = [];
    for (const id of ["a", "b", "c", "d"]) {
      publisher.send({ id, channel: "q", body: id }).then(
        (sent) => outcomes.push(`${id}=${sent.id}`),
        (error: KubeMQError) => outcomes.push(`${id}:${error.code}`),
      );
      await settle();
    }
    await until("all are sent", () => requests.length === 4);
    await reply(requests[2]);
    await reply(requests[2]);
    await reply(requests[0]);
    expect(outcomes).toEqual(["c=c", "a=a"]);
    await clock.advance(1_001); // b is late, d never comes
    expect(outcomes).toEqual(["c=c", "a=a", "b:TIMEOUT", "d:TIMEOUT"]);
    await reply(requests[1]);
    const [more] = await Promise.all([
      publisher.send({ id: "e", channel: "q", body: "e" }),
      until("e is sent", () => requests.length === 5).then(() => reply(requests[4])),
    ]);
    expect(more.id).toBe("e");
    const closing = publisher.close();
    await settle();
    await clock.advance(10_000);
    await closing;
    await client.close();
  });

  test("a lost connection rejects unanswered sends, and the next send opens a new stream", async () => {
    await using world = await QueueWorld.start();
    await using publisher = world.client.queues.publisher();
    await publisher.send({ channel: "q", body: "before" });
    world.broker.faults.pauseWriting();
    const lost = publisher.send({ channel: "q", body: "lost" });
    const failed = rejection(lost);
    await until("it is stored", () => world.broker.stats().messages.queues["q"] === 2);
    await world.broker.faults.dropConnections();
    world.broker.faults.resumeWriting();
    expect(await failed).toMatchObject({ code: "UNAVAILABLE", retryable: true });
    const after = await publisher.send({ channel: "q", body: "after" });
    expect(after.ok).toBe(true);
    expect(await world.waiting("q")).toEqual(["before", "lost", "after"]);
  });

  test("an idle or disconnected queue publisher does not affect the client's state", async () => {
    await using world = await QueueWorld.start();
    const publisher = world.client.queues.publisher();
    expect(world.client.state).toBe("idle");
    await publisher.send({ channel: "q", body: "x" });
    expect(world.client.state).toBe("ready");
    await world.broker.close();
    await until("it is noticed", () => world.client.state === "idle", 2_000);
  });

  test("close sends and awaits every message, leaves no stream, and refuses later sends", async () => {
    await using world = await QueueWorld.start();
    const publisher = world.client.queues.publisher();
    const sends = numbers(50).map((body) => publisher.send({ channel: "q", body }));
    await publisher.close();
    expect((await Promise.all(sends)).every(({ ok }) => ok)).toBe(true);
    await until("the stream is gone", () => world.streams("QueuesUpstream") === 0);
    expect(await rejection(publisher.send({ channel: "q", body: "x" }))).toMatchObject({ code: "CLIENT_CLOSED" });
    await publisher.close();
  });

  test("close does not wait for an answer that arrived after its time-out", async () => {
    const clock = new FakeClock();
    const requests: QueuesUpstreamRequest[] = [];
    let reply = (_response: QueuesUpstreamResponse) => {};
    const client = playedBy(
      {
        async *queuesUpstream(incoming) {
          void (async () => {
            for await (const request of incoming) requests.push(request);
          })();
          for (;;) yield await new Promise<QueuesUpstreamResponse>((resolve) => (reply = resolve));
        },
      },
      { timeoutMs: 1_000, keepalive: false },
      clock,
    );
    const publisher = client.queues.publisher();
    const failed = rejection(publisher.send({ channel: "q", body: "late" }));
    await until("it is sent", () => requests.length === 1);
    await clock.advance(1_001);
    expect(await failed).toMatchObject({ code: "TIMEOUT" });
    reply(create(QueuesUpstreamResponseSchema, { RefRequestID: requests[0]?.RequestID ?? "" }));
    await settle();
    const closing = publisher.close();
    await settle();
    await clock.advance(60);
    await within(1_000, "the close", closing);
    await client.close();
  });

  test("close after an abort waits until the server has answered every request", async () => {
    await using world = await QueueWorld.start();
    const { publisher, send } = await abortWhileOwed(world, 4_000);
    await send;
    let isClosed = false;
    const closing = publisher.close().then(() => (isClosed = true));
    await world.pass(2_000);
    await settle();
    expect(isClosed).toBe(false);
    await world.pass(2_000);
    await closing;
  });

  test("an abort rejects at once, and the stream stays open until the server has answered every request", async () => {
    await using world = await QueueWorld.start();
    const { publisher, send } = await abortWhileOwed(world, 4_000);
    expect(await within(1_000, "the promise", send)).toMatchObject({ message: "enough" });
    await world.pass(2_000);
    await settle();
    expect(world.streams("QueuesUpstream")).toBe(1);
    await world.pass(2_000);
    await until("the stream is gone", () => world.streams("QueuesUpstream") === 0, 4_500);
    expect(await rejection(publisher.send({ channel: "q", body: "x" }))).toMatchObject({ message: "enough" });
  });
});

/**
 * A publisher that is aborted while the server's answer to a send is pending; the answer comes
 * after the given time.
 */
async function abortWhileOwed(world: QueueWorld, delayMs: number) {
  const stop = new AbortController();
  const publisher = world.client.queues.publisher({ signal: stop.signal });
  await publisher.send({ channel: "q", body: "first" });
  world.broker.faults.delayReplies(delayMs);
  const send = rejection(publisher.send({ channel: "q", body: "second" }));
  await until("it is stored", () => world.broker.stats().messages.queues["q"] === 2);
  stop.abort(new Error("enough"));
  return { publisher, send };
}
