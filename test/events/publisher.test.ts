import { create } from "@bufbuild/protobuf";
import { overConnect } from "../support/connect-streams.js";
import { Code, ConnectError, createRouterTransport } from "@connectrpc/connect";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { KubeMQClient, type KubeMQError } from "kubemq-es";
import { ResultSchema, kubemq, type Event, type Result } from "kubemq-es/gen";
import { FakeClock, settle, turns } from "../support/fake-clock.js";
import { rejection, until, within } from "../support/until.js";

const refusal = (event: Event, text: string): Result => create(ResultSchema, { EventID: event.EventID, Error: text });
const taken = (event: Event): Result => create(ResultSchema, { EventID: event.EventID, Sent: true });
const NOT_AVAILABLE = "Error 302: connection not available, please retry";

/** A server that answers a stream of events as scripted. */
function clientOf(
  answer: (events: AsyncIterable<Event>) => AsyncIterable<Result>,
  timeoutMs = 10_000,
  clock?: FakeClock,
): KubeMQClient {
  const one = async (event: Event): Promise<Result> => {
    for await (const result of answer(only(event))) return result;
    return taken(event);
  };
  const transport = createRouterTransport(
    ({ service }) => void service(kubemq, { sendEventsStream: answer, sendEvent: one }),
  );
  return new KubeMQClient(
    { timeoutMs, keepalive: false },
    { transport: overConnect(transport), ...(clock === undefined ? {} : { clock }) },
  );
}

async function* only(event: Event): AsyncIterable<Event> {
  yield await Promise.resolve(event);
}

/** Answers plain events as servers do: only refused ones. */
async function* refusing(events: AsyncIterable<Event>): AsyncIterable<Result> {
  for await (const event of events) if (event.Metadata === "refuse") yield refusal(event, NOT_AVAILABLE);
}

describe("plain events, whose success the server does not confirm", () => {
  test("a refused event rejects its own promise, and the others resolve", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.boolean(), { minLength: 1, maxLength: 60 }), async (refused) => {
        await using client = clientOf(refusing);
        await using publisher = client.events.publisher();
        const outcomes = await Promise.allSettled(
          refused.map((refuse) => publisher.publish({ channel: "c", body: "", metadata: refuse ? "refuse" : "take" })),
        );
        expect(outcomes.map(({ status }) => status === "rejected")).toEqual(refused);
        const reasons = outcomes.flatMap((outcome) =>
          outcome.status === "rejected" ? [outcome.reason as unknown] : [],
        );
        for (const reason of reasons)
          expect(reason).toMatchObject({ code: "UNAVAILABLE", serverCode: 302, channel: "c" });
      }),
      { numRuns: 30 },
    );
  });

  test("all events of a tick share a stream, whose end confirms them", async () => {
    let streams = 0;
    let received = 0;
    let end = () => {};
    await using client = clientOf(async function* (events) {
      streams += 1;
      for await (const event of events) {
        received += 1;
        if (event.Metadata === "never") yield taken(event);
      }
      await new Promise<void>((resolve) => (end = resolve));
    });
    await using publisher = client.events.publisher();
    let published = 0;
    const all = Promise.all(
      Array.from({ length: 500 }, () => publisher.publish({ channel: "c", body: "x" }).then(() => (published += 1))),
    );
    await until("the server has all of them", () => received === 500);
    await settle();
    expect(published).toBe(0);
    end();
    await all;
    expect(streams).toBe(1);
  });

  test("events of later ticks wait for the end of the previous stream, which keeps their order", async () => {
    const seen: string[] = [];
    await using client = clientOf(async function* (events) {
      for await (const event of events) {
        if (event.Metadata === "never") yield taken(event);
        // The first stream is slow; a server processes streams independently of each other.
        if (seen.length < 3) await turns(5);
        seen.push(event.Metadata);
      }
    });
    await using publisher = client.events.publisher();
    const published: Promise<void>[] = [];
    for (let tick = 0; tick < 10; tick++) {
      for (let n = 0; n < 3; n++)
        published.push(publisher.publish({ channel: "c", body: "", metadata: `${tick}.${n}` }));
      await Promise.resolve();
    }
    await Promise.all(published);
    expect(seen).toEqual(Array.from({ length: 30 }, (_, n) => `${Math.floor(n / 3)}.${n % 3}`));
  });

  test("a stream that does not end in time rejects its own events and not later ones", async () => {
    let streams = 0;
    const clock = new FakeClock();
    const transport = createRouterTransport(
      ({ service }) =>
        void service(kubemq, {
          async *sendEventsStream(events) {
            const isFirst = ++streams === 1;
            for await (const event of events) if (event.Metadata === "never") yield taken(event);
            if (isFirst) await new Promise(() => {});
          },
        }),
    );
    await using client = new KubeMQClient(
      { timeoutMs: 1_000, keepalive: false },
      { transport: overConnect(transport), clock },
    );
    const publisher = client.events.publisher();
    const pair = (body: string) => [1, 2].map(() => publisher.publish({ channel: "c", body }));
    const before = Promise.all(pair("x").map((published) => rejection(published)));
    await until("the stream", () => streams === 1);
    await clock.advance(500);
    const behind = Promise.all(pair("y"));
    await clock.advance(500);
    const late = await within(1_000, "the time-out", before);
    expect(late.map((error) => (error as KubeMQError).code)).toEqual(["TIMEOUT", "TIMEOUT"]);
    await within(1_000, "what was published behind", behind);
    expect(streams).toBe(2);
    const closed = publisher.close();
    await clock.advance(1_000);
    await closed;
  });

  test("a single event in a tick is sent as a call, with the same outcomes as on a stream", async () => {
    let streams = 0;
    await using client = clientOf(async function* (events) {
      streams += 1;
      yield* refusing(events);
    });
    await using publisher = client.events.publisher();
    await publisher.publish({ channel: "c", body: "x" });
    expect(await rejection(publisher.publish({ channel: "c", body: "x", metadata: "refuse" }))).toMatchObject({
      code: "UNAVAILABLE",
      serverCode: 302,
      channel: "c",
    });
    await publisher.publish({ channel: "c", body: "x" });
    expect(streams).toBe(3); // the played call is a stream of one event
  });

  describe("published by publishAll", () => {
    /** A source of events, two at a time: `more` makes it yield, `end` ends it. */
    function source() {
      const yielded: { channel: string; body: string }[] = [];
      const seen = { isOver: false, wake: () => {} };
      return {
        more: () => {
          for (let n = 0; n < 2; n++) yielded.push({ channel: "c", body: "x" });
          seen.wake();
        },
        end: () => {
          seen.isOver = true;
          seen.wake();
        },
        async *[Symbol.asyncIterator]() {
          for (;;) {
            for (let next = yielded.shift(); next !== undefined; next = yielded.shift()) yield next;
            if (seen.isOver) return;
            await new Promise<void>((resolve) => (seen.wake = resolve));
          }
        },
      };
    }

    /** A server that counts streams. It answers the first event, which is sent by a call, late. */
    function counting() {
      const seen = { received: 0, opened: 0, ended: 0, answerCall: () => {} };
      const clock = new FakeClock();
      const client = clientOf(
        async function* (events) {
          const isCall = ++seen.opened === 1;
          for await (const event of events) {
            seen.received += 1;
            if (event.Metadata === "never") yield taken(event);
          }
          if (isCall) await new Promise<void>((resolve) => (seen.answerCall = resolve));
          seen.ended += 1;
        },
        10_000,
        clock,
      );
      return { seen, client, clock };
    }

    /** Publishes ten events: one by a call, and nine on a stream that stays open. */
    async function tenEvents() {
      const { seen, client, clock } = counting();
      const publisher = client.events.publisher();
      const events = source();
      const published = publisher.publishAll(events);
      events.more();
      await until("the call", () => seen.received === 1);
      for (let n = 0; n < 2; n++) {
        events.more();
        await settle();
      }
      seen.answerCall();
      for (let received = 6; received <= 10; received += 2) {
        await until("the events", () => seen.received === received);
        await settle();
        if (received < 10) events.more();
      }
      expect(seen).toMatchObject({ opened: 2, ended: 1 });
      return { seen, client, clock, publisher, events, published };
    }

    test("share a stream while their source yields, and the end of the source ends it", async () => {
      const { seen, client, events, published } = await tenEvents();
      events.end();
      expect(await published).toBe(10);
      expect(seen).toMatchObject({ opened: 2, ended: 2 });
      await client.close();
    });

    test("are confirmed within 100 ms when their source stalls", async () => {
      const { seen, client, clock, events, published } = await tenEvents();
      await clock.advance(99);
      await settle();
      expect(seen.ended).toBe(1);
      await clock.advance(1);
      await until("the end of the stream", () => seen.ended === 2);
      events.end();
      expect(await published).toBe(10);
      await client.close();
    });

    test.each(["publish()", "flush()"])("are confirmed without delay together with %s", async (method) => {
      const { seen, client, publisher, events, published } = await tenEvents();
      await (method === "flush()" ? publisher.flush() : publisher.publish({ channel: "c", body: "x" }));
      expect(seen).toMatchObject({ opened: 2, ended: 2 });
      events.end();
      expect(await published).toBe(10);
      await client.close();
    });
  });

  test("an event with the id of an unanswered event is refused", async () => {
    await using client = clientOf(refusing);
    await using publisher = client.events.publisher();
    const first = publisher.publish({ id: "same", channel: "c", body: "x" });
    await expect(publisher.publish({ id: "same", channel: "c", body: "y" })).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
    });
    await first;
    await publisher.publish({ id: "same", channel: "c", body: "z" });
  });

  test("a stream that the server ends early rejects its events, and the next events open a new stream", async () => {
    let streams = 0;
    await using client = clientOf(async function* (events) {
      const first = ++streams === 1;
      for await (const event of events) {
        if (first) throw new ConnectError("shutting down", Code.Unavailable);
        if (event.Metadata === "never") yield taken(event);
      }
    });
    await using publisher = client.events.publisher();
    const pair = () => [1, 2].map(() => publisher.publish({ channel: "c", body: "x" }));
    for (const lost of pair()) {
      await expect(lost).rejects.toMatchObject({ code: "UNAVAILABLE", retryable: true, channel: "c" });
    }
    await Promise.all(pair());
    expect(streams).toBe(2);
  });
});

describe("stored events, which the server confirms one by one", () => {
  test("answers that are reordered, duplicated or missing settle their own events", async () => {
    await using client = clientOf(async function* (events) {
      const held: Event[] = [];
      for await (const event of events) {
        held.push(event);
        if (held.length < 6) continue;
        for (const n of [3, 1, 1, 0, 5, 3, 2]) {
          const answered = held[n];
          if (answered !== undefined)
            yield n === 2 ? refusal(answered, "Error 409: server is in shutdown mode") : taken(answered);
        }
        yield create(ResultSchema, { EventID: "nobody knows this", Sent: true });
      }
    }, 300);
    const publisher = client.eventsStore.publisher();
    const outcomes = await Promise.allSettled(
      ["0", "1", "2", "3", "4", "5"].map((id) => publisher.publish({ id, channel: "c", body: "x" })),
    );
    const told = outcomes.map((o) => (o.status === "fulfilled" ? o.value.id : (o.reason as { code: string }).code));
    expect(told).toEqual(["0", "1", "UNAVAILABLE", "3", "TIMEOUT", "5"]);
  });

  test("an event with the id of an unanswered event is refused, also if it waited for room", async () => {
    await using client = clientOf(async function* (events) {
      for await (const event of events) yield taken(event);
    });
    await using publisher = client.eventsStore.publisher();
    const ids = [...Array.from({ length: 1_022 }, (_, n) => String(n)), "same", "same"];
    const outcomes = await Promise.allSettled(ids.map((id) => publisher.publish({ id, channel: "c", body: "x" })));
    expect(outcomes.map(({ status }) => status)).toEqual([...Array(1_023).fill("fulfilled"), "rejected"]);
    expect(outcomes.at(-1)).toMatchObject({ reason: { code: "INVALID_ARGUMENT" } });
    await publisher.publish({ id: "same", channel: "c", body: "x" });
  });

  test("publishAll keeps at most 1,024 events unanswered and stops at the first failure", async () => {
    let most = 0;
    let arrived = 0;
    await using client = clientOf(async function* (events) {
      for await (const event of events) {
        arrived += 1;
        yield event.Metadata === "bad"
          ? refusal(event, "Error 302: connection not available, please retry")
          : taken(event);
      }
    });
    let offered = 0;
    function* messages() {
      for (let n = 0; n < 50_000; n++) {
        offered += 1;
        most = Math.max(most, offered - arrived);
        yield { channel: "c", body: "", metadata: n === 5_000 ? "bad" : "good" };
      }
    }
    await using publisher = client.eventsStore.publisher();
    await expect(publisher.publishAll(messages())).rejects.toMatchObject({ code: "UNAVAILABLE", serverCode: 302 });
    expect(most).toBeLessThanOrEqual(1_024);
    expect(offered).toBeLessThanOrEqual(5_001 + 1_024);
  });

  test("at most 1,024 events are unanswered, however many are published at once, and their order is kept", async () => {
    const order: string[] = [];
    let most = 0;
    await using client = clientOf(async function* (events) {
      const source = events[Symbol.asyncIterator]();
      let held: Event[] = [];
      for (let next = source.next(); ;) {
        const quiet = turns(30);
        const got = await Promise.race([next, quiet]);
        if (got === undefined) {
          most = Math.max(most, held.length);
          for (const event of held) yield taken(event);
          held = [];
        } else if (got.done === true) return;
        else {
          order.push(got.value.Metadata);
          held.push(got.value);
          next = source.next();
        }
      }
    });
    await using publisher = client.eventsStore.publisher();
    const all = Array.from({ length: 3_000 }, (_, n) => String(n));
    await Promise.all(all.map((metadata) => publisher.publish({ channel: "c", body: "", metadata })));
    expect(most).toBe(1_024);
    expect(order).toEqual(all);
  });

  test("publishing without awaiting is refused when 100,000 events are queued", async () => {
    const client = clientOf(async function* (events) {
      for await (const event of events) if (event.Metadata === "never") yield taken(event);
    }, 600_000);
    const publisher = client.eventsStore.publisher();
    const codes: string[] = [];
    for (let n = 0; n < 102_000; n++) {
      publisher.publish({ channel: "c", body: "x" }).catch((error: { code: string }) => codes.push(error.code));
    }
    await new Promise((resolve) => setImmediate(resolve));
    expect(codes).toEqual(Array(102_000 - 100_000 - 1_024).fill("RESOURCE_EXHAUSTED"));
    await client.close({ timeoutMs: 50 });
    expect(codes.length).toBe(102_000); // the rest is rejected, not forgotten
  });
});

test("closing the client releases a call whose connection never reports its end", async () => {
  // node:http2 can lose track of the streams of a destroyed session.
  let answer = () => {};
  const hanging = new Promise<Record<string, never>>((resolve) => (answer = () => resolve({})));
  const transport = createRouterTransport(
    ({ service }) => void service(kubemq, { receiveQueueMessages: () => hanging }),
  );
  const client = new KubeMQClient({ keepalive: false }, { transport: overConnect(transport) });
  const receiving = client.queues.receive({ channel: "c" }).catch((error: unknown) => error);
  await client.close({ timeoutMs: 20 });
  expect(await receiving).toMatchObject({ code: "CLIENT_CLOSED", operation: "queues.receive", channel: "c" });
  answer(); // Until then the transport's deadline keeps the process running.
});

describe("publishAll of a stalled source", () => {
  /** Yields some events, then nothing, and tells whether it was released. */
  function standingStill(count: number) {
    const seen = { released: false };
    let left = count;
    const source: AsyncIterable<{ channel: string; body: string }> = {
      [Symbol.asyncIterator]: () => ({
        next: () =>
          left-- > 0
            ? Promise.resolve({ done: false, value: { channel: "c", body: "x" } })
            : new Promise<never>(() => {}),
        return: () => {
          seen.released = true;
          return new Promise<never>(() => {}); // as a generator does that is suspended in an await
        },
      }),
    };
    return { seen, source };
  }

  const taking = async function* (events: AsyncIterable<Event>) {
    for await (const event of events) if (event.Store) yield taken(event);
  };

  test.each([0, 3, 5_000])(
    "publishAll of a stalled source rejects with the reason of its signal, after %d events",
    async (count) => {
      await using client = clientOf(taking);
      const publisher = client.eventsStore.publisher();
      const { seen, source } = standingStill(count);
      const stop = new AbortController();
      const publishing = rejection(publisher.publishAll(source, { signal: stop.signal }));
      await settle();
      const reason = new Error("enough");
      stop.abort(reason);
      expect(await within(1_000, "the end", publishing)).toBe(reason);
      expect(seen.released).toBe(true);
      await publisher.publish({ channel: "c", body: "the publisher goes on" });
    },
  );

  test.each(["publisher", "client"])("publishAll of a stalled source ends when the %s closes", async (what) => {
    await using client = clientOf(taking);
    const publisher = client.events.publisher();
    const { seen, source } = standingStill(2);
    const publishing = rejection(publisher.publishAll(source));
    await settle();
    await within(1_000, "the close", what === "publisher" ? publisher.close() : client.close());
    expect(await within(1_000, "the end", publishing)).toMatchObject({ code: "CLIENT_CLOSED" });
    expect(seen.released).toBe(true);
  });

  test("publishAll of a stalled source ends when the signal of the publisher aborts", async () => {
    await using client = clientOf(taking);
    const stop = new AbortController();
    const publisher = client.eventsStore.publisher({ signal: stop.signal });
    const { seen, source } = standingStill(2);
    const publishing = rejection(publisher.publishAll(source));
    await settle();
    const reason = new Error("enough");
    stop.abort(reason);
    expect(await within(1_000, "the end", publishing)).toBe(reason);
    expect(seen.released).toBe(true);
  });
});
