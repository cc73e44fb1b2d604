import { describe, expect, test } from "@jest/globals";
import { create } from "@bufbuild/protobuf";
import type { Delivery, Status } from "kubemq-es";
import {
  QueuesInfoResponseSchema,
  ReceiveQueueMessagesResponseSchema,
  type QueueMessage,
  type QueuesDownstreamRequest,
  type QueuesDownstreamResponse,
  type ReceiveQueueMessagesRequest,
  type ReceiveQueueMessagesResponse,
} from "kubemq-es/gen";
import { Backlog } from "../../src/queues/consume/taking/backlog.js";
import { Contention } from "../../src/queues/consume/taking/contention.js";
import { Spares } from "../../src/queues/consume/taking/spares.js";
import { FakeClock, settle } from "../support/fake-clock.js";
import { answer, numbers, playedBy, playedCall, QueueWorld, Type, wireMessage } from "../support/queue-world.js";
import { sleep, until, within } from "../support/until.js";

/**
 * A server whose queue "q" is scripted by the test, with its count and the messages that peeks
 * show.
 */
class PlayedQueue {
  waiting = 0;
  subscribers = 1;
  /** The answer to peeks; without one they wait. */
  shown: QueueMessage | undefined;
  /** Whether QueuesInfo requests are answered by the test. */
  holdsCounts = false;
  readonly counts: (() => void)[] = [];
  /** Whether ActiveOffsets requests are answered by the test. */
  holdsFences = false;
  readonly fences: (() => void)[] = [];
  readonly polls: { readonly request: QueuesDownstreamRequest; readonly call: number }[] = [];
  readonly requests: string[] = [];
  readonly peeks: ReceiveQueueMessagesRequest[] = [];
  readonly status: Status[] = [];
  readonly clock = new FakeClock();
  readonly #says: ((response: QueuesDownstreamResponse) => void)[] = [];
  readonly client = playedBy(
    {
      queuesInfo: async () => {
        const counted = { Name: "q", Waiting: BigInt(this.waiting), Subscribers: BigInt(this.subscribers) };
        if (this.holdsCounts) await new Promise<void>((resolve) => this.counts.push(resolve));
        return create(QueuesInfoResponseSchema, { Info: { Queues: [counted] } });
      },
      receiveQueueMessages: async (request, { signal }) => {
        if (!request.IsPeak) return this.#take(request);
        this.peeks.push(request);
        while (this.shown === undefined && !signal.aborted) await sleep(1);
        return create(ReceiveQueueMessagesResponseSchema, {
          IsPeak: true,
          Messages: this.shown === undefined ? [] : [this.shown],
        });
      },
      queuesDownstream: (incoming) => {
        const at = this.#says.length;
        const { say, responses } = playedCall<QueuesDownstreamRequest, QueuesDownstreamResponse>(
          incoming,
          (request) => {
            this.requests.push(`${at}:${Type[request.RequestTypeData]}`);
            if (request.RequestTypeData === Type.Get) this.polls.push({ request, call: at });
            if (request.RequestTypeData !== Type.ActiveOffsets) return;
            if (this.holdsFences) this.fences.push(() => say(answer(request)));
            else say(answer(request));
          },
        );
        this.#says.push(say);
        return responses;
      },
    },
    { keepalive: false, timeoutMs: 10_000 },
    this.clock,
  );

  constructor() {
    void (async () => {
      for await (const status of this.client.status()) this.status.push(status);
    })();
  }

  readonly takes: { readonly max: number; readonly give: (...sequences: number[]) => void }[] = [];

  #take({ MaxNumberOfMessages: max }: ReceiveQueueMessagesRequest): Promise<ReceiveQueueMessagesResponse> {
    return new Promise((resolve) => {
      const give = (...sequences: number[]) =>
        resolve(
          create(ReceiveQueueMessagesResponseSchema, { Messages: sequences.map((sequence) => wireMessage(sequence)) }),
        );
      this.takes.push({ max, give });
    });
  }

  /** Answers the nth poll. */
  give(poll: number, ...sequences: number[]): void {
    const polled = this.polls[poll];
    if (polled === undefined) throw new Error(`there was no poll ${poll}`);
    const Messages = sequences.map((sequence) => wireMessage(sequence));
    this.#says[polled.call]?.(answer(polled.request, { Messages }));
  }

  /** The sizes of the polls so far. */
  sizes(): number[] {
    return this.polls.map(({ request }) => request.MaxItems);
  }
}

describe("waiting for messages", () => {
  test("an idle consumer waits by peeks and has no open poll", async () => {
    const queue = new PlayedQueue();
    const loop = queue.client.queues.consume({ channel: "q", prefetch: 8 })[Symbol.asyncIterator]();
    const next = loop.next();
    await until("a peek", () => queue.peeks.length > 0);
    await sleep(20);
    expect(queue.polls).toHaveLength(0);
    expect(queue.peeks[0]).toMatchObject({ Channel: "q", IsPeak: true, MaxNumberOfMessages: 1, WaitTimeSeconds: 1 });
    queue.shown = wireMessage(1);
    await until("a poll", () => queue.polls.length === 1);
    expect(queue.polls[0]?.request).toMatchObject({ MaxItems: 1, WaitTimeout: 1_000 });
    queue.shown = undefined;
    queue.give(0, 1);
    expect((await next).value?.sequence).toBe(1n);
    await loop.return?.();
    await queue.client.close();
  });

  test("a consumer polls for at most the number of waiting messages", async () => {
    const queue = new PlayedQueue();
    queue.waiting = 20;
    const subscription = queue.client.queues.consume({ channel: "q", prefetch: 8 });
    const taken: Delivery[] = [];
    void (async () => {
      for await (const job of subscription) {
        taken.push(job);
        await job.ack();
      }
    })();
    for (let polls = 0, next = 1; polls < 3; polls++) {
      await until("the next poll", () => queue.polls.length === polls + 1);
      const size = queue.sizes()[polls] ?? 0;
      queue.waiting = 20 - next + 1 - size;
      queue.give(polls, ...Array.from({ length: size }, () => next++));
    }
    await until("all came", () => taken.length === 20);
    expect(queue.sizes()).toEqual([8, 8, 4]);
    await subscription.close();
    await queue.client.close();
  });

  test("messages whose transaction has ended do not reduce the count of those that wait", async () => {
    const queue = new PlayedQueue();
    queue.waiting = 4;
    const loop = queue.client.queues.consume({ channel: "q", prefetch: 4 })[Symbol.asyncIterator]();
    for (const [poll, waiting] of [8, 7].entries()) {
      const next = loop.next();
      await until("a poll", () => queue.polls.length === poll + 1);
      queue.waiting = waiting; // with the four of this poll
      queue.give(poll, ...[1, 2, 3, 4].map((at) => 4 * poll + at));
      const first = (await next).value;
      const others = [await loop.next(), await loop.next(), await loop.next()];
      await Promise.all([first, ...others.map(({ value }) => value)].map(async (message) => message?.ack()));
    }
    void loop.next();
    await until("the next poll", () => queue.polls.length === 3);
    expect(queue.sizes()).toEqual([4, 4, 3]);
    await loop.return?.();
    await queue.client.close();
  });

  test.each(["before", "after"])(
    "the first message of a burst is polled and counted at the same time: the rest comes by the next poll, the count %s the message",
    async (order) => {
      const queue = new PlayedQueue();
      const loop = queue.client.queues.consume({ channel: "q", prefetch: 16 })[Symbol.asyncIterator]();
      const next = loop.next();
      await until("a peek", () => queue.peeks.length === 1);
      await passes(queue, 500);
      queue.holdsCounts = true;
      queue.waiting = 9;
      queue.shown = wireMessage(1);
      await until("a poll and a count", () => queue.polls.length === 1 && queue.counts.length === 1);
      queue.shown = undefined;
      if (order === "before") queue.counts[0]?.();
      await settle();
      queue.give(0, 1);
      const one = (await next).value;
      void loop.next();
      await one?.ack();
      if (order === "after") queue.counts[0]?.();
      await until("the next poll", () => queue.polls.length === 2);
      expect(queue.sizes()).toEqual([1, 8]);
      expect(queue.peeks).toHaveLength(1);
      await loop.return?.();
      await queue.client.close();
    },
  );

  test("a queue whose name the server shortens is consumed without its count", async () => {
    await using world = await QueueWorld.start();
    await world.fill("_QUES.q", ["a"]); // servers shorten this name when they count
    for await (const job of world.client.queues.consume({ channel: "_QUES.q", prefetch: 8 })) {
      expect(job.text()).toBe("a");
      await job.ack();
      break;
    }
  });
});

describe("one transaction at a time", () => {
  test("a slow message does not delay others, and all are delivered in order on one stream", async () => {
    await using world = await QueueWorld.start();
    await world.fill("q", numbers(40));
    const seen: string[] = [];
    let finishSlow = () => {};
    const slow = new Promise<void>((resolve) => (finishSlow = resolve));
    const stop = new AbortController();
    let streams = 0;
    const running = world.client.queues.process(
      { channel: "q", prefetch: 4 },
      async (job) => {
        seen.push(job.text());
        streams = Math.max(streams, world.streams("QueuesDownstream"));
        if (job.text() === "5") await slow;
      },
      { concurrency: 4, signal: stop.signal },
    );
    await until("all others are done", () => seen.length === 40);
    await world.fill("q", ["new"]);
    await until("so is a new one", () => seen.at(-1) === "new");
    expect(seen).toEqual([...numbers(40), "new"]);
    expect(streams).toBe(1);
    finishSlow();
    stop.abort();
    await running;
    expect(world.settleFailures()).toEqual([]);
    expect(await world.waiting("q")).toEqual([]);
  });

  test("held messages are polled again together with new ones and settled in the new transaction", async () => {
    const queue = new PlayedQueue();
    queue.waiting = 2;
    const loop = queue.client.queues.consume({ channel: "q", prefetch: 4 })[Symbol.asyncIterator]();
    const one = (await take(queue, loop, 0, 1, 2)).value;
    const two = (await loop.next()).value;
    await two?.ack();
    await queue.clock.advance(60); // the delay inside the server
    queue.waiting = 4; // 1, which is held, and 3, 4, 5
    const next = loop.next();
    await secondPoll(queue);
    expect(queue.requests.slice(-2)).toEqual(["0:CloseByClient", "0:Get"]);
    expect(queue.sizes()).toEqual([2, 4]);
    const acked = one?.ack(); // while the transaction changes
    await sleep(5);
    expect(queue.requests.at(-1)).toBe("0:Get");
    queue.give(1, 1, 3, 4, 5);
    expect((await next).value?.sequence).toBe(3n);
    await within(1_000, "the ack", acked ?? Promise.reject(new Error("no message")));
    expect(queue.requests.slice(-2)).toEqual(["0:AckRange", "0:ActiveOffsets"]);
    await loop.return?.();
    await queue.client.close();
  });

  test("settling a message that another consumer has taken rejects with LEASE_LOST", async () => {
    const queue = new PlayedQueue();
    queue.waiting = 2;
    const loop = queue.client.queues.consume({ channel: "q", prefetch: 4 })[Symbol.asyncIterator]();
    const one = (await take(queue, loop, 0, 1, 2)).value;
    await (await loop.next()).value?.ack();
    await queue.clock.advance(60);
    queue.waiting = 2;
    const next = loop.next();
    await secondPoll(queue);
    queue.give(1, 3);
    expect((await next).value?.sequence).toBe(3n);
    await expect(one?.ack()).rejects.toMatchObject({ code: "LEASE_LOST" });
    await loop.return?.();
    await queue.client.close();
  });

  test("with another consumer held messages stay held, and the next poll uses its own stream", async () => {
    const queue = new PlayedQueue();
    queue.waiting = 1;
    const loop = queue.client.queues.consume({ channel: "q", prefetch: 4 })[Symbol.asyncIterator]();
    await take(queue, loop, 0, 1);
    queue.waiting = 3;
    queue.subscribers = 2;
    void loop.next();
    await secondPoll(queue);
    expect(queue.requests).not.toContain("0:CloseByClient");
    expect(queue.polls[1]).toMatchObject({ call: 1, request: { MaxItems: 1 } });
    await loop.return?.();
    await queue.client.close();
  });

  test("a consumer pauses after a poll that receives nothing although messages wait beside other consumers", async () => {
    const queue = new PlayedQueue();
    queue.waiting = 2;
    queue.subscribers = 2;
    const loop = queue.client.queues.consume({ channel: "q" })[Symbol.asyncIterator]();
    const next = loop.next();
    await until("the poll", () => queue.polls.length === 1);
    for (let ms = 0; ms < 100; ms += 10) await passes(queue, 10);
    queue.give(0, 1);
    await (await next).value?.ack();
    for (let ms = 0; ms < 50; ms += 10) await passes(queue, 10);
    expect(queue.polls).toHaveLength(1);
    await until("the next poll", async () => {
      await passes(queue, 10);
      return queue.polls.length === 2;
    });
    await loop.return?.();
    await queue.client.close();
  });

  const pauseBeside = (others: number, random: number) => {
    const contention = new Contention({ clock: new FakeClock(), random: () => random });
    contention.met(others);
    return contention.leftMs;
  };

  test("the pause beside one other consumer depends on chance, and is at most 170 ms", () => {
    expect([0, 1].map((random) => pauseBeside(1, random))).toEqual([60, 170]);
  });

  test("the pause beside several other consumers depends on chance, and is longer", () => {
    expect([0, 1].map((random) => pauseBeside(2, random))).toEqual([200, 1_400]);
  });

  /** A consumer that receives single messages of these sequences, one every `everyMs`. */
  const receiving = (everyMs = 0) => {
    const clock = new FakeClock();
    const contention = new Contention({ clock, random: () => 0 });
    return async (...sequences: number[]) => {
      for (const sequence of sequences) {
        await clock.advance(everyMs);
        contention.took([wireMessage(sequence)], true);
      }
      return Math.max(0, contention.leftMs);
    };
  };

  test.each([
    ["a consumer pauses after three polls with gaps before them", [1, 3, 5, 7], 60],
    ["a consumer does not pause after polls in order", [1, 2, 3, 4, 5], 0],
    ["a consumer does not pause after a poll in order between gaps", [1, 3, 5, 6, 8, 10], 0],
    ["a consumer does not pause after large gaps, which expired messages leave", [1, 10, 20, 30, 40], 0],
    ["a consumer does not pause after returned messages, which come again", [9, 7, 5, 3, 1], 0],
  ] as const)("%s", async (_, sequences, pauseMs) => {
    expect(await receiving()(...sequences)).toBe(pauseMs);
  });

  test("after a pause for gaps, a consumer receives for 50 ms before gaps are a reason to pause again", async () => {
    const take = receiving(15);
    expect(await take(1, 3, 5, 7)).toBe(60);
    await take(50, 50, 50, 50); // 60 ms, in which another consumer takes messages
    expect(await take(52, 54, 56)).toBe(0); // 45 ms
    expect(await take(58, 60, 62)).toBe(60);
  });

  test("a consumer ignores gaps for 30 s after three pauses in which nobody took messages", async () => {
    const take = receiving(40);
    let sequence = 1;
    let pauses = 0;
    const receive = async (polls: number) => {
      for (let poll = 0; poll < polls; poll++) if ((await take((sequence += 2))) === 60) pauses++;
    };
    await receive(725); // 29 s
    expect(pauses).toBe(3);
    await receive(50); // 2 s
    expect(pauses).toBeGreaterThan(3);
  });

  test("a server without a count, or whose queue has no group without members, passes no messages on", () => {
    const backlog = new Backlog(1);
    const count = (subscribers: number) =>
      backlog.counted({ waiting: 9, subscribers }, { held: 0, transactions: 0 }, 0, 0);
    expect(backlog.isPassedOn).toBe(false);
    count(0); // no consumer has received a message yet
    expect(backlog.isPassedOn).toBe(true);
    backlog.polled(1, 1, 1);
    count(1);
    expect(backlog.isPassedOn).toBe(true);
    count(0);
    count(1);
    expect(backlog.isPassedOn).toBe(false);
  });

  test.each([
    ["a loop that needs no time for its messages pauses after gaps", 0, 19],
    ["a loop that needs time for its messages does not pause after gaps", 2, 20],
  ])("%s", async (_, workMs, polls) => {
    const queue = new PlayedQueue();
    queue.waiting = 100;
    const loop = queue.client.queues.consume({ channel: "q" })[Symbol.asyncIterator]();
    for (let poll = 0; poll < 19; poll++) {
      const { value } = await take(queue, loop, poll, 2 * poll + 1);
      await passes(queue, workMs);
      await value?.ack();
    }
    void loop.next();
    for (let ms = 0; ms < 50; ms += 10) await passes(queue, 10);
    expect(queue.polls).toHaveLength(polls);
    await until("the next poll", async () => {
      await passes(queue, 10);
      return queue.polls.length === 20;
    });
    await loop.return?.();
    await queue.client.close();
  });

  test("a poll for waiting messages that gets no answer is followed by a second one", async () => {
    const queue = new PlayedQueue();
    queue.waiting = 2;
    const loop = queue.client.queues.consume({ channel: "q" })[Symbol.asyncIterator]();
    const next = loop.next();
    await until("the poll", () => queue.polls.length === 1);
    for (let ms = 0; ms < 250; ms += 10) await passes(queue, 10);
    await until("another poll", () => queue.polls.length === 2);
    expect(queue.polls[1]?.call).toBe(1);
    queue.give(1, 1);
    expect((await next).value?.sequence).toBe(1n);
    queue.give(0, 2); // messages of the late poll are delivered
    expect((await loop.next()).value?.sequence).toBe(2n);
    await loop.return?.();
    await queue.client.close();
  });

  test("a poll that gets no answer is not followed by a second one while the server is slow with counts too", async () => {
    const queue = new PlayedQueue();
    queue.waiting = 2;
    const loop = queue.client.queues.consume({ channel: "q" })[Symbol.asyncIterator]();
    void loop.next();
    await until("the poll", () => queue.polls.length === 1);
    queue.holdsCounts = true;
    for (let ms = 0; ms < 250; ms += 10) await passes(queue, 10);
    await until("a count", () => queue.counts.length === 1);
    queue.holdsCounts = false;
    queue.counts[0]?.();
    for (let ms = 0; ms < 190; ms += 10) await passes(queue, 10);
    expect(queue.polls).toHaveLength(1);
    for (let ms = 0; ms < 60; ms += 10) await passes(queue, 10);
    await until("another poll", () => queue.polls.length === 2);
    await loop.return?.();
    await queue.client.close();
  });

  test("no poll begins before the transactions of other streams have ended", async () => {
    const queue = new PlayedQueue();
    queue.waiting = 3;
    const loop = queue.client.queues.consume({ channel: "q" })[Symbol.asyncIterator]();
    await (await take(queue, loop, 0, 1)).value?.ack();
    const next = loop.next();
    await until("the late poll", () => queue.polls.length === 2);
    for (let ms = 0; ms < 250; ms += 10) await passes(queue, 10);
    await until("another poll", () => queue.polls.length === 3);
    queue.holdsFences = true;
    queue.give(1, 2);
    void (await next).value?.ack();
    await until("its fence", () => queue.fences.length === 1);
    queue.give(2, 3);
    void (await loop.next()).value?.ack();
    await until("its fence", () => queue.fences.length === 2);
    queue.waiting = 9;
    queue.shown = wireMessage(4);
    void loop.next();
    for (let ms = 0; ms < 300; ms += 10) await passes(queue, 10);
    expect(queue.polls).toHaveLength(3);
    for (const answerFence of queue.fences) answerFence();
    await until("the next poll", () => queue.polls.length === 4);
    await loop.return?.();
    await queue.client.close();
  });

  test.each([
    ["is answered at last", [3, 4, 5]],
    ["is not answered within 1.2 seconds", [5]],
  ])("messages beyond those of a late poll wait until it %s", async (_, sequences) => {
    const queue = new PlayedQueue();
    queue.waiting = 4;
    const loop = queue.client.queues.consume({ channel: "q", prefetch: 2 })[Symbol.asyncIterator]();
    await (await take(queue, loop, 0, 1, 2)).value?.ack();
    await (await loop.next()).value?.ack();
    const next = loop.next();
    await until("the late poll", () => queue.polls.length === 2);
    for (let ms = 0; ms < 250; ms += 10) await passes(queue, 10);
    await until("another poll", () => queue.polls.length === 3);
    let came = false;
    void next.then(() => (came = true));
    queue.give(2, 5);
    for (let ms = 0; ms < 900; ms += 100) await passes(queue, 100);
    expect(came).toBe(false);
    if (sequences.length > 1) queue.give(1, 3, 4);
    else await passes(queue, 100);
    const taken = [(await next).value?.sequence];
    while (taken.length < sequences.length) taken.push((await loop.next()).value?.sequence);
    expect(taken).toEqual(sequences.map(BigInt));
    await loop.return?.();
    await queue.client.close();
  });
});

describe("a quick loop with a small prefetch", () => {
  const subject = { operation: "", channel: "q" };
  const taking = { subject, prefetch: 1, by: "message", least: 1, waitMs: 0, autoAck: false } as const;

  /** A loop that has settled `quick` messages, one poll each, while `waiting` more are counted. */
  async function loopAfter(quick: number, waiting: number) {
    const queue = new PlayedQueue();
    queue.waiting = quick + waiting;
    const loop = queue.client.queues.consume({ channel: "q" })[Symbol.asyncIterator]();
    for (let sequence = 1; sequence <= quick; sequence++) {
      const { value } = await take(queue, loop, sequence - 1, sequence);
      await value?.ack();
    }
    const next = loop.next();
    await until("the next poll", () => queue.polls.length === quick + 1);
    return { queue, loop, next };
  }

  test("a poll takes eight messages, which are delivered one at a time", async () => {
    const { queue, loop, next } = await loopAfter(8, 8);
    expect(queue.sizes()).toEqual([1, 1, 1, 1, 1, 1, 1, 1, 8]);
    queue.give(8, 9, 10, 11, 12, 13, 14, 15, 16);
    const nine = (await next).value;
    expect(nine?.sequence).toBe(9n);
    let came = false;
    const ten = loop.next().then(({ value }) => ((came = true), value));
    await settle();
    expect(came).toBe(false); // the prefetch is 1
    await nine?.ack();
    expect((await ten)?.sequence).toBe(10n);
    await loop.return?.();
    await queue.client.close();
  });

  test("settlements that are requested in one tick share a request, although the prefetch is 1", async () => {
    const queue = new PlayedQueue();
    queue.waiting = 16;
    let taken = 0;
    const subscription = queue.client.queues.consume({ channel: "q" });
    void (async () => {
      for await (const job of subscription) {
        taken += 1;
        void job.ack();
      }
    })();
    for (let poll = 0; poll < 8; poll++) {
      await until("a poll", () => queue.polls.length === poll + 1);
      queue.give(poll, poll + 1);
    }
    await until("the poll for eight", () => queue.polls.length === 9);
    const before = queue.requests.length;
    queue.waiting = 0;
    queue.give(8, 9, 10, 11, 12, 13, 14, 15, 16);
    await until("all came", () => taken === 16);
    await settle();
    expect(queue.requests.slice(before)).toEqual(["0:AckRange", "0:ActiveOffsets"]);
    await subscription.close();
    await queue.client.close();
  });

  test("a loop that settles its messages within a millisecond receives up to 32 of them by one poll", () => {
    const spares = new Spares(taking);
    for (let settled = 0; settled < 15; settled++) spares.settled(0);
    expect(spares.pollSize).toBe(8);
    spares.settled(0);
    expect(spares.pollSize).toBe(32);
    spares.settled(3);
    expect(spares.pollSize).toBe(8);
  });

  test.each([
    ["has settled fewer than eight messages", 7, 1],
    ["shares the queue with another consumer", 8, 2],
  ])("one message comes by a poll while the loop %s", async (_, quick, subscribers) => {
    const queue = new PlayedQueue();
    queue.waiting = 20;
    queue.subscribers = subscribers;
    const loop = queue.client.queues.consume({ channel: "q" })[Symbol.asyncIterator]();
    for (let poll = 0; poll < quick; poll++) await (await take(queue, loop, poll, poll + 1)).value?.ack();
    void loop.next();
    await until("the next poll", () => queue.polls.length === quick + 1);
    expect(queue.sizes()).toEqual(Array(quick + 1).fill(1));
    await loop.return?.();
    await queue.client.close();
  });

  test("messages are polled one at a time again after a large one", () => {
    const spares = new Spares(taking);
    for (let settled = 0; settled < 8; settled++) spares.settled(0);
    expect(spares.pollSize).toBe(8);
    spares.put({ messages: [wireMessage(1, "x".repeat(17 * 1_024))], held: [] });
    for (let settled = 0; settled < 100; settled++) spares.settled(0);
    expect(spares.pollSize).toBe(1);
  });

  test("messages that a busy loop does not request return to the queue after 100 ms, in their order", async () => {
    const { queue, loop, next } = await loopAfter(8, 8);
    queue.give(8, 9, 10, 11, 12, 13, 14, 15, 16);
    const nine = (await next).value;
    await passes(queue, 99);
    expect(queue.polls).toHaveLength(9);
    queue.waiting = 8;
    await until("the held one is taken again", async () => {
      await passes(queue, 1);
      return queue.polls.length === 10;
    });
    expect(queue.requests.slice(-2)).toEqual(["0:CloseByClient", "0:Get"]);
    expect(queue.sizes().at(-1)).toBe(1);
    queue.give(9, 9);
    await settle();
    await nine?.ack();
    const ten = loop.next();
    await until("a poll for the next", () => queue.polls.length === 11);
    queue.give(10, 10);
    expect((await ten).value?.sequence).toBe(10n);
    await loop.return?.();
    await queue.client.close();
  });
});

describe("leaving a consumer", () => {
  test.each(["answers", "does not answer within 100 ms"])(
    "a break ends the loop when its messages are back, or the server %s",
    async (how) => {
      const queue = new PlayedQueue();
      queue.waiting = 2;
      queue.holdsFences = true;
      const loop = queue.client.queues.consume({ channel: "q", prefetch: 2 })[Symbol.asyncIterator]();
      await take(queue, loop, 0, 1, 2);
      let ended = false;
      const end = loop.return?.().then(() => (ended = true));
      await until("the fence", () => queue.fences.length === 1);
      await passes(queue, 99);
      expect(queue.requests.slice(-2)).toEqual(["0:CloseByClient", "0:ActiveOffsets"]);
      expect(ended).toBe(false);
      if (how === "answers") queue.fences[0]?.();
      else await passes(queue, 1);
      await within(1_000, "the end", end ?? Promise.reject(new Error("no return")));
      await queue.client.close();
    },
  );

  test.each(["abort", "close"] as const)(
    "on-delivery, %s: messages of a pending receive are delivered before the loop ends",
    async (way) => {
      const queue = new PlayedQueue();
      queue.waiting = 2;
      const stop = new AbortController();
      const request = { channel: "q", prefetch: 2, settle: "on-delivery" } as const;
      const subscription = queue.client.queues.consume(request, { signal: stop.signal });
      const seen: bigint[] = [];
      const loop = (async () => {
        for await (const message of subscription) seen.push(message.sequence);
      })();
      await until("the receive", () => queue.takes.length === 1);
      const closing = way === "close" ? subscription.close() : undefined;
      if (way === "abort") stop.abort();
      await sleep(20);
      queue.takes[0]?.give(1, 2);
      await within(1_000, "the end", loop);
      await closing;
      expect(seen).toEqual([1n, 2n]);
      expect(queue.takes).toMatchObject([{ max: 2 }]);
      expect(queue.polls).toHaveLength(0);
      await queue.client.close();
    },
  );

  test("on-delivery: an abort while the queue is empty ends the loop at once", async () => {
    const queue = new PlayedQueue();
    const stop = new AbortController();
    const subscription = queue.client.queues.consume({ channel: "q", settle: "on-delivery" }, { signal: stop.signal });
    const next = subscription[Symbol.asyncIterator]().next();
    await until("a peek", () => queue.peeks.length > 0);
    stop.abort();
    expect(await within(500, "the end", next)).toEqual({ done: true, value: undefined });
    await queue.client.close();
  });

  test("on-delivery: no receive is pending while the body runs", async () => {
    const queue = new PlayedQueue();
    queue.waiting = 9;
    const request = { channel: "q", prefetch: 2, settle: "on-delivery" } as const;
    const loop = queue.client.queues.consume(request)[Symbol.asyncIterator]();
    const first = loop.next();
    await until("the receive", () => queue.takes.length === 1);
    queue.takes[0]?.give(1, 2);
    await first;
    await loop.next();
    await sleep(20);
    expect(queue.takes).toHaveLength(1);
    await loop.return?.();
    await queue.client.close();
  });
});

describe("a stalled queue", () => {
  test("a stalled queue is reported once by the status with advice", async () => {
    const queue = new PlayedQueue();
    const subscription = queue.client.queues.consume({ channel: "q" });
    await until("a peek", () => queue.peeks.length > 0);
    queue.waiting = 3;
    const stalled = () => queue.status.filter(({ type }) => type === "stalled");
    for (let checks = 0; checks < 5; checks++) {
      await queue.clock.advance(15_001);
      await sleep(10);
    }
    expect(stalled()).toEqual([
      { type: "stalled", channel: "q", waiting: 3, forMs: 30_000, advice: expect.stringMatching(/docs\/servers\.md/) },
    ]);
    await subscription.close();
    await queue.client.close();
  });
});

/** Answers the nth poll, for which the loop waits. */
async function take(
  queue: PlayedQueue,
  loop: AsyncIterator<Delivery, void, void>,
  poll: number,
  ...sequences: number[]
) {
  const next = loop.next();
  await until("the poll", () => queue.polls.length === poll + 1);
  queue.give(poll, ...sequences);
  return await next;
}

async function passes(queue: PlayedQueue, ms: number): Promise<void> {
  await queue.clock.advance(ms);
  await settle();
  await new Promise((resolve) => setImmediate(resolve));
}

/** Advances the clock until the working loop receives more messages. */
async function secondPoll(queue: PlayedQueue): Promise<void> {
  await until("the second poll", async () => {
    await queue.clock.advance(10);
    await settle();
    return queue.polls.length === 2;
  });
}
