import { describe, expect, test } from "@jest/globals";
import { create } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { KubeMQError } from "kubemq-es";
import {
  PingResultSchema,
  ReceiveQueueMessagesResponseSchema,
  StreamQueueMessagesResponseSchema,
  StreamRequestType,
  type StreamQueueMessagesRequest,
  type StreamQueueMessagesResponse,
} from "kubemq-es/gen";
import { FakeClock, settle } from "../support/fake-clock.js";
import { first, numbers, playedBy, playedCall, QueueWorld, wireMessage } from "../support/queue-world.js";
import { rejection, roundTrips, until, within } from "../support/until.js";

describe("leased consumption", () => {
  test("every settlement of a lease resolves with the server's own reply", async () => {
    await using world = await QueueWorld.start();
    const { queues } = world.client;
    await world.fill("q", ["ack", "reject", "requeue", "replace"]);
    const seen: string[] = [];
    for await (const job of queues.consume({ channel: "q", visibilitySeconds: 30 })) {
      seen.push(`${job.text()}#${job.receiveCount}`);
      expect(job.leasedUntil.getTime()).toBeGreaterThan(Date.now() + 28_000);
      if (job.text() === "requeue") await job.requeue("other");
      else if (job.text() === "replace")
        await job.replace({ channel: "changed", body: "replaced", tags: { by: "me" } });
      else if (job.text() === "reject" && job.receiveCount === 1) await job.reject();
      else await job.ack();
      expect(job.settled).toBe(true);
      if (job.receiveCount === 2) break;
    }
    expect(seen).toEqual(["ack#1", "reject#1", "requeue#1", "replace#1", "reject#2"]);
    expect(await world.waiting("q")).toEqual([]);
    expect(await world.waiting("other")).toEqual(["requeue"]);
    const [changed] = await queues.receive({ channel: "changed" });
    expect(changed).toMatchObject({ receiveCount: 1, tags: { by: "me" } });
    await until("no stream is left", () => world.streams("StreamQueueMessage") === 0, 3_000);
  });

  test("a leased loop holds one message per stream, and opens streams up to the prefetch", async () => {
    await using world = await QueueWorld.start();
    await world.fill("q", numbers(4));
    const one = world.client.queues.consume({ channel: "q", visibilitySeconds: 30 });
    const job = await first(one);
    await roundTrips(world.client);
    expect(world.streams("StreamQueueMessage")).toBe(1);
    await job.ack();
    await one.close();
    const three = world.client.queues.consume({ channel: "q", visibilitySeconds: 30, prefetch: 3 });
    const held = await first(three);
    await until("three streams", () => world.streams("StreamQueueMessage") >= 3);
    await roundTrips(world.client);
    expect(world.streams("StreamQueueMessage")).toBeLessThanOrEqual(4); // the stream of the settled one may still be ending
    await held.ack();
    await three.close();
    await until("no stream is left", () => world.streams("StreamQueueMessage") === 0, 3_000);
    expect(await world.waiting("q")).toHaveLength(2);
  });

  test("an expired lease aborts its signal, settling rejects with LEASE_LOST, and the message is delivered again", async () => {
    await using world = await QueueWorld.start();
    await world.fill("q", ["slow"]);
    const seen: number[] = [];
    for await (const job of world.client.queues.consume({ channel: "q", visibilitySeconds: 10 })) {
      seen.push(job.receiveCount);
      if (job.receiveCount === 2) {
        await job.ack();
        break;
      }
      await world.pass(5_000);
      await roundTrips(world.client);
      expect(job.signal.aborted).toBe(false);
      await world.pass(5_000);
      await until("the signal aborts", () => job.signal.aborted);
      expect(KubeMQError.is(job.signal.reason, "LEASE_LOST")).toBe(true);
      expect(await rejection(job.ack())).toMatchObject({ code: "LEASE_LOST" });
      expect(await rejection(job.extendVisibility(5))).toMatchObject({ code: "LEASE_LOST" });
    }
    expect(seen).toEqual([1, 2]);
    expect(await world.waiting("q")).toEqual([]);
  });

  test("extendVisibility and autoExtend extend a lease until the body ends", async () => {
    await using world = await QueueWorld.start();
    await world.fill("q", ["once", "auto", "left"]);
    for await (const job of world.client.queues.consume({ channel: "q", visibilitySeconds: 4 })) {
      const until = await job.extendVisibility(60);
      expect(until.getTime()).toBeGreaterThan(Date.now() + 30_000);
      await world.pass(5_000);
      await roundTrips(world.client);
      expect(job.signal.aborted).toBe(false);
      await job.ack();
      break;
    }
    const seen: string[] = [];
    for await (const job of world.client.queues.consume({ channel: "q", visibilitySeconds: 4, autoExtend: true })) {
      seen.push(`${job.text()}#${job.receiveCount}`);
      if (job.text() === "auto") {
        for (let half = 0; half < 5; half++) {
          await world.pass(2_000);
          await roundTrips(world.client);
        }
        await job.ack();
      } else if (job.receiveCount === 2) {
        await job.ack();
        break;
      } else {
        // Left unsettled, and not extended after its body.
        void roundTrips(world.client).then(() => world.pass(4_000));
      }
    }
    expect(seen).toEqual(["auto#1", "left#1", "left#2"]);
  });

  test("every impossible settlement rejects with its own code", async () => {
    await using world = await QueueWorld.start();
    const { queues } = world.client;
    await world.fill("q", ["x", "y"]);
    const subscription = queues.consume({ channel: "q", visibilitySeconds: 30 });
    const loop = subscription[Symbol.asyncIterator]();
    const job = (await loop.next()).value;
    if (job === undefined) throw new Error("no message");
    expect(await rejection(job.requeue("a b"))).toMatchObject({ code: "INVALID_ARGUMENT" });
    expect(await rejection(job.extendVisibility(0))).toMatchObject({ code: "INVALID_ARGUMENT" });
    expect(await rejection(job.replace({ channel: "", body: "x" }))).toMatchObject({ code: "INVALID_ARGUMENT" });
    expect(await rejection(job.replace(null as never))).toMatchObject({ code: "INVALID_ARGUMENT" });
    expect(job.settled).toBe(false);
    const acked = job.ack();
    expect(await rejection(job.ack())).toMatchObject({ code: "ALREADY_SETTLED" });
    await acked;
    expect(await rejection(job.reject())).toMatchObject({ code: "ALREADY_SETTLED" });
    const lost = (await loop.next()).value;
    await world.broker.faults.dropConnections();
    await until("it is lost", () => lost?.signal.aborted === true);
    expect(await rejection(lost?.ack() ?? Promise.resolve())).toMatchObject({ code: "LEASE_LOST" });
    const again = (await within(3_000, "the loop goes on", loop.next())).value;
    expect([again?.text(), again?.receiveCount]).toEqual(["y", 2]);
    await loop.return?.();
    expect(await rejection(again?.ack() ?? Promise.resolve())).toMatchObject({ code: "LEASE_LOST" });
  });

  test("an ack whose answer the server loses resolves when the server answers a ping", async () => {
    await using world = await QueueWorld.start({ quirks: { loseLastAnswer: true } });
    await world.fill("q", numbers(30));
    const seen: string[] = [];
    for await (const job of world.client.queues.consume({ channel: "q", visibilitySeconds: 30, prefetch: 8 })) {
      seen.push(job.text());
      await job.ack();
      expect(job.signal.aborted).toBe(false);
      if (seen.length === 30) break;
    }
    expect([...seen].sort()).toEqual(numbers(30).sort());
    expect(await world.waiting("q")).toEqual([]);
  });

  test("break returns a leased message, and an abort lets the body settle it", async () => {
    await using world = await QueueWorld.start();
    await world.fill("q", numbers(3));
    for await (const _ of world.client.queues.consume({ channel: "q", visibilitySeconds: 30, prefetch: 2 })) break;
    await until("no stream is left", () => world.streams("StreamQueueMessage") === 0, 1_000);
    expect([...(await world.waiting("q"))].sort()).toEqual(numbers(3));
    const stop = new AbortController();
    const { signal } = stop;
    for await (const job of world.client.queues.consume(
      { channel: "q", visibilitySeconds: 30, prefetch: 2 },
      { signal },
    )) {
      stop.abort();
      await roundTrips(world.client);
      expect(job.signal.aborted).toBe(false);
      await job.ack();
    }
    await until("no stream is left", () => world.streams("StreamQueueMessage") === 0, 3_000);
    expect(await world.waiting("q")).toHaveLength(2);
  });

  test("leased on-next acknowledges and rejects, and process settles by the handler's outcome", async () => {
    await using world = await QueueWorld.start();
    await world.fill("q", ["a", "b"]);
    for await (const job of world.client.queues.consume({ channel: "q", visibilitySeconds: 30, settle: "on-next" })) {
      if (job.text() === "b") break;
    }
    const [back] = await world.client.queues.peek({ channel: "q" });
    expect([back?.text(), back?.receiveCount]).toEqual(["b", 2]);
    const stop = new AbortController();
    await world.client.queues.process(
      { channel: "q", visibilitySeconds: 30 },
      (job) => {
        expect(job.signal.aborted).toBe(false);
        stop.abort();
      },
      { signal: stop.signal },
    );
    expect(await world.waiting("q")).toEqual([]);
  });
});

/**
 * A StreamQueueMessage server that returns one message and answers as scripted; the clocks are the
 * test's.
 */
function leaseServer(hear: (request: StreamQueueMessagesRequest, say: (init: object) => void) => void) {
  const clock = new FakeClock();
  const calls: StreamQueueMessagesRequest[][] = [];
  const client = playedBy(
    {
      streamQueueMessage: (incoming) => {
        const requests: StreamQueueMessagesRequest[] = [];
        calls.push(requests);
        return playedCall<StreamQueueMessagesRequest, StreamQueueMessagesResponse>(incoming, (request, say) => {
          requests.push(request);
          const { RequestID, StreamRequestTypeData } = request;
          hear(request, (init) =>
            say(create(StreamQueueMessagesResponseSchema, { RequestID, StreamRequestTypeData, ...init })),
          );
        }).responses;
      },
    },
    { keepalive: false },
    clock,
  );
  return { client, clock, calls };
}

describe("requests of leases", () => {
  test("the end of a lease is recognised by its error number, whatever request it answers", async () => {
    const { client } = leaseServer((request, say) => {
      if (request.StreamRequestTypeData === StreamRequestType.ReceiveMessage) say({ Message: wireMessage(7) });
      else say({ IsError: true, Error: "Error 129: current visibility timer expired" });
    });
    const subscription = client.queues.consume({ channel: "q", visibilitySeconds: 10 });
    const job = await first(subscription);
    expect(await within(1_000, "the ack", rejection(job.ack()))).toMatchObject({ code: "LEASE_LOST" });
    expect(job.signal.aborted).toBe(true);
    await subscription.close();
    await client.close();
  });

  test("a lease begins while the server has not ended the last call only behind a ping and a peek", async () => {
    const calls: string[] = [];
    const seen: bigint[] = [];
    const callsOver: (() => void)[] = [];
    const client = playedBy(
      {
        ping: () => {
          calls.push("ping");
          return create(PingResultSchema, { Host: "played" });
        },
        receiveQueueMessages: () => {
          calls.push("peek");
          return create(ReceiveQueueMessagesResponseSchema, { Messages: [wireMessage(9)], MessagesReceived: 1 });
        },
        streamQueueMessage: async function* (requests) {
          calls.push("lease");
          for await (const { RequestID, StreamRequestTypeData } of requests) {
            const Message =
              StreamRequestTypeData === StreamRequestType.ReceiveMessage ? { Message: wireMessage(7) } : {};
            yield create(StreamQueueMessagesResponseSchema, { RequestID, StreamRequestTypeData, ...Message });
            if (StreamRequestTypeData !== StreamRequestType.ReceiveMessage) break;
          }
          await new Promise<void>((over) => callsOver.push(over));
        },
      },
      { keepalive: false },
    );
    const subscription = client.queues.consume({ channel: "q", visibilitySeconds: 10 });
    await until("the first lease", () => calls.includes("lease"));
    calls.length = 0;
    for await (const job of subscription) {
      await job.ack();
      if (seen.push(job.sequence) === 2) break;
    }
    // The consumer pings at its start, too.
    expect([...new Set(calls)]).toEqual(["ping", "peek", "lease"]);
    for (const over of callsOver) over();
    await client.close();
  });

  test("a wait without a message is repeated", async () => {
    const { client, calls } = leaseServer((_, say) => {
      if (calls.length < 3) say({ IsError: true, Error: "Error 138: no new message in queue, wait time expired" });
    });
    const subscription = client.queues.consume({ channel: "q", visibilitySeconds: 10 });
    await until("the third call", () => calls.length === 3);
    expect(calls.map((requests) => requests.length)).toEqual([1, 1, 1]);
    await subscription.close();
    await client.close();
  });

  test("a refused settlement leaves the message unsettled", async () => {
    const { client } = leaseServer((request, say) => {
      if (request.StreamRequestTypeData === StreamRequestType.ReceiveMessage) say({ Message: wireMessage(7) });
      else if (request.StreamRequestTypeData === StreamRequestType.ResendMessage) {
        say({ IsError: true, Error: "Error 130: error during send message to queue" });
      } else say({});
    });
    const subscription = client.queues.consume({ channel: "q", visibilitySeconds: 10 });
    const job = await first(subscription);
    expect(await rejection(job.requeue("full"))).toMatchObject({ code: "REJECTED_BY_SERVER", serverCode: 130 });
    expect(job.settled).toBe(false);
    await job.ack();
    await subscription.close();
    await client.close();
  });

  test("an ack whose answer is lost together with the server rejects with an unknown outcome", async () => {
    let isAlive = true;
    const client = playedBy(
      {
        ping: () => {
          if (!isAlive) throw new ConnectError("gone", Code.Unavailable);
          return create(PingResultSchema, { Host: "played" });
        },
        streamQueueMessage: async function* (requests) {
          for await (const { RequestID, StreamRequestTypeData } of requests) {
            if (StreamRequestTypeData !== StreamRequestType.ReceiveMessage) break;
            yield create(StreamQueueMessagesResponseSchema, {
              RequestID,
              StreamRequestTypeData,
              Message: wireMessage(7),
            });
          }
          isAlive = false;
        },
      },
      { keepalive: false },
    );
    const subscription = client.queues.consume({ channel: "q", visibilitySeconds: 10 });
    const job = await first(subscription);
    expect(await rejection(job.ack())).toMatchObject({
      code: "UNAVAILABLE",
      retryable: false,
      message: expect.stringMatching(/without an answer/),
    });
    await subscription.close();
    await client.close();
  });

  test("a lease is still extended after a refused settlement", async () => {
    const extensions: number[] = [];
    const { client, clock, calls } = leaseServer((request, say) => {
      if (request.StreamRequestTypeData === StreamRequestType.ReceiveMessage) {
        if (calls.length === 1) say({ Message: wireMessage(7) });
      } else if (request.StreamRequestTypeData === StreamRequestType.ResendMessage) {
        say({ IsError: true, Error: "Error 130: error during send message to queue" });
      } else {
        if (request.StreamRequestTypeData === StreamRequestType.ModifyVisibility) extensions.push(clock.now());
        say({});
      }
    });
    const subscription = client.queues.consume({ channel: "q", visibilitySeconds: 10, autoExtend: true });
    const job = await first(subscription);
    await clock.advance(2_000);
    expect(await rejection(job.requeue("full"))).toMatchObject({ serverCode: 130 });
    await clock.advance(4_000); // half of the remaining 8 s
    await until("it is extended", () => extensions.length === 1);
    await settle();
    await clock.advance(4_900);
    expect(job.signal.aborted).toBe(false);
    await job.ack();
    await subscription.close();
    await client.close();
  });

  test("an unanswered extension rejects with TIMEOUT", async () => {
    const { client, clock, calls } = leaseServer((request, say) => {
      if (request.StreamRequestTypeData === StreamRequestType.ReceiveMessage) {
        if (calls.length === 1) say({ Message: wireMessage(7) });
      } else if (request.StreamRequestTypeData === StreamRequestType.AckMessage) say({});
    });
    const subscription = client.queues.consume({ channel: "q", visibilitySeconds: 60 });
    const job = await first(subscription);
    const failed = rejection(job.extendVisibility(90));
    await clock.advance(30_001);
    expect(await within(1_000, "the time-out", failed)).toMatchObject({
      code: "TIMEOUT",
      message: expect.stringMatching(/did not confirm in time that the visibility of message 7 was extended/),
    });
    await job.ack(); // it is still held
    await subscription.close();
    await client.close();
  });

  test("a lease uses the monotonic clock: it is extended at half its time, and lost when the server stays silent", async () => {
    const extensions: number[] = [];
    const { client, clock, calls } = leaseServer((request, say) => {
      if (request.StreamRequestTypeData === StreamRequestType.ReceiveMessage) {
        if (calls.length === 1) say({ Message: wireMessage(7) });
      } else if (request.StreamRequestTypeData === StreamRequestType.ModifyVisibility) {
        extensions.push(clock.now());
        if (extensions.length < 3) say({});
      }
    });
    const subscription = client.queues.consume({ channel: "q", visibilitySeconds: 10, autoExtend: true });
    const job = await first(subscription);
    for (let step = 0; step < 3; step++) {
      await clock.advance(5_000);
      await until("it is extended", () => extensions.length === step + 1);
      await settle();
    }
    expect(extensions).toEqual([5_000, 10_000, 15_000]);
    await clock.advance(4_900);
    expect(job.signal.aborted).toBe(false);
    await clock.advance(400);
    expect(job.signal.aborted).toBe(true);
    await subscription.close();
    await client.close();
  });
});
