import { describe, expect, jest, test } from "@jest/globals";
import fc from "fast-check";
import { KubeMQError, type Status } from "kubemq-es";
import type { Clock } from "../../src/support/time/clock.js";
import type { HostedStream, StreamHost } from "../../src/connection/hosted-stream.js";
import type { Attempt, StreamPlan } from "../../src/stream/plan.js";
import { StreamEngine } from "../../src/stream/engine.js";
import type { Reader, Source } from "../../src/transport/index.js";
import { within } from "../support/until.js";

/** A server's side of one attempt, driven step by step. It ends only when it is told to. */
class FakeAttempt implements Source<number> {
  readonly #outcomes: ((reader: Reader<number>) => void)[] = [];
  #reader: Reader<number> | undefined;
  #isHeld = false;
  /** How many messages the reader was given, and how many times it has asked for more after it was full. */
  given = 0;
  resumed = 0;
  cancelled = false;
  onCancel = () => {};

  /** Each message by itself: no other follows one for which there was no room. */
  send(messages: readonly number[]): void {
    for (const message of messages) this.chunk([message]);
  }
  /** Messages that arrive together: when the reader is full, the rest follows nevertheless. */
  chunk(messages: readonly number[]): void {
    this.#push((reader) => {
      for (const message of messages) {
        if (this.cancelled) return;
        this.given += 1;
        if (!reader.message(message, 1)) this.#isHeld = true;
      }
    });
  }
  end(): void {
    this.#push((reader) => reader.end());
  }
  fail(error: unknown): void {
    this.#push((reader) => reader.end(error));
  }
  read(reader: Reader<number>): void {
    this.#reader = reader;
    this.#give();
  }
  resume(): void {
    this.resumed += 1;
    this.#isHeld = false;
    this.#give();
  }
  cancel(): void {
    if (this.cancelled) return;
    this.cancelled = true;
    this.onCancel();
  }
  #push(outcome: (reader: Reader<number>) => void): void {
    this.#outcomes.push(outcome);
    this.#give();
  }
  #give(): void {
    while (this.#reader !== undefined && !this.#isHeld && !this.cancelled) {
      const outcome = this.#outcomes.shift();
      if (outcome === undefined) return;
      outcome(this.#reader);
    }
  }
}

/** Timers that fire when told to. */
class FakeClock implements Clock {
  time = 0;
  readonly timers = new Map<() => void, number>();
  now(): number {
    return this.time;
  }
  setTimer(delayMs: number, run: () => void): () => void {
    this.timers.set(run, this.time + delayMs);
    return () => this.timers.delete(run);
  }
  fire(): void {
    for (const [run, at] of Array.from(this.timers)) {
      this.timers.delete(run);
      this.time = Math.max(this.time, at);
      run();
    }
  }
}

class World {
  readonly clock = new FakeClock();
  readonly attempts: FakeAttempt[] = [];
  readonly streams = new Set<HostedStream>();
  readonly status: Status[] = [];
  readonly released: number[] = [];
  readonly finished: number[] = [];
  readonly abandoned: number[] = [];
  readonly abort = new AbortController();
  readonly host: StreamHost = {
    clock: this.clock,
    reconnect: { initialDelayMs: 100, maxDelayMs: 1000, jitter: 0, maxAttempts: Infinity, firstAttempts: 4 },
    isOpen: true,
    random: () => 0.5,
    join: (stream) => void this.streams.add(stream),
    leave: (stream) => void this.streams.delete(stream),
    up: () => {},
    down: () => {},
    probe: () => new Promise(() => {}),
    report: (status) => void this.status.push(status),
  };
  start(
    plan: Partial<StreamPlan<number, number>> = {},
    options: { reconnect?: boolean } = {},
  ): StreamEngine<number, number> {
    return new StreamEngine<number, number>(
      {
        operation: "test.subscribe",
        channel: "c",
        kind: "events",
        capacity: 4,
        open: () => {
          const attempt = new FakeAttempt();
          this.attempts.push(attempt);
          return attempt;
        },
        map: (n) => n,
        onRelease: (n) => void this.released.push(n),
        onFinished: (n) => void this.finished.push(n),
        onAbandoned: (n) => void this.abandoned.push(n),
        ...plan,
      },
      this.host,
      { signal: this.abort.signal, ...options },
    );
  }
  get attempt(): FakeAttempt {
    const last = this.attempts.at(-1);
    if (last === undefined) throw new Error("no attempt was made");
    return last;
  }
}

const settle = () => new Promise((resolve) => setImmediate(resolve));
const lost = () => new KubeMQError("UNAVAILABLE", "lost");
const refused = () => new KubeMQError("REJECTED_BY_SERVER", "refused");

describe("the stream engine with random orders of events", () => {
  type Step =
    | { readonly do: "next" | "return" | "close" | "abort" | "end" | "lose" | "refuse" | "timer" | "settle" }
    | { readonly do: "send"; readonly count: number };
  const step: fc.Arbitrary<Step> = fc.oneof(
    { weight: 6, arbitrary: fc.constant<Step>({ do: "next" }) },
    { weight: 5, arbitrary: fc.record({ do: fc.constant("send" as const), count: fc.integer({ min: 0, max: 7 }) }) },
    { weight: 3, arbitrary: fc.constant<Step>({ do: "settle" }) },
    { weight: 2, arbitrary: fc.constantFrom<Step>({ do: "timer" }, { do: "end" }, { do: "lose" }) },
    {
      weight: 1,
      arbitrary: fc.constantFrom<Step>({ do: "return" }, { do: "close" }, { do: "abort" }, { do: "refuse" }),
    },
  );

  test("every promise settles, there is one terminal outcome, nothing follows the end, and the buffer is bounded", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), fc.boolean(), async (steps, reconnect) => {
        const world = new World();
        const stream = world.start({}, reconnect ? {} : { reconnect: false });
        const iterator = stream[Symbol.asyncIterator]();
        const outcomes: (number | "done" | "error")[] = [];
        const promises: Promise<unknown>[] = [];
        let sent = 0;
        let outcomesWhenLeft: number | undefined;
        // What was handed over before is seen first; from then on nothing may come, unless the stream had failed by itself before.
        const leave = async (how: () => void) => {
          await settle();
          if (world.streams.size > 0) outcomesWhenLeft = outcomes.length;
          how();
        };
        for (const { do: action, ...rest } of steps) {
          if (action === "next") {
            promises.push(
              iterator.next().then(
                (result) => outcomes.push(result.done === true ? "done" : result.value),
                () => outcomes.push("error"),
              ),
            );
          } else if (action === "send") {
            const count = "count" in rest ? rest.count : 0;
            world.attempt.send(Array.from({ length: count }, () => ++sent));
          } else if (action === "return") {
            await leave(() => promises.push(iterator.return?.() ?? Promise.resolve()));
          } else if (action === "close") {
            await leave(() => promises.push(stream.close()));
          } else if (action === "abort") {
            await leave(() => world.abort.abort());
          } else if (action === "end") world.attempt.end();
          else if (action === "lose") world.attempt.fail(lost());
          else if (action === "refuse") world.attempt.fail(refused());
          else if (action === "timer") world.clock.fire();
          else await settle();
        }
        await settle();
        // What is left over is stopped; then everything must settle.
        const delivered = outcomes.filter((o) => typeof o === "number");
        world.abort.abort();
        await Promise.all(promises);
        await stream.closed;
        // A stream that had failed may still give what it had buffered, and its error; then it is done.
        for (let rest = 0; ; rest++) {
          const result = await iterator.next().catch(() => undefined);
          if (result?.done === true) break;
          expect(rest).toBeLessThanOrEqual(5);
        }
        // In order, none twice, none invented.
        expect(delivered).toEqual([...delivered].sort((a, b) => a - b));
        expect(new Set(delivered).size).toBe(delivered.length);
        // One terminal outcome: after done or an error only done.
        const end = outcomes.findIndex((o) => typeof o !== "number");
        if (end >= 0) expect(outcomes.slice(end + 1).every((o) => o === "done")).toBe(true);
        expect(outcomes.filter((o) => o === "error").length).toBeLessThanOrEqual(1);
        if (outcomesWhenLeft !== undefined) {
          expect(outcomes.slice(outcomesWhenLeft).filter((o) => typeof o === "number")).toEqual([]);
        }
        // Bounded: a source is held back at the capacity, and at twice that while the loop is about to run.
        expect(world.released.length).toBeLessThanOrEqual(8);
        // Nothing stays behind.
        expect(world.streams.size).toBe(0);
        expect(world.clock.timers.size).toBe(0);
        for (const attempt of world.attempts) expect(attempt.cancelled).toBe(true);
      }),
      { numRuns: 400 },
    );
  });
});

describe("the stream engine", () => {
  test("messages that arrive while the loop body runs are delivered", async () => {
    const world = new World();
    const seen: number[] = [];
    const stream = world.start();
    world.attempt.send([1]);
    for await (const n of stream) {
      seen.push(n);
      if (n === 1) {
        world.attempt.send([2, 3]);
        world.attempt.send([4]);
        await settle();
      }
      if (n === 4) break;
    }
    expect(seen).toEqual([1, 2, 3, 4]);
    expect(world.finished).toEqual([1, 2, 3]);
    expect(world.abandoned).toEqual([4]);
    expect(world.attempt.cancelled).toBe(true);
  });

  test("the engine reads at most its capacity ahead of the loop", async () => {
    const world = new World();
    const stream = world.start();
    for (let n = 0; n < 20; n += 2) world.attempt.send([n, n + 1]);
    await settle();
    expect(world.attempt.given).toBe(4);
    await stream.close();
    expect(world.released).toEqual([0, 1, 2, 3]);
  });

  test("the engine continues reading when the loop has made room, and delivers everything in order", async () => {
    const world = new World();
    const iterator = world.start()[Symbol.asyncIterator]();
    for (let n = 0; n < 20; n += 2) world.attempt.send([n, n + 1]);
    for (let n = 0; n < 20; n++) {
      await settle();
      expect(await within(1_000, `number ${n}`, iterator.next())).toEqual({ done: false, value: n });
    }
    expect(world.attempt.given).toBe(20);
    expect(world.attempt.resumed).toBeGreaterThanOrEqual(5);
  });

  test("a message that waited for room keeps its time of receipt", async () => {
    const times: number[] = [];
    const world = new World();
    const map = (n: number, receivedMs: number) => {
      times.push(receivedMs);
      return n;
    };
    const iterator = world.start({ map })[Symbol.asyncIterator]();
    const now = jest.spyOn(Date, "now").mockReturnValue(1_000);
    try {
      world.attempt.chunk([0, 1, 2, 3, 4, 5]);
      await settle();
      now.mockReturnValue(2_000);
      for (let n = 0; n < 6; n++) await iterator.next();
      world.attempt.send([6]);
      await iterator.next();
    } finally {
      now.mockRestore();
    }
    expect(times).toEqual([1_000, 1_000, 1_000, 1_000, 1_000, 1_000, 2_000]);
  });

  test("a terminal error is thrown once, after the messages buffered before it", async () => {
    const world = new World();
    const stream = world.start();
    world.attempt.send([1, 2]);
    world.attempt.fail(refused());
    await settle();
    const iterator = stream[Symbol.asyncIterator]();
    expect(await iterator.next()).toEqual({ done: false, value: 1 });
    expect(await iterator.next()).toEqual({ done: false, value: 2 });
    await expect(iterator.next()).rejects.toMatchObject({ code: "REJECTED_BY_SERVER" });
    expect(await iterator.next()).toEqual({ done: true, value: undefined });
    expect((await stream.closed)?.code).toBe("REJECTED_BY_SERVER");
  });

  test("the engine reconnects after a lost connection and a clean end, with a longer delay each time", async () => {
    const world = new World();
    const stream = world.start();
    for (const delayMs of [100, 200, 400, 800, 1000, 1000]) {
      if (delayMs === 200) world.attempt.end();
      else world.attempt.fail(lost());
      await settle();
      expect(world.status.at(-1)).toMatchObject({ type: "retry", delayMs });
      world.clock.fire();
      await settle();
    }
    world.attempt.send([7]);
    await settle();
    expect(world.status.at(-1)).toMatchObject({ type: "resumed", channel: "c" });
    world.attempt.fail(lost()); // it had worked: the delay starts anew
    await settle();
    expect(world.status.at(-1)).toMatchObject({ type: "retry", attempt: 1, delayMs: 100 });
    await stream.close();
  });

  test("a server that only repeats a message does not reset the back-off delay, and an item does", async () => {
    const world = new World();
    const stream = world.start({ map: (n) => (n === 0 ? undefined : n) });
    for (const [messages, delayMs] of [
      [[0], 100],
      [[0], 200],
      [[0, 7], 100],
      [[0], 200],
    ] as const) {
      await settle();
      world.attempt.send([...messages]);
      await settle();
      world.attempt.fail(lost());
      await settle();
      expect(world.status.at(-1)).toMatchObject({ type: "retry", delayMs });
      world.clock.fire();
    }
    await stream.close();
  });

  test("10 healthy seconds reset the back-off delay, and less does not", async () => {
    const world = new World();
    world.host.probe = async () => {}; // answered at once: each attempt is up, though it receives nothing
    const stream = world.start();
    for (const [healthyMs, delayMs] of [
      [0, 100],
      [9_999, 200],
      [10_000, 100],
      [9_999, 200],
    ] as const) {
      await settle();
      world.clock.time += healthyMs;
      world.attempt.fail(lost());
      await settle();
      expect(world.status.at(-1)).toMatchObject({ type: "retry", delayMs });
      world.clock.fire();
    }
    await stream.close();
  });

  test("the loop reads buffered messages during the back-off delay, and stale ones are dropped", async () => {
    const world = new World();
    const iterator = world.start({ isStale: (n) => n === 2 })[Symbol.asyncIterator]();
    world.attempt.send([1, 2, 3]);
    await settle();
    world.attempt.end();
    await settle();
    expect(await iterator.next()).toEqual({ done: false, value: 1 });
    expect(await iterator.next()).toEqual({ done: false, value: 3 });
    const waiting = iterator.next();
    await settle();
    expect(world.attempts.length).toBe(1);
    world.clock.fire();
    await settle();
    expect(world.attempts.length).toBe(2);
    world.attempt.send([4]);
    expect(await waiting).toEqual({ done: false, value: 4 });
  });

  test("a stream that fails while nobody awaits its ready does not end the process", async () => {
    const unhandled: unknown[] = [];
    const onUnhandled = (reason: unknown) => unhandled.push(reason);
    process.on("unhandledRejection", onUnhandled);
    try {
      const world = new World();
      const stream = world.start();
      world.attempt.fail(refused());
      await stream.closed;
      await settle();
      await settle();
      expect(unhandled).toEqual([]);
    } finally {
      process.off("unhandledRejection", onUnhandled);
    }
  });

  test("a stream can be iterated only once", async () => {
    const world = new World();
    const stream = world.start();
    stream[Symbol.asyncIterator]();
    expect(() => stream[Symbol.asyncIterator]()).toThrow(expect.objectContaining({ code: "STREAM_CONSUMED" }));
    await stream.close();
  });

  test("a stream with an aborted signal makes no attempt and no iteration", async () => {
    const world = new World();
    world.abort.abort();
    const seen: number[] = [];
    for await (const n of world.start()) seen.push(n);
    expect(seen).toEqual([]);
    expect(world.attempts).toEqual([]);
  });

  test("an attempt stays open until the plan has cleaned up", async () => {
    const world = new World();
    let cleaned = () => {};
    const stream = world.start({ onLeave: () => new Promise((resolve) => (cleaned = resolve)) });
    const closing = stream.close();
    await settle();
    expect(world.attempt.cancelled).toBe(false);
    cleaned();
    await closing;
    expect(world.attempt.cancelled).toBe(true);
  });
});

describe("attempts ended by their plan", () => {
  /** A plan that acts on certain items. */
  function acting(world: World, act: (n: number, attempt: Attempt) => number | undefined) {
    let current: Attempt | undefined;
    const demands: number[] = [];
    const stream = world.start({
      open: (attempt) => {
        current = attempt;
        const fake = new FakeAttempt();
        world.attempts.push(fake);
        return fake;
      },
      map: (n) => (current === undefined ? n : act(n, current)),
      onDemand: (heldBackMs) => void demands.push(heldBackMs),
    });
    return { stream, demands, current: () => current };
  }

  test("renewing an attempt opens the next one at once, discards unread messages and reports nothing", async () => {
    const world = new World();
    const { stream } = acting(world, (n, attempt) => {
      if (n === 3) attempt.renew();
      return n === 3 ? undefined : n;
    });
    world.attempt.send([1, 2, 3, 4]);
    await settle();
    expect(world.attempts.map(({ cancelled }) => cancelled)).toEqual([true, false]);
    world.attempt.send([5]);
    const seen: number[] = [];
    for await (const n of stream) if (seen.push(n) === 3) break;
    expect(seen).toEqual([1, 2, 5]);
    expect(world.status).toEqual([]);
  });

  test("an attempt can be renewed from outside, even if it never ends by itself", async () => {
    const world = new World();
    const { stream, current } = acting(world, (n) => n);
    world.attempt.send([1]);
    await settle();
    const [first] = world.attempts;
    if (first !== undefined) first.onCancel = () => first.fail(lost()); // a call that is cancelled ends, too
    current()?.renew();
    await settle();
    expect(world.attempts).toHaveLength(2);
    expect(world.status).toEqual([]);
    await stream.close();
  });

  test("finishing an attempt delivers the accepted messages and ends the loop", async () => {
    const world = new World();
    const { stream } = acting(world, (n, attempt) => {
      if (n === 3) attempt.finish();
      return n;
    });
    world.attempt.send([1, 2, 3, 4]);
    await settle();
    expect(await stream.closed).toBeUndefined();
    await stream.ready;
    const seen: number[] = [];
    for await (const n of stream) seen.push(n);
    expect(seen).toEqual([1, 2, 3]);
    expect(world.attempts.map(({ cancelled }) => cancelled)).toEqual([true]);
    expect(world.streams.size).toBe(0);
  });

  test("finishing an attempt ends a waiting loop", async () => {
    const world = new World();
    const { stream } = acting(world, (_, attempt) => {
      attempt.finish();
      return undefined;
    });
    const next = stream[Symbol.asyncIterator]().next();
    world.attempt.send([1]);
    expect(await next).toEqual({ done: true, value: undefined });
  });

  test("an abort after finishing discards the buffer", async () => {
    const world = new World();
    const { stream } = acting(world, (n, attempt) => {
      if (n === 3) attempt.finish();
      return n;
    });
    world.attempt.send([1, 2, 3]);
    await settle();
    world.abort.abort();
    expect(await stream[Symbol.asyncIterator]().next()).toEqual({ done: true, value: undefined });
    expect(world.released).toEqual([1, 2, 3]);
  });

  test("the plan learns that the loop waits, and how long flow control held back the server", async () => {
    const world = new World();
    const { stream, demands } = acting(world, (n) => n);
    const iterator = stream[Symbol.asyncIterator]();
    const waiting = iterator.next();
    expect(demands).toEqual([0]);
    world.attempt.chunk([1, 2, 3, 4, 5, 6, 7, 8, 9]); // one goes to the loop, eight are twice the capacity
    await waiting;
    await settle();
    world.clock.time += 1_500;
    for (let n = 2; n <= 9; n++) {
      expect(await iterator.next()).toEqual({ done: false, value: n });
      await settle();
    }
    const last = iterator.next();
    expect(demands).toEqual([0, 1_500]);
    await stream.close();
    await last;
  });
});
