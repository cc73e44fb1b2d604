import { describe, expect, test } from "@jest/globals";
import type { Delivery, KubeMQClient, Subscription } from "kubemq-es";
import type { QueuesDownstreamRequest, QueuesDownstreamResponse } from "kubemq-es/gen";
import { FakeClock, settle } from "../support/fake-clock.js";
import { answer, first, numbers, playedBy, playedCall, QueueWorld, Type, wireMessage } from "../support/queue-world.js";
import { rejection, until, within } from "../support/until.js";

describe("settling queue messages", () => {
  test("a settlement resolves after the server has processed it", async () => {
    await using world = await QueueWorld.start();
    const { queues } = world.client;
    await world.fill("q", ["ack", "reject", "requeue"]);
    const seen: string[] = [];
    for await (const job of queues.consume({ channel: "q" })) {
      seen.push(`${job.text()}#${job.receiveCount}`);
      expect(job.settled).toBe(false);
      if (job.text() === "requeue") await job.requeue("other");
      else if (job.text() === "reject" && job.receiveCount === 1) await job.reject();
      else await job.ack();
      expect(job.settled).toBe(true);
      if (job.receiveCount === 2) break;
    }
    expect(seen).toEqual(["ack#1", "reject#1", "requeue#1", "reject#2"]);
    expect(await world.waiting("q")).toEqual([]);
    expect(await world.waiting("other")).toEqual(["requeue"]);
  });

  test.each([false, true])(
    "acks resolve by the confirmations of a server that sends them: %s",
    async (confirmSettlements) => {
      await using world = await QueueWorld.start({ quirks: { confirmSettlements } });
      await world.fill("q", numbers(20));
      let count = 0;
      for await (const job of world.client.queues.consume({ channel: "q", prefetch: 4 })) {
        await within(2_000, "the ack", job.ack());
        if (++count === 20) break;
      }
      expect(await world.waiting("q")).toEqual([]);
    },
  );

  test("every impossible settlement rejects with its own code", async () => {
    await using world = await QueueWorld.start();
    const { queues } = world.client;
    const codes: Record<string, unknown> = {};
    const code = async (name: string, promise: Promise<unknown>) => {
      codes[name] = ((await rejection(promise)) as { code: string }).code;
    };
    const take = async (): Promise<[Delivery, Subscription<Delivery>]> => {
      await queues.send({ channel: "q", body: "x" });
      const subscription = queues.consume({ channel: "q" });
      return [await first(subscription), subscription];
    };
    const [twice, one] = await take();
    const acked = twice.ack();
    await code("twice, while the first is on its way", twice.reject());
    await acked;
    await code("twice", twice.ack());
    await one.close();
    await code("twice, after the end", twice.ack());

    const [reconnected, two] = await take();
    await world.broker.faults.dropConnections();
    await until("it is noticed", () => world.status.some(({ type }) => type === "retry"));
    await code("after a reconnect", reconnected.ack());
    await two.close();
    await world.afterWait(queues.ackAll({ channel: "q" }));

    await queues.send({ channel: "q", body: "x" });
    const loop = queues.consume({ channel: "q" })[Symbol.asyncIterator]();
    const left = (await loop.next()).value;
    await loop.return?.();
    await code("after a break", left?.ack() ?? Promise.resolve());
    await world.afterWait(queues.ackAll({ channel: "q" }));

    const [onItsWay, four] = await take();
    world.broker.faults.pauseWriting();
    const lost = rejection(onItsWay.ack());
    await settle(); // it is written
    await world.broker.faults.dropConnections();
    world.broker.faults.resumeWriting();
    codes["lost on its way"] = ((await lost) as { code: string }).code;
    expect(await lost).toMatchObject({ retryable: false, message: expect.stringMatching(/was settled, or/) });
    await four.close();

    const [bad, five] = await take();
    await code("requeue to a bad name", bad.requeue("a b"));
    expect(bad.settled).toBe(false);
    await bad.ack();
    await five.close();

    await using other = world.another();
    await queues.send({ channel: "q", body: "x" });
    const held = await first(other.queues.consume({ channel: "q" }));
    await other.close({ timeoutMs: 50 });
    await code("after the client is closed", held.ack());
    expect(codes).toEqual({
      "twice, while the first is on its way": "ALREADY_SETTLED",
      twice: "ALREADY_SETTLED",
      "twice, after the end": "ALREADY_SETTLED",
      "after a reconnect": "LEASE_LOST",
      "after a break": "LEASE_LOST",
      "lost on its way": "UNAVAILABLE",
      "requeue to a bad name": "INVALID_ARGUMENT",
      "after the client is closed": "LEASE_LOST",
    });
  }, 30_000);
});

/** A QueuesDownstream server scripted by the test: it sees each request and sends any answer. */
class PlayedServer {
  readonly requests: QueuesDownstreamRequest[] = [];
  readonly client: KubeMQClient;
  #say: (response: QueuesDownstreamResponse) => void = () => {};
  readonly clock = new FakeClock();

  constructor(hear: (request: QueuesDownstreamRequest, say: (response: QueuesDownstreamResponse) => void) => void) {
    this.client = playedBy(
      {
        queuesDownstream: (incoming) => {
          const call = playedCall<QueuesDownstreamRequest, QueuesDownstreamResponse>(incoming, (request, say) => {
            this.requests.push(request);
            hear(request, say);
          });
          this.#say = call.say;
          return call.responses;
        },
      },
      { keepalive: false, timeoutMs: 10_000 },
      this.clock,
    );
  }

  say(response: QueuesDownstreamResponse): void {
    this.#say(response);
  }

  /** The types of the requests so far, in order. */
  types(): string[] {
    return this.requests.map(({ RequestTypeData }) => Type[RequestTypeData]);
  }
}

describe("requests of settlements", () => {
  test("settlements of one tick share a request and a confirmation, and do not wait behind a poll", async () => {
    let polls = 0;
    const server = new PlayedServer((request, say) => {
      if (request.RequestTypeData === Type.Get && ++polls <= 3) {
        say(answer(request, { Messages: [wireMessage(polls)] }));
      } else if (request.RequestTypeData === Type.ActiveOffsets) {
        say(answer(request, { IsError: true, Error: "cannot get active offsets with closed response " }));
      }
    });
    const subscription = server.client.queues.consumeBatches({ channel: "q", max: 1 });
    const batch = await first(subscription);
    await Promise.all(batch.messages.map((message) => message.ack()));
    await until("the next poll", () => polls === 2);
    expect(server.types()).toEqual(["Get", "AckRange", "ActiveOffsets", "Get"]);
    await server.client.close();
  });

  test("an abort at any time while messages arrive ends the stream at once", async () => {
    for (let turns = 0; turns < 60; turns++) {
      let arrive = () => {};
      const server = new PlayedServer((request, say) => {
        const messages = [1, 2, 3].map((sequence) => wireMessage(sequence));
        if (request.RequestTypeData === Type.Get) arrive = () => say(answer(request, { Messages: messages }));
      });
      const stop = new AbortController();
      const subscription = server.client.queues.consumeBatches({ channel: "q", max: 3 }, { signal: stop.signal });
      await until("the poll", () => server.requests.length === 1);
      arrive();
      for (let turn = 0; turn < turns; turn++) await Promise.resolve();
      stop.abort();
      // Its clock stands still, so nothing waits.
      expect(await within(1_000, `the end, ${turns} turns after the answer`, subscription.closed)).toBeUndefined();
      await server.client.close();
    }
  });

  test("all acks of a tick share one AckRange, in their order", async () => {
    const messages = [1, 2, 3, 4, 5].map((sequence) => wireMessage(sequence));
    const server = new PlayedServer((request, say) => {
      if (request.RequestTypeData === Type.Get && server.requests.length === 1)
        say(answer(request, { Messages: messages }));
      if (request.RequestTypeData === Type.ActiveOffsets) say(answer(request));
    });
    const batch = await first(server.client.queues.consumeBatches({ channel: "q", max: 5 }));
    await Promise.all([batch.ack([2n, 1n]), batch.reject([4n, 3n]), batch.ack([5n])]);
    const ranges = server.requests.filter(({ SequenceRange }) => SequenceRange.length > 0);
    expect(ranges.map(({ RequestTypeData, SequenceRange }) => [Type[RequestTypeData], ...SequenceRange])).toEqual([
      ["AckRange", 2n, 1n, 5n],
      ["NAckRange", 4n, 3n],
    ]);
    expect(server.types().filter((type) => type === "ActiveOffsets")).toHaveLength(1);
    await server.client.close();
  });

  test("a range that fails in the middle settles the messages before, and those after are requested again", async () => {
    const messages = [1, 2, 3, 4].map((sequence) => wireMessage(sequence));
    const server = new PlayedServer((request, say) => {
      if (request.RequestTypeData === Type.Get && server.requests.length === 1)
        say(answer(request, { Messages: messages }));
      if (request.RequestTypeData === Type.ReQueueRange && request.SequenceRange.includes(2n)) {
        say(
          answer(request, {
            IsError: true,
            Error: "re-queue message with seq 2 failed, stan: invalid publish request",
          }),
        );
      }
      if (request.RequestTypeData === Type.AckRange && request.SequenceRange.includes(3n)) {
        say(answer(request, { IsError: true, Error: "invalid ack sequence id 3" }));
      }
      if (request.RequestTypeData === Type.ActiveOffsets) say(answer(request));
    });
    const batch = await first(server.client.queues.consumeBatches({ channel: "q", max: 4 }));
    const outcomes = await Promise.allSettled(batch.messages.map((message) => message.requeue("other")));
    expect(
      outcomes.map((outcome) => (outcome.status === "rejected" ? (outcome.reason as { code: string }).code : "done")),
    ).toEqual(["done", "REJECTED_BY_SERVER", "done", "done"]);
    const [, second, third] = batch.messages;
    expect([second?.settled, third?.settled]).toEqual([false, true]);
    await second?.ack(); // the server still holds it
    await server.client.close();
  });

  test("the transaction of an empty poll is closed", async () => {
    const server = new PlayedServer((request, say) => {
      if (request.RequestTypeData === Type.Get && server.requests.length < 5) say(answer(request));
    });
    const subscription = server.client.queues.consume({ channel: "q" });
    await until("the third poll", () => server.requests.length === 5);
    expect(server.types()).toEqual(["Get", "CloseByClient", "Get", "CloseByClient", "Get"]);
    expect(server.requests[1]?.RefTransactionId).toBe(`t${server.requests[0]?.RequestID}`);
    await subscription.close();
    await server.client.close();
  });

  test("a server that confirms settlements gets no further confirmation requests", async () => {
    let sequence = 0;
    const server = new PlayedServer((request, say) => {
      if (request.RequestTypeData === Type.Get && sequence < 3)
        say(answer(request, { Messages: [wireMessage(++sequence)] }));
      if (request.RequestTypeData === Type.AckRange) say(answer(request));
    });
    for await (const job of server.client.queues.consume({ channel: "q" })) {
      await within(1_000, "the ack", job.ack());
      if (job.sequence === 3n) break;
    }
    expect(server.types().filter((type) => type === "ActiveOffsets")).toHaveLength(1);
    await server.client.close();
  });

  test("without confirmations from the server a written settlement counts as done, and the status reports a later error", async () => {
    let sequence = 0;
    const server = new PlayedServer((request, say) => {
      if (request.RequestTypeData === Type.Get && sequence < 3)
        say(answer(request, { Messages: [wireMessage(++sequence)] }));
    });
    const status: unknown[] = [];
    void (async () => {
      for await (const each of server.client.status())
        if (each.type === "settle-failed") status.push(each.sequence, each.error.code);
    })();
    const subscription = server.client.queues.consume({ channel: "q" });
    const loop = subscription[Symbol.asyncIterator]();
    const one = (await loop.next()).value;
    let done = false;
    const acked = one?.ack().then(() => (done = true));
    await until("the ack is written", () => server.types().includes("AckRange"));
    await settle();
    await server.clock.advance(2_999);
    expect(done).toBe(false);
    await server.clock.advance(2);
    await within(1_000, "the first ack", acked ?? Promise.reject(new Error("no message")));
    const two = (await loop.next()).value;
    await within(1_000, "the second ack", two?.ack() ?? Promise.reject(new Error("no message")));
    expect(server.types().filter((type) => type === "ActiveOffsets")).toHaveLength(1);
    const late = server.requests.findLast(({ RequestTypeData }) => RequestTypeData === Type.AckRange);
    if (late === undefined) throw new Error("no ack was written");
    server.say(answer(late, { IsError: true, Error: "invalid ack sequence id 2" }));
    await until("the status tells", () => status.length > 0);
    expect(status).toEqual([2n, "LEASE_LOST"]);
    await subscription.close();
    await server.client.close();
  });

  test("a late confirmation enables confirmations again, and break waits for pending settlements", async () => {
    let sequence = 0;
    const fences: QueuesDownstreamRequest[] = [];
    const server = new PlayedServer((request, say) => {
      if (request.RequestTypeData === Type.Get && sequence < 2)
        say(answer(request, { Messages: [wireMessage(++sequence)] }));
      if (request.RequestTypeData === Type.ActiveOffsets) fences.push(request);
    });
    const answerFence = (at: number) => {
      const fence = fences[at];
      if (fence === undefined) throw new Error("no fence was asked for");
      server.say(answer(fence));
    };
    const loop = server.client.queues.consume({ channel: "q" })[Symbol.asyncIterator]();
    const acked = (await loop.next()).value?.ack();
    await until("the ack is written", () => fences.length === 1);
    await server.clock.advance(3_001);
    await acked;
    answerFence(0);
    const two = (await loop.next()).value;
    const outcome = Promise.allSettled([two?.ack()]);
    const left = loop.return?.();
    await until("the second ack and the return are written", () => fences.length === 3);
    await settle();
    answerFence(1);
    expect(await within(1_000, "the second ack", outcome)).toEqual([{ status: "fulfilled", value: undefined }]);
    answerFence(2);
    await within(1_000, "the return", Promise.resolve(left));
    await server.client.close();
  });

  test("on-next acknowledges a message whose body outlasts an abort", async () => {
    let sequence = 0;
    const server = new PlayedServer((request, say) => {
      if (request.RequestTypeData === Type.Get && sequence < 1)
        say(answer(request, { Messages: [wireMessage(++sequence)] }));
      if (request.RequestTypeData === Type.ActiveOffsets) say(answer(request));
    });
    const failures: unknown[] = [];
    void (async () => {
      for await (const each of server.client.status()) if (each.type === "settle-failed") failures.push(each.error);
    })();
    const stop = new AbortController();
    const subscription = server.client.queues.consume({ channel: "q", settle: "on-next" }, { signal: stop.signal });
    const loop = subscription[Symbol.asyncIterator]();
    await loop.next();
    stop.abort();
    await server.clock.advance(20_000); // the duration of the body
    expect((await loop.next()).done).toBe(true);
    await within(1_000, "the end", subscription.closed);
    expect(server.types().filter((type) => type === "AckRange")).toHaveLength(1);
    await server.client.close();
    expect(failures).toEqual([]);
  });

  test("a missing confirmation from a confirming server rejects with TIMEOUT", async () => {
    let sequence = 0;
    const server = new PlayedServer((request, say) => {
      if (request.RequestTypeData === Type.Get && sequence < 2)
        say(answer(request, { Messages: [wireMessage(++sequence)] }));
      if (request.RequestTypeData === Type.ActiveOffsets && sequence === 1) say(answer(request));
    });
    const loop = server.client.queues.consume({ channel: "q" })[Symbol.asyncIterator]();
    await (await loop.next()).value?.ack();
    const two = (await loop.next()).value;
    const failed = rejection(two?.ack() ?? Promise.resolve());
    await until("the ack is written", () => server.types().filter((type) => type === "AckRange").length === 2);
    await server.clock.advance(10_001);
    await server.clock.advance(10_001);
    expect(await within(1_000, "the time-out", failed)).toMatchObject({ code: "TIMEOUT", channel: "q" });
    await server.client.close();
  });
});
