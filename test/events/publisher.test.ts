import { create } from "@bufbuild/protobuf";
import { createRouterTransport } from "@connectrpc/connect";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { KubeMQClient } from "kubemq-es";
import { ResultSchema, kubemq, type Event, type Result } from "kubemq-es/gen";
import { FakeClock } from "../support/fake-clock.js";
import { rejection, until, within } from "../support/until.js";

const refusal = (event: Event, text: string): Result => create(ResultSchema, { EventID: event.EventID, Error: text });
const taken = (event: Event): Result => create(ResultSchema, { EventID: event.EventID, Sent: true });
const NO_CHANNEL = "Error 102: invalid channel value, cannot be empty";

/** A server that answers a stream of events as it is told. */
function clientOf(answer: (events: AsyncIterable<Event>) => AsyncIterable<Result>, timeoutMs = 10_000): KubeMQClient {
  const transport = createRouterTransport(({ service }) => void service(kubemq, { sendEventsStream: answer }));
  return new KubeMQClient({ timeoutMs, keepalive: false }, { transport });
}

describe("plain events, which a server answers only when it refuses them", () => {
  test("a refusal in band reaches the promise of its own event; the others are fulfilled", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.boolean(), { minLength: 1, maxLength: 60 }), async (refused) => {
        await using client = clientOf(async function* (events) {
          for await (const event of events) {
            if (event.Channel === "") yield refusal(event, NO_CHANNEL);
            else if (event.Metadata === "refuse")
              yield refusal(event, "Error 302: connection not available, please retry");
          }
        });
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

  test("one fence confirms all events of a tick", async () => {
    let fences = 0;
    await using client = clientOf(async function* (events) {
      for await (const event of events) {
        if (event.Channel !== "") continue;
        fences += 1;
        yield refusal(event, NO_CHANNEL);
      }
    });
    await using publisher = client.events.publisher();
    await Promise.all(Array.from({ length: 500 }, () => publisher.publish({ channel: "c", body: "x" })));
    expect(fences).toBe(1);
  });

  test("a fence that is not answered in time fails what is before it, and not what was sent behind it", async () => {
    let fences = 0;
    const clock = new FakeClock();
    const transport = createRouterTransport(
      ({ service }) =>
        void service(kubemq, {
          async *sendEventsStream(events) {
            // The first one gets lost; servers answer each fence of its own.
            for await (const event of events)
              if (event.Channel === "" && ++fences > 1) yield refusal(event, NO_CHANNEL);
          },
        }),
    );
    await using client = new KubeMQClient({ timeoutMs: 1_000, keepalive: false }, { transport, clock });
    await using publisher = client.events.publisher();
    const before = rejection(publisher.publish({ channel: "c", body: "x" }));
    await until("the fence", () => fences === 1);
    await clock.advance(500);
    const behind = publisher.publish({ channel: "c", body: "y" });
    await clock.advance(500);
    expect(await within(1_000, "the time-out", before)).toMatchObject({ code: "TIMEOUT" });
    await until("another fence", () => fences === 2);
    await within(1_000, "what was sent behind", behind);
  });

  test("a second event under an id that is on its way is refused", async () => {
    await using client = clientOf(async function* (events) {
      for await (const event of events) if (event.Channel === "") yield refusal(event, NO_CHANNEL);
    });
    await using publisher = client.events.publisher();
    const first = publisher.publish({ id: "same", channel: "c", body: "x" });
    await expect(publisher.publish({ id: "same", channel: "c", body: "y" })).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
    });
    await first;
    await publisher.publish({ id: "same", channel: "c", body: "z" });
  });

  test("so is one that had to wait for room", async () => {
    await using client = clientOf(async function* (events) {
      for await (const event of events) if (event.Channel === "") yield refusal(event, NO_CHANNEL);
    });
    await using publisher = client.events.publisher();
    const ids = [...Array.from({ length: 1_024 }, (_, n) => String(n)), "same", "same"];
    const outcomes = await Promise.allSettled(ids.map((id) => publisher.publish({ id, channel: "c", body: "x" })));
    expect(outcomes.map(({ status }) => status)).toEqual([...Array(1_025).fill("fulfilled"), "rejected"]);
    expect(outcomes.at(-1)).toMatchObject({ reason: { code: "INVALID_ARGUMENT" } });
  });

  test("a stream that the server ends rejects what is unanswered, and the next event opens a new one", async () => {
    let streams = 0;
    await using client = clientOf(async function* (events) {
      const first = ++streams === 1;
      for await (const event of events) {
        if (first) return;
        if (event.Channel === "") yield refusal(event, NO_CHANNEL);
      }
    });
    await using publisher = client.events.publisher();
    await expect(publisher.publish({ channel: "c", body: "x" })).rejects.toMatchObject({
      code: "UNAVAILABLE",
      retryable: true,
      channel: "c",
    });
    await publisher.publish({ channel: "c", body: "y" });
    expect(streams).toBe(2);
  });
});

describe("stored events, which a server answers one by one", () => {
  test("answers that come in another order, twice or not at all reach their own events", async () => {
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

  test("publishAll holds no more than 1,024 on their way, and stops at the first failure", async () => {
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

  test("no more than 1,024 are on their way, however many are published at once, and they keep their order", async () => {
    const order: string[] = [];
    let most = 0;
    await using client = clientOf(async function* (events) {
      const source = events[Symbol.asyncIterator]();
      let held: Event[] = [];
      for (let next = source.next(); ;) {
        const quiet = new Promise<void>((resolve) => setTimeout(resolve, 30));
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

  test("who does not await is refused when 100,000 wait", async () => {
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

test("a call whose connection never says that it has ended is let go when the client closes", async () => {
  // node:http2 can be made to forget the streams of a session that it has destroyed.
  const transport = createRouterTransport(
    ({ service }) => void service(kubemq, { receiveQueueMessages: () => new Promise(() => {}) }),
  );
  const client = new KubeMQClient({ keepalive: false }, { transport });
  const receiving = client.queues.receive({ channel: "c" }).catch((error: unknown) => error);
  await client.close({ timeoutMs: 20 });
  expect(await receiving).toMatchObject({ code: "CLIENT_CLOSED", operation: "queues.receive", channel: "c" });
});
