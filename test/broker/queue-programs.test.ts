import { deepStrictEqual } from "node:assert/strict";
import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { ManualClock } from "../../src/broker/clock.js";
import type { Content, Message } from "../../src/broker/queues/model/message.js";
import type { Queue } from "../../src/broker/queues/model/queue.js";
import type { Seat } from "../../src/broker/queues/model/roster.js";
import { QueueStore } from "../../src/broker/queues/model/store.js";
import { Transaction } from "../../src/broker/queues/calls/transaction.js";
import { type Delivery, NaiveQueues, type Wishes } from "./naive-queues.js";

const names = ["a", "b", "dead"] as const;

type Step =
  | { do: "send"; queue: string; wishes: Wishes }
  | { do: "poll"; queue: string; most: number }
  | { do: "wait"; queue: string; most: number }
  | { do: "stopWaiting"; who: number }
  | { do: "settle"; who: number; how: "ack" | "nack" | "requeue"; which: number[]; to: string }
  | { do: "settleAll"; who: number; how: "ack" | "nack" | "requeue"; to: string }
  | { do: "cancel"; who: number }
  | { do: "advance"; ms: number }
  | { do: "delete"; queue: string }
  | { do: "crash" };

const queue = fc.constantFrom("a", "a", "a", "b", "dead");
/** The index of a client, counted back from the latest. */
const who = fc.constantFrom(0, 0, 0, 1, 1, 2, 3, 5);
const how = fc.constantFrom("ack" as const, "nack" as const, "requeue" as const);
const to = fc.constantFrom(...names, "a.*");

const wishes: fc.Arbitrary<Wishes> = fc.record({
  expirationSeconds: fc.constantFrom(0, 0, 1, 3),
  delaySeconds: fc.constantFrom(0, 0, 0, 1, 2),
  maxReceiveCount: fc.constantFrom(0, 1, 2, 3),
  maxReceiveQueue: fc.constantFrom("", "dead", "a"),
});

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 9, arbitrary: fc.record({ do: fc.constant("send" as const), queue, wishes }) },
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant("poll" as const), queue, most: fc.integer({ min: 1, max: 4 }) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant("wait" as const), queue, most: fc.integer({ min: 1, max: 4 }) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("stopWaiting" as const), who }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant("settle" as const),
      who,
      how,
      which: fc.array(fc.integer({ min: 1, max: 8 }), { minLength: 1, maxLength: 3 }),
      to,
    }),
  },
  { weight: 5, arbitrary: fc.record({ do: fc.constant("settleAll" as const), who, how, to }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("cancel" as const), who }) },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant("advance" as const), ms: fc.constantFrom(1, 500, 1000, 1001, 2500) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("delete" as const), queue }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("crash" as const) }) },
);

const contentOf = (messageId: string, { expirationSeconds, maxReceiveCount, maxReceiveQueue }: Wishes): Content => ({
  messageId,
  clientId: "c",
  metadata: "",
  body: new Uint8Array(1),
  tags: {},
  policy: { expirationSeconds, maxReceiveCount, maxReceiveQueue },
  partitioning: undefined,
  size: 1,
});

/** A consumer of the real queues: its place in the order of turns, then its messages. */
interface Client {
  readonly queue: Queue;
  readonly seat: Seat;
  readonly taken: Message[];
  transaction: Transaction;
}

class RealQueues {
  readonly clock = new ManualClock();
  readonly deliveries: Delivery[] = [];
  readonly store: QueueStore;
  readonly #clients = new Map<number, Client>();

  constructor(maxMessages: number, maxAgeMs: number) {
    this.store = new QueueStore(this.clock, { maxMessages, maxAgeMs });
  }

  join(number: number, name: string, most: number): void {
    const queue = this.store.queue(name);
    const taken: Message[] = [];
    const seat = queue.join({
      wants: () => taken.length < most,
      take: (message) => {
        taken.push(message);
        this.deliveries.push({
          consumer: number,
          id: message.content.messageId,
          queue: name,
          sequence: message.sequence,
          receiveCount: message.deliveries + 1,
          reroutedFrom: message.reroutedFrom,
          expiresAt: message.expiresAt,
        });
      },
      skip() {},
    });
    this.#clients.set(number, { queue, seat, taken, transaction: new Transaction(this.store, queue, []) });
  }

  /** Its messages become a transaction. */
  leave(number: number): void {
    const client = this.#clients.get(number);
    if (client === undefined) return;
    client.queue.leave(client.seat);
    client.transaction = new Transaction(this.store, client.queue, client.taken.splice(0));
  }

  settle(number: number, how: "ack" | "nack" | "requeue", which: readonly number[] | "all", to: string): string {
    const transaction = this.#clients.get(number)?.transaction;
    if (transaction === undefined) return "";
    const sequences = which === "all" ? transaction.offsets : which.map(BigInt);
    const failure = how === "requeue" ? transaction.requeue(sequences, to) : transaction[how](sequences);
    return failure ?? "";
  }

  release(numbers: readonly number[]): void {
    for (const number of numbers) this.#clients.get(number)?.transaction.release();
  }

  counts(name: string): ReturnType<NaiveQueues["counts"]> {
    const { waiting, held, expired, lastSequence: last } = this.store.queue(name).stats();
    return { waiting, held, expired, delayed: this.store.delayed(name), last };
  }
}

interface Limits {
  readonly maxMessages: number;
  readonly maxAgeMs: number;
}

function run(program: readonly Step[], { maxMessages, maxAgeMs }: Limits): void {
  const real = new RealQueues(maxMessages, maxAgeMs);
  const naive = new NaiveQueues(real.clock.now(), maxMessages, maxAgeMs);
  let clients = 0;
  let sent = 0;
  const waiting = new Set<number>();
  const stopWaiting = (number: number) => {
    waiting.delete(number);
    real.leave(number);
    naive.leave(number);
  };
  const latest = (back: number) => clients - 1 - back;
  for (const [at, step] of program.entries()) {
    switch (step.do) {
      case "send": {
        const id = `m${++sent}`;
        const { queue, wishes } = step;
        real.store.send(queue, contentOf(id, wishes), wishes.delaySeconds);
        naive.send(id, queue, wishes);
        break;
      }
      case "poll":
      case "wait": {
        const number = clients++;
        waiting.add(number);
        real.join(number, step.queue, step.most);
        naive.join(number, step.queue, step.most);
        if (step.do === "poll") stopWaiting(number);
        break;
      }
      case "stopWaiting":
        if (waiting.has(latest(step.who))) stopWaiting(latest(step.who));
        break;
      case "settle":
      case "settleAll": {
        const { how, to } = step;
        const who = latest(step.who);
        if (waiting.has(who)) break;
        const all = naive.heldBy(who);
        const expected = naive.settle(who, how, step.do === "settle" ? step.which : all, to);
        const failure = real.settle(who, how, step.do === "settle" ? step.which : "all", to);
        deepStrictEqual({ at, failure }, { at, failure: who < 0 ? "" : expected });
        break;
      }
      case "cancel":
        if (waiting.has(latest(step.who))) stopWaiting(latest(step.who));
        real.release([latest(step.who)]);
        naive.release([latest(step.who)]);
        break;
      case "advance":
        real.clock.advance(step.ms);
        naive.advance(step.ms);
        break;
      case "delete":
        real.store.delete(step.queue);
        naive.delete(step.queue);
        break;
      case "crash": {
        // All clients disconnect at once; the store stays.
        for (const number of waiting) stopWaiting(number);
        const everyone = Array.from({ length: clients }, (_, number) => number);
        real.release(everyone);
        naive.release(everyone);
        break;
      }
    }
    // Node's comparison: Jest's would take most of the test's time.
    deepStrictEqual(
      { at, deliveries: real.deliveries.splice(0), counts: names.map((name) => real.counts(name)) },
      { at, deliveries: naive.deliveries.splice(0), counts: names.map((name) => naive.counts(name)) },
    );
  }
}

const limits = fc.record({ maxMessages: fc.constantFrom(Infinity, 2), maxAgeMs: fc.constantFrom(Infinity, 2000) });

test("any program of queue operations gives the results of a plain model", () => {
  const programs = fc.array(step, { minLength: 20, maxLength: 80 });
  const outcome = fc.check(fc.property(programs, limits, run), { numRuns: 500 });
  expect(outcome.failed ? fc.defaultReportMessage(outcome) : "").toBe("");
});
