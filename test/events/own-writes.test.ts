import { create } from "@bufbuild/protobuf";
import { describe, expect, test } from "@jest/globals";
import { type ReplayRequest } from "kubemq-es";
import {
  type Event,
  EventReceiveSchema,
  EventSchema,
  ResultSchema,
  Subscribe_EventsStoreType as Type,
} from "kubemq-es/gen";
import { OwnWrites } from "../../src/events/own-writes.js";
import { FakeClock, settle } from "../support/fake-clock.js";
import { playedBy } from "../support/queue-world.js";
import { until, within } from "../support/until.js";

/** A server that confirms events at once, and stores them when the test says so. */
function lateStore() {
  const stored: Event[] = [];
  const pending: Event[] = [];
  const readers = new Set<() => void>();
  let subscriptions = 0;
  const take = (event: Event) => {
    pending.push(event);
    return create(ResultSchema, { EventID: event.EventID, Sent: true });
  };
  const store = (count = pending.length) => {
    stored.push(...pending.splice(0, count));
    for (const wake of readers) wake();
  };
  const client = playedBy({
    sendEvent: take,
    async *sendEventsStream(events) {
      for await (const event of events) yield take(event);
    },
    async *subscribeToEvents(request, { signal }) {
      subscriptions += 1;
      let next = 0;
      if (request.EventsStoreTypeData === Type.StartFromLast) next = Math.max(0, stored.length - 1);
      if (request.EventsStoreTypeData === Type.StartAtSequence) next = Number(request.EventsStoreTypeValue) - 1;
      while (!signal.aborted) {
        const event = stored[next];
        if (event !== undefined) {
          next += 1;
          const Timestamp = 1_700_000_000_000_000_000n + BigInt(next);
          const { EventID, Channel, Body } = event;
          yield create(EventReceiveSchema, { EventID, Channel, Body, Sequence: BigInt(next), Timestamp });
          continue;
        }
        await new Promise<void>((resolve) => {
          readers.add(resolve);
          signal.addEventListener("abort", () => resolve());
        });
      }
    },
  });
  const publish = (...bodies: string[]) =>
    Promise.all(bodies.map((body) => client.eventsStore.publish({ channel: "c", body })));
  /** Stored by other clients. */
  const publishElsewhere = (...ids: string[]) => {
    for (const EventID of ids) pending.push(create(EventSchema, { EventID, Channel: "c", Body: Buffer.from(EventID) }));
  };
  const replay = async (start: ReplayRequest["start"], quietMs = 60_000) => {
    const seen: string[] = [];
    for await (const event of client.eventsStore.replay({ channel: "c", start, quietMs })) seen.push(event.text());
    return seen;
  };
  return { client, store, publish, publishElsewhere, replay, subscriptions: () => subscriptions };
}

describe("a replay of this client's events when the server stores them after confirming them", () => {
  test("a replay from the first event contains all of the client's events", async () => {
    const { client, store, publish, replay, subscriptions } = lateStore();
    await publish("1", "2", "3", "4");
    store(2);
    const replayed = replay({ from: "first" });
    await until("the replay reads", () => subscriptions() === 2);
    store(1);
    await settle();
    store(1);
    expect(await within(2_000, "the replay", replayed)).toEqual(["1", "2", "3", "4"]);
    await client.close();
  });

  test("a replay of a channel that is still empty contains all of the client's events", async () => {
    const { client, store, publish, replay, subscriptions } = lateStore();
    await publish("1", "2");
    const replayed = replay({ from: "first" });
    await until("the replay looks for the end", () => subscriptions() === 1);
    store();
    expect(await within(2_000, "the replay", replayed)).toEqual(["1", "2"]);
    await client.close();
  });

  test("a replay from the last event contains only the client's last event", async () => {
    const { client, store, publish, replay, subscriptions } = lateStore();
    await publish("1", "2", "3");
    store(1);
    const replayed = replay({ from: "last" });
    await until("the replay looks for the end", () => subscriptions() === 1);
    store();
    expect(await within(2_000, "the replay", replayed)).toEqual(["3"]);
    await client.close();
  });

  test("a replay from a sequence beyond the readable events contains the client's later events", async () => {
    const { client, store, publish, replay, subscriptions } = lateStore();
    await publish("1", "2", "3");
    store(1);
    const replayed = replay({ from: "sequence", sequence: 3 });
    await until("the replay reads", () => subscriptions() === 2);
    store();
    expect(await within(2_000, "the replay", replayed)).toEqual(["3"]);
    await client.close();
  });

  test("a replay does not wait when its client's events were read and others follow", async () => {
    const { client, store, publish, publishElsewhere, replay } = lateStore();
    await publish("1");
    publishElsewhere("2", "3");
    store();
    expect(await within(2_000, "the replay", replay({ from: "first" }))).toEqual(["1", "2", "3"]);
    // Once read, later replays do not wait for them, whatever their start.
    expect(await within(2_000, "the next one", replay({ from: "sequence", sequence: 4 }))).toEqual([]);
    await client.close();
  });

  test("a replay ends when the server has lost a confirmed event", async () => {
    const { client, store, publish, replay } = lateStore();
    await publish("1", "2");
    store(1);
    const replayed = replay({ from: "first" }, 30);
    expect(await within(2_000, "the replay", replayed)).toEqual(["1"]);
    await client.close();
  });
});

describe("the recently published events of a client", () => {
  test("the last event of each writer is remembered for ten seconds or until it was read", async () => {
    const clock = new FakeClock();
    const writes = new OwnWrites(clock);
    const [one, other] = [writes.writer(), writes.writer()];
    one.wrote("c", "1");
    one.wrote("d", "2");
    one.wrote("c", "3");
    other.wrote("c", "4");
    expect([...writes.unread("c")]).toEqual(["3", "4"]);
    writes.forget("c", "3");
    expect([...writes.unread("c")]).toEqual(["4"]);
    await clock.advance(5_000);
    one.wrote("c", "5");
    await clock.advance(5_001);
    expect([...writes.unread("c")]).toEqual(["5"]);
    expect([...writes.unread("d")]).toEqual([]);
  });
});
