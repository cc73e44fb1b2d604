import { describe, expect, test } from "@jest/globals";
import { KubeMQClient } from "kubemq-es";
import {
  QueuesDownstreamRequestType as DownstreamType,
  Request_RequestType as RequestType,
  StreamRequestType,
  Subscribe_EventsStoreType as Start,
  Subscribe_SubscribeType as Kind,
} from "kubemq-es/gen";
import { type BrokerProfile, profiles, startBroker } from "kubemq-es/testing";
import { Bench, get, ids, isPending, until } from "./support.js";

const { community } = profiles;

/**
 * A broker with the community profile, whose members start at once, whose leases end at once, and
 * which a test may change.
 */
const bench = (change: Partial<BrokerProfile> = {}, seed = 1) =>
  Bench.start({ profile: { ...community, groupDelayMs: 0, leaseEndMs: 0, ...change }, seed });

const event = { ClientID: "c", Channel: "ch", Metadata: "m" };

/** Messages of a subscription, and the arrival time of its headers. */
function subscription<T>(open: (options: { signal: AbortSignal; onHeader: () => void }) => AsyncIterable<T>) {
  const abort = new AbortController();
  const received: T[] = [];
  let onHeader = () => {};
  const headers = new Promise<void>((resolve) => (onHeader = resolve));
  const ended = (async () => {
    try {
      for await (const message of open({ signal: abort.signal, onHeader })) received.push(message);
    } catch {
      // Cancelled.
    }
  })();
  return { received, headers, ended, [Symbol.dispose]: () => abort.abort() };
}

const subscribeTo = ({ client }: Bench, more: object = {}) =>
  subscription((options) =>
    client.subscribeToEvents({ ClientID: "s", Channel: "ch", SubscribeTypeData: Kind.Events, ...more }, options),
  );

describe("profiles of the broker", () => {
  test("the default profile has none of the community server's defects", async () => {
    await using unnamed = await Bench.start();
    await unnamed.send("q", ["m1"]);
    using sub = subscribeTo(unnamed);
    await sub.headers;
    await unnamed.client.sendEvent(event);
    await until(() => sub.received.length === 1, "the event");
    expect(unnamed.clock.timers).toBe(0);
  });

  test("an unknown profile name is refused", async () => {
    await expect(startBroker({ profile: "comunity" as "community" })).rejects.toThrow(
      'profile is "comunity", but must be one of default, community, newest',
    );
  });
});

describe("polls on shared connections", () => {
  const busy = get({ Channel: "busy", AutoAck: true });

  test("polls stall on the connection of an idle poll until it ends, and use the other connections freely", async () => {
    await using broker = await bench({ pollConnections: 4 });
    await broker.send("busy", ["m1", "m2", "m3", "m4"]);
    const idle = broker.downstream();
    idle.write(get({ Channel: "idle", WaitTimeout: 5000 }));
    await broker.timers(1);
    const call = broker.downstream();
    for (let poll = 1; poll <= 3; poll++) {
      call.write(busy);
      expect(ids((await call.next()).Messages)).toEqual([`m${poll}`]);
    }
    call.write(busy);
    const fourth = call.next();
    expect(await isPending(fourth, broker.client)).toBe(true);
    broker.clock.advance(5000);
    expect(ids((await fourth).Messages)).toEqual(["m4"]);
  });

  test("the community profile has 200 shared connections", async () => {
    await using broker = await bench();
    const sent = Array.from({ length: 200 }, (_, number) => `m${number}`);
    await broker.send("busy", sent);
    const idle = broker.downstream();
    idle.write(get({ Channel: "idle", WaitTimeout: 5000 }));
    await broker.timers(1);
    const call = broker.downstream();
    for (let poll = 1; poll < 200; poll++) {
      call.write(busy);
      await call.next();
    }
    call.write(busy);
    const last = call.next();
    expect(await isPending(last, broker.client)).toBe(true);
    broker.clock.advance(5000);
    expect(ids((await last).Messages)).toEqual(["m199"]);
  });

  test("polls wait for a lease, which holds its connection for its whole call", async () => {
    await using broker = await bench({ pollConnections: 1, lostLastAnswers: 0 });
    await broker.send("busy", ["m1"]);
    const lease = broker.stream();
    const take = { ClientID: "c", Channel: "leased", StreamRequestTypeData: StreamRequestType.ReceiveMessage };
    lease.write({ ...take, WaitTimeSeconds: 20 });
    await broker.timers(1);
    const call = broker.downstream();
    call.write(busy);
    const answer = call.next();
    expect(await isPending(answer, broker.client)).toBe(true);
    broker.clock.advance(20_000);
    expect(ids((await answer).Messages)).toEqual(["m1"]);
  });

  test("polls no longer wait for the connection of a lease whose client has gone", async () => {
    await using broker = await bench({ pollConnections: 1 });
    await broker.send("busy", ["m1"]);
    const lease = broker.stream();
    lease.write({ ClientID: "c", Channel: "leased", StreamRequestTypeData: StreamRequestType.ReceiveMessage });
    await broker.timers(1);
    const call = broker.downstream();
    call.write(busy);
    const answer = call.next();
    lease.cancel();
    expect(ids((await answer).Messages)).toEqual(["m1"]);
  });
});

describe("polls that outlive their calls", () => {
  const receive = { ClientID: "r", Channel: "q", MaxNumberOfMessages: 1, WaitTimeSeconds: 1 };

  /** A poll of five seconds whose call was cancelled. */
  async function cancelledPoll(broker: Bench, more: object = {}): Promise<void> {
    const call = broker.downstream();
    call.write(get({ Channel: "q", MaxItems: 2, WaitTimeout: 5000, ...more }));
    await broker.timers(1);
    call.cancel();
    await until(() => broker.broker.stats().streams["QueuesDownstream"] === undefined, "the call is over");
  }

  test("a cancelled poll traps arriving messages until its wait is over, and returns them with place and count", async () => {
    await using broker = await bench();
    await cancelledPoll(broker);
    await broker.send("q", ["m1"]);
    const first = broker.client.receiveQueueMessages(receive);
    await broker.timers(2);
    broker.clock.advance(1000);
    expect((await first).Messages).toEqual([]);
    broker.clock.advance(4000);
    await broker.timers(0);
    const { Messages } = await broker.client.receiveQueueMessages(receive);
    expect(ids(Messages)).toEqual(["m1"]);
    expect(Messages[0]?.Attributes).toMatchObject({ Sequence: 1n, ReceiveCount: 1 });
  });

  test("a cancelled poll with AutoAck loses arriving messages", async () => {
    await using broker = await bench();
    await cancelledPoll(broker, { AutoAck: true });
    await broker.send("q", ["m1", "m2"]);
    await broker.quiet();
    expect(broker.broker.stats().messages.queues).toEqual({});
  });

  test("a cancelled poll returns its messages as soon as it is full", async () => {
    await using broker = await bench();
    await cancelledPoll(broker);
    await broker.send("q", ["m1", "m2"]);
    await broker.timers(0);
    const { Messages } = await broker.client.receiveQueueMessages({ ...receive, MaxNumberOfMessages: 2 });
    expect(ids(Messages)).toEqual(["m1", "m2"]);
  });

  test("a cancelled poll ends with the broker", async () => {
    const broker = await bench();
    await cancelledPoll(broker);
    await broker.broker.close();
    expect(broker.clock.timers).toBe(0);
  });
});

describe("calls that are cancelled while a poll waits", () => {
  const receive = { ClientID: "r", Channel: "q", MaxNumberOfMessages: 9, WaitTimeSeconds: 1 };

  /** The messages that a receive gets after a call that held "held" was cancelled while it polled for three. */
  async function receivedAfter(broker: Bench, behind: object | undefined): Promise<string[]> {
    await broker.send("q", ["held"]);
    const call = broker.downstream();
    call.write(get({ Channel: "q" }));
    const { TransactionId: RefTransactionId, Messages } = await call.next();
    call.write(get({ Channel: "q", MaxItems: 3, WaitTimeout: 5000 }));
    if (behind !== undefined) {
      const SequenceRange = Messages.map((message) => message.Attributes?.Sequence ?? 0n);
      call.write({ RefTransactionId, SequenceRange, ...behind });
    }
    await broker.timers(1);
    const polled = call.next();
    expect(await isPending(polled, broker.client)).toBe(true);
    call.cancel();
    await expect(polled).rejects.toThrow(/./);
    await until(() => broker.broker.stats().streams["QueuesDownstream"] === undefined, "the call is over");
    await broker.send("q", ["m1", "m2"]);
    broker.clock.advance(5000);
    await broker.timers(0);
    await broker.send("q", ["m3", "m4", "m5"]);
    const receiving = broker.client.receiveQueueMessages(receive);
    await until(() => broker.clock.timers > 0, "the receive waits");
    for (let times = 0; times < 10; times++) broker.clock.advance(100);
    return ids((await receiving).Messages);
  }

  const fence = { RequestTypeData: DownstreamType.ActiveOffsets };
  test.each([
    ["an unanswered request behind the poll traps messages", fence, 1, ["m4", "m5"]],
    ["the same call that notices its end first returns them", fence, 0, ["held", "m1", "m2", "m3", "m4", "m5"]],
    ["no request behind the poll returns them", undefined, 1, ["held", "m1", "m2", "m3", "m4", "m5"]],
    [
      "an acknowledgement behind the poll, which has no answer, returns the others",
      { RequestTypeData: DownstreamType.AckRange },
      1,
      ["m1", "m2", "m3", "m4", "m5"],
    ],
  ] as const)("a call with %s", async (_name, behind, hungCalls, expected) => {
    await using broker = await bench({ hungCalls });
    expect(await receivedAfter(broker, behind)).toEqual(expected);
  });

  test("consumers of kubemq-es whose calls are reset receive every message, for none of their calls hangs", async () => {
    await using broker = await startBroker({ profile: { ...community, hungCalls: 1 } });
    await using client = await KubeMQClient.connect({
      address: broker.address,
      reconnect: { initialDelayMs: 10, maxDelayMs: 50 },
    });
    const received = new Set<string>();
    for (const channel of ["a", "a", "b"]) {
      void client.queues.process({ channel, prefetch: 2 }, ({ id }) => void received.add(id), { concurrency: 2 });
    }
    let sent = 0;
    for (let resets = 0; resets < 3; resets++) {
      for (let round = 0; round < 6; round++) {
        for (const channel of ["a", "b"]) await client.queues.send({ channel, id: `m${sent++}`, body: "x" });
      }
      await until(() => received.size > sent - 6, "most messages");
      broker.faults.resetStreams({ rpc: "QueuesDownstream" });
    }
    await until(() => received.size === sent, "all messages");
    expect(received.size).toBe(36);
  });
});

test.each([
  [true, []],
  [false, ["m1"]],
] as const)(
  "a poll that waits during a restart swallows the next message, if polls survive restarts: %p",
  async (pollsSurviveRestarts, expected) => {
    await using broker = await bench({ pollsSurviveRestarts });
    const call = broker.downstream();
    call.write(get({ Channel: "q", WaitTimeout: 5000 }));
    await broker.timers(1);
    const lost = call.next();
    const restarted = broker.broker.faults.restart();
    await expect(lost).rejects.toThrow(/./);
    await restarted;
    broker.clock.advance(5000);
    await broker.timers(0);
    broker.client = broker.connect();
    await broker.send("q", ["m1"]);
    const request = { ClientID: "r", Channel: "q", MaxNumberOfMessages: 1, WaitTimeSeconds: 1 };
    const receiving = broker.client.receiveQueueMessages(request);
    if (expected.length === 0) await broker.timers(1);
    broker.clock.advance(1000);
    expect(ids((await receiving).Messages)).toEqual(expected);
  },
);

describe("receives, peeks and AckAll calls on one queue", () => {
  const receive = { ClientID: "r", Channel: "q", MaxNumberOfMessages: 1, WaitTimeSeconds: 3 };

  test("receives, peeks and AckAll calls wait for each other on one queue, and not on different queues", async () => {
    await using broker = await bench();
    const first = broker.client.receiveQueueMessages({ ...receive, IsPeak: true });
    await broker.timers(1);
    const second = broker.client.receiveQueueMessages(receive);
    const third = broker.client.ackAllQueueMessages({ ClientID: "r", Channel: "q", WaitTimeSeconds: 1 });
    const other = broker.client.receiveQueueMessages({ ...receive, Channel: "other" });
    await broker.timers(2);
    broker.clock.advance(3000);
    await Promise.all([first, other]);
    await broker.timers(1);
    expect(await isPending(second, broker.client)).toBe(true);
    broker.clock.advance(3000);
    await second;
    await broker.timers(1);
    broker.clock.advance(1000);
    expect((await third).AffectedMessages).toBe(0n);
  });

  test("receives, peeks and AckAll calls do not wait for a cancelled one", async () => {
    await using broker = await bench();
    await broker.send("other", ["m1"]);
    const abort = new AbortController();
    const first = broker.client.receiveQueueMessages(receive, { signal: abort.signal });
    await broker.timers(1);
    const second = broker.client.receiveQueueMessages(receive);
    abort.abort();
    await expect(first).rejects.toThrow("aborted");
    await broker.send("q", ["m1"]);
    expect(ids((await second).Messages)).toEqual(["m1"]);
  });
});

test("overlapping polls of one message each lose the order of a queue", async () => {
  await using broker = await bench();
  await broker.send("q", ["m1", "m2", "m3", "m4"]);
  const poll = async () => {
    const call = broker.downstream();
    call.write(get({ Channel: "q" }));
    const { Messages, TransactionId: RefTransactionId } = await call.next();
    /** Acknowledges, and sends a request whose answer shows that the ack was processed. */
    const ack = async () => {
      call.write({ RequestTypeData: DownstreamType.AckAll, RefTransactionId });
      call.write({ RequestTypeData: DownstreamType.AckAll, RefTransactionId });
      await call.next();
    };
    return { ids: ids(Messages), ack };
  };
  const first = await poll();
  const second = await poll();
  await first.ack();
  const third = await poll();
  expect([first, second, third].map((one) => one.ids)).toEqual([["m1"], ["m2"], ["m4"]]);
  await second.ack();
  await third.ack();
  expect((await poll()).ids).toEqual(["m3"]);
});

test("the call of a settled lease ends leaseEndMs after its answer", async () => {
  await using broker = await bench({ leaseEndMs: 10, lostLastAnswers: 0 });
  await broker.send("q", ["m1", "m2"]);
  const lease = broker.stream();
  lease.write({ ClientID: "c", Channel: "q", StreamRequestTypeData: StreamRequestType.ReceiveMessage });
  const RefSequence = (await lease.next()).Message?.Attributes?.Sequence ?? 0n;
  lease.write({ ClientID: "c", StreamRequestTypeData: StreamRequestType.AckMessage, RefSequence });
  expect((await lease.next()).IsError).toBe(false);
  const end = lease.end();
  await broker.timers(1);
  expect(await isPending(end, broker.client)).toBe(true);
  broker.clock.advance(10);
  await end;
});

describe("lost last answers", () => {
  /** Whether each of the leases was told that its message is settled. */
  async function told(broker: Bench, count: number): Promise<boolean[]> {
    await broker.send(
      "q",
      Array.from({ length: count }, (_, number) => `m${number}`),
    );
    const outcomes: boolean[] = [];
    for (let number = 1; number <= count; number++) {
      const stream = broker.stream();
      stream.write({ ClientID: "c", Channel: "q", StreamRequestTypeData: StreamRequestType.ReceiveMessage });
      const sequence = (await stream.next()).Message?.Attributes?.Sequence ?? 0n;
      stream.write({ ClientID: "c", StreamRequestTypeData: StreamRequestType.AckMessage, RefSequence: sequence });
      const answered = await stream.next().then(
        () => true,
        () => false,
      );
      outcomes.push(answered);
    }
    expect(broker.broker.stats().messages.queues).toEqual({});
    return outcomes;
  }

  test("last answers are lost at the profile's rate, repeatably for a seed, and their messages are settled", async () => {
    await using one = await bench({ lostLastAnswers: 0.3 }, 7);
    await using same = await bench({ lostLastAnswers: 0.3 }, 7);
    await using other = await bench({ lostLastAnswers: 0.3 }, 8);
    const outcomes = await told(one, 30);
    expect(outcomes.filter((answered) => !answered).length).toBeGreaterThan(3);
    expect(outcomes.filter(Boolean).length).toBeGreaterThan(10);
    expect(await told(same, 30)).toEqual(outcomes);
    expect(await told(other, 30)).not.toEqual(outcomes);
  });
});

describe("subscriptions that start after their stream is open", () => {
  const running = ({ broker }: Bench, rpc: string) => until(() => broker.stats().streams[rpc] === 1, `${rpc} runs`);

  test("a delayed subscription misses earlier events and receives later ones", async () => {
    await using broker = await bench();
    using sub = subscribeTo(broker);
    await running(broker, "SubscribeToEvents");
    await broker.timers(1);
    await broker.client.sendEvent({ ...event, EventID: "early" });
    broker.clock.advance(0.9);
    await broker.client.sendEvent({ ...event, EventID: "still early" });
    broker.clock.advance(1.1);
    await broker.client.sendEvent({ ...event, EventID: "late" });
    await until(() => sub.received.length > 0, "an event");
    expect(sub.received.map(({ EventID }) => EventID)).toEqual(["late"]);
  });

  test("a delayed store subscription to new events misses earlier ones", async () => {
    await using broker = await bench({ storedEventsPerSecond: Infinity });
    const store = { SubscribeTypeData: Kind.EventsStore, EventsStoreTypeData: Start.StartNewOnly };
    using sub = subscribeTo(broker, store);
    await running(broker, "SubscribeToEvents");
    await broker.timers(1);
    await broker.client.sendEvent({ ...event, Store: true, EventID: "early" });
    broker.clock.advance(2);
    await broker.client.sendEvent({ ...event, Store: true, EventID: "late" });
    await until(() => sub.received.length > 0, "an event");
    expect(sub.received.map(({ EventID, Sequence }) => [EventID, Sequence])).toEqual([["late", 2n]]);
  });

  test("a delayed responder misses requests, which time out", async () => {
    await using broker = await bench();
    using sub = subscription((options) =>
      broker.client.subscribeToRequests({ ClientID: "s", Channel: "ch", SubscribeTypeData: Kind.Commands }, options),
    );
    await running(broker, "SubscribeToRequests");
    await broker.timers(1);
    const command = { ...event, RequestTypeData: RequestType.Command, Timeout: 1000 };
    const early = broker.client.sendRequest({ ...command, RequestID: "early" });
    await broker.timers(2);
    broker.clock.advance(2);
    const late = broker.client.sendRequest({ ...command, RequestID: "late" });
    await until(() => sub.received.length > 0, "a request");
    expect(sub.received.map(({ RequestID }) => RequestID)).toEqual(["late"]);
    broker.clock.advance(1000);
    await expect(early).rejects.toThrow("Error 301");
    await expect(late).rejects.toThrow("Error 301");
  });

  test("a delayed subscription that is cancelled never starts", async () => {
    await using broker = await bench();
    const sub = subscribeTo(broker);
    await broker.timers(1);
    sub[Symbol.dispose]();
    await broker.quiet();
    await sub.ended;
    expect(sub.received).toEqual([]);
  });
});

describe("delayed stored events", () => {
  test("stored events are confirmed before they are readable, and become readable in order", async () => {
    await using broker = await bench();
    const held = () => broker.broker.stats().messages.eventsStore;
    const sent = { ...event, Store: true };
    expect((await broker.client.sendEvent({ ...sent, EventID: "1" })).Sent).toBe(true);
    expect((await broker.client.sendEvent({ ...sent, EventID: "2" })).Sent).toBe(true);
    expect(held()).toEqual({});
    broker.clock.advance(0.025);
    expect(held()).toEqual({ ch: 1 });
    broker.clock.advance(0.025);
    expect(held()).toEqual({ ch: 2 });
    using sub = subscribeTo(broker, { SubscribeTypeData: Kind.EventsStore, EventsStoreTypeData: Start.StartFromFirst });
    await broker.timers(2); // one timer is for the age of the events
    broker.clock.advance(2);
    await until(() => sub.received.length === 2, "both events");
    expect(sub.received.map(({ EventID, Sequence }) => [EventID, Sequence])).toEqual([
      ["1", 1n],
      ["2", 2n],
    ]);
  });

  test("stored events that are not yet readable are lost when the broker closes", async () => {
    const broker = await bench();
    await broker.client.sendEvent({ ...event, Store: true });
    await broker.broker.close();
    expect(broker.clock.timers).toBe(0);
  });
});

describe("early response headers", () => {
  test("only the default profile sends early headers", async () => {
    await using early = await Bench.start();
    await using late = await bench({ subscriptionDelayMs: [0, 0] });
    using prompt = subscribeTo(early);
    using quiet = subscribeTo(late);
    await prompt.headers;
    await until(() => late.broker.stats().streams["SubscribeToEvents"] === 1, "the subscription");
    expect(await isPending(quiet.headers, late.client)).toBe(true);
    await late.client.sendEvent(event);
    await quiet.headers;
  });

  test("the community profile sends no early headers for SendEventsStream and SubscribeToRequests", async () => {
    await using broker = await bench({ subscriptionDelayMs: [0, 0] });
    using requests = subscription((options) =>
      broker.client.subscribeToRequests({ ClientID: "s", Channel: "ch", SubscribeTypeData: Kind.Queries }, options),
    );
    let close = () => {};
    const closed = new Promise<void>((resolve) => (close = resolve));
    async function* events() {
      yield event;
      await closed;
      yield { ...event, Channel: "" };
    }
    using results = subscription((options) => broker.client.sendEventsStream(events(), options));
    await until(() => Object.keys(broker.broker.stats().streams).length === 2, "both calls run");
    expect(await isPending(requests.headers, broker.client)).toBe(true);
    expect(await isPending(results.headers, broker.client)).toBe(true);
    close();
    await results.headers;
  });
});

test("every profile counts refused events, and does not count the end of a stream", async () => {
  await using broker = await Bench.start();
  const { client } = broker;
  async function* refused() {
    yield { ...event, Channel: "" };
    yield event;
  }
  async function* accepted() {
    yield event;
  }
  const results: boolean[] = [];
  for await (const { Sent } of client.sendEventsStream(accepted())) results.push(Sent);
  expect(broker.broker.stats().refusedEvents).toBe(0);
  for await (const { Sent } of client.sendEventsStream(refused())) results.push(Sent);
  await expect(client.sendEvent({ ...event, ClientID: "" })).rejects.toThrow("Error 101");
  expect(results).toEqual([false]);
  expect(broker.broker.stats().refusedEvents).toBe(2);
});

test("the community profile does not cache queries", async () => {
  await using broker = await bench({ subscriptionDelayMs: [0, 0] });
  const { client } = broker;
  using responder = subscription((options) =>
    client.subscribeToRequests({ ClientID: "s", Channel: "ch", SubscribeTypeData: Kind.Queries }, options),
  );
  await until(() => broker.broker.stats().streams["SubscribeToRequests"] === 1, "the responder");
  const query = { ...event, RequestTypeData: RequestType.Query, Timeout: 1000, CacheKey: "k", CacheTTL: 60 };
  for (let times = 1; times <= 2; times++) {
    const asked = client.sendRequest(query);
    await until(() => responder.received.length === times, "the request");
    const { RequestID = "", ReplyChannel = "" } = responder.received.at(-1) ?? {};
    await client.sendResponse({ ClientID: "s", RequestID, ReplyChannel, Executed: true });
    expect((await asked).CacheHit).toBe(false);
  }
  expect(broker.broker.stats().cachedResponses).toBe(0);
});

test("the community profile does not answer requests about channels", async () => {
  await using broker = await bench();
  const listing = broker.client.sendRequest({
    ClientID: "c",
    Channel: "kubemq.cluster.internal.requests",
    RequestTypeData: RequestType.Query,
    Metadata: "list-channels",
    Tags: { channel_type: "queues" },
    Timeout: 1000,
  });
  await broker.timers(1);
  broker.clock.advance(1000);
  await expect(listing).rejects.toThrow("Error 301: timeout for request message");
});

test("the community profile delivers delayed messages at the first check after they are due", async () => {
  await using broker = await bench();
  broker.clock.advance(100);
  await broker.send("q", ["m1"], { Policy: { DelaySeconds: 1 } });
  const waiting = () => broker.broker.stats().messages.queues;
  broker.clock.advance(1300);
  expect(waiting()).toEqual({});
  broker.clock.advance(100);
  expect(waiting()).toEqual({ q: 1 });
});
