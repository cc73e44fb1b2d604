import { describe, expect, test } from "@jest/globals";
import { QueuesDownstreamRequestType, StreamRequestType } from "kubemq-es/gen";
import { Bench, ids, isPending } from "./support.js";

const receive = { ClientID: "r", Channel: "q", MaxNumberOfMessages: 2, WaitTimeSeconds: 5 };

describe("ReceiveQueueMessages", () => {
  test("concurrent receives on one queue share the messages", async () => {
    await using bench = await Bench.start();
    const both = [bench.client.receiveQueueMessages(receive), bench.client.receiveQueueMessages(receive)];
    await bench.timers(2);
    await bench.send("q", ["m1", "m2", "m3"]);
    bench.clock.advance(5000);
    const [first, second] = await Promise.all(both);
    expect([...ids(first?.Messages ?? []), ...ids(second?.Messages ?? [])].toSorted()).toEqual(["m1", "m2", "m3"]);
    expect(first?.Messages).toHaveLength(first?.MessagesReceived ?? -1);
    expect(Math.abs((first?.MessagesReceived ?? 0) - (second?.MessagesReceived ?? 0))).toBe(1);
    await bench.quiet();
  });

  test.each([
    [true, []],
    [false, ["m1"]],
  ])(
    "a cancelled receive loses its collected messages if the quirk says so: %p",
    async (cancelledReceiveLoses, left) => {
      await using bench = await Bench.start({ quirks: { cancelledReceiveLoses } });
      await bench.send("q", ["m1"]);
      const abort = new AbortController();
      const receiving = bench.client.receiveQueueMessages(receive, { signal: abort.signal });
      await bench.timers(1);
      abort.abort();
      await expect(receiving).rejects.toThrow("This operation was aborted");
      await bench.quiet();
      expect(ids(await bench.drain("q"))).toEqual(left);
    },
  );

  test("a peek holds messages back while it runs, and returns them unchanged", async () => {
    await using bench = await Bench.start();
    await bench.send("q", ["m1"]);
    const peeking = bench.client.receiveQueueMessages({ ...receive, IsPeak: true });
    await bench.timers(1);
    const receiving = bench.client.receiveQueueMessages({ ...receive, WaitTimeSeconds: 6 });
    await bench.timers(2);
    expect(await isPending(receiving, bench.client)).toBe(true);
    bench.clock.advance(5000);
    expect(await peeking).toMatchObject({ IsPeak: true, MessagesReceived: 1 });
    bench.clock.advance(1000);
    const [message] = (await receiving).Messages;
    expect(message?.Attributes).toMatchObject({ Sequence: 1n, ReceiveCount: 1 });
  });

  test("an expired message is counted and takes no place in a receive", async () => {
    await using bench = await Bench.start();
    await bench.send("q", ["old"], { Policy: { ExpirationSeconds: 1 } });
    await bench.send("q", ["new"]);
    bench.clock.advance(1000);
    // To the nanosecond: a message that expires now has not expired.
    expect(ids(await bench.drain("q"))).toEqual(["old", "new"]);
    await bench.send("q", ["old"], { Policy: { ExpirationSeconds: 1 } });
    await bench.send("q", ["new"]);
    bench.clock.advance(1001);
    const response = await bench.client.receiveQueueMessages({ ...receive, MaxNumberOfMessages: 1 });
    expect(response).toMatchObject({ MessagesReceived: 1, MessagesExpired: 1 });
    expect(ids(response.Messages)).toEqual(["new"]);
  });

  test("a delivered message has its partitioning, and its copy has none", async () => {
    await using bench = await Bench.start();
    const partitioning = { Topic: "t", Partition: 3, PartitionKey: "k" };
    await bench.send("q", ["m1"], partitioning);
    const stream = bench.stream();
    stream.write({ ClientID: "c", StreamRequestTypeData: StreamRequestType.ReceiveMessage, Channel: "q" });
    expect((await stream.next()).Message).toMatchObject(partitioning);
    stream.write({ ClientID: "c", StreamRequestTypeData: StreamRequestType.RejectMessage, RefSequence: 1n });
    await stream.next();
    await stream.end();
    const [copy] = await bench.drain("q");
    expect(copy).toMatchObject({ Topic: "", Partition: 0, PartitionKey: "" });
  });
});

describe("AckAllQueueMessages", () => {
  test("AckAllQueueMessages removes waiting messages and those that arrive during its wait, but no held ones", async () => {
    await using bench = await Bench.start();
    await bench.send("q", ["held"]);
    const stream = bench.stream();
    stream.write({
      ClientID: "c",
      StreamRequestTypeData: StreamRequestType.ReceiveMessage,
      Channel: "q",
      VisibilitySeconds: 10,
    });
    await stream.next();
    await bench.send("q", ["m1"], { Policy: { ExpirationSeconds: 1 } });
    await bench.send("q", ["m2"]);
    bench.clock.advance(1500);
    const acking = bench.client.ackAllQueueMessages({ ClientID: "a", Channel: "q", WaitTimeSeconds: 2 });
    await bench.timers(2);
    await bench.send("q", ["m3"]);
    bench.clock.advance(2000);
    expect(await acking).toMatchObject({ AffectedMessages: 3n, IsError: false });
    expect(bench.broker.stats().messages.queues).toEqual({ q: 1 });
  });

  test("AckAllQueueMessages stops removing messages when it is cancelled", async () => {
    await using bench = await Bench.start();
    const abort = new AbortController();
    const acking = bench.client.ackAllQueueMessages(
      { ClientID: "a", Channel: "q", WaitTimeSeconds: 60 },
      { signal: abort.signal },
    );
    await bench.timers(1);
    abort.abort();
    await expect(acking).rejects.toThrow("This operation was aborted");
    await bench.quiet();
    await bench.send("q", ["m1"]);
    expect(ids(await bench.drain("q"))).toEqual(["m1"]);
  });
});

describe("queue names that pass the checks but not the store", () => {
  const cannotPublish = "stan: invalid publish request";
  const cannotSubscribe = "Error 121: cannot subscribe to a queue";

  test.each(["a/b", "a..b", ".a", "a\tb", "a\nb"])("%j is refused by the store, and HaveErrors tells", async (name) => {
    await using bench = await Bench.start();
    const message = { MessageID: "m", ClientID: "c", Channel: name, Metadata: "x" };
    const refused = { MessageID: "m", IsError: true, Error: cannotPublish, SentAt: 0n };
    expect(await bench.client.sendQueueMessage(message)).toMatchObject(refused);
    const batch = await bench.client.sendQueueMessagesBatch({ Messages: [message, { ...message, Channel: "q" }] });
    expect(batch.HaveErrors).toBe(true);
    expect(batch.Results).toMatchObject([refused, { IsError: false }]);
    const response = await bench.client.receiveQueueMessages({ ...receive, Channel: name });
    expect(response).toMatchObject({ IsError: true, Error: cannotSubscribe });
  });

  test("a queue name with a colon can be sent to and never received from", async () => {
    await using bench = await Bench.start();
    expect(await bench.send("a:b", ["m1"])).toEqual([""]);
    expect(await bench.client.receiveQueueMessages({ ...receive, Channel: "a:b" })).toMatchObject({
      IsError: true,
      Error: cannotSubscribe,
    });
    expect(await bench.client.ackAllQueueMessages({ ClientID: "c", Channel: "a:b" })).toMatchObject({
      IsError: true,
      Error: cannotSubscribe,
    });
    const stream = bench.stream();
    stream.write({
      RequestID: "r",
      ClientID: "c",
      StreamRequestTypeData: StreamRequestType.ReceiveMessage,
      Channel: "a:b",
    });
    expect(await stream.next()).toMatchObject({ RequestID: "r", Error: cannotSubscribe });
    // The stream still works.
    await bench.send("q", ["m2"]);
    stream.write({
      RequestID: "r",
      ClientID: "c",
      StreamRequestTypeData: StreamRequestType.ReceiveMessage,
      Channel: "q",
    });
    expect(await stream.next()).toMatchObject({ Message: { MessageID: "m2" } });
  });

  test("a delayed message to a name with a colon is accepted, and lost when it is due", async () => {
    await using bench = await Bench.start();
    expect(await bench.send("a/b", ["m1"], { Policy: { DelaySeconds: 1 } })).toEqual([""]);
    bench.clock.advance(1000);
    expect(bench.broker.stats().messages.queues).toEqual({});
    expect(bench.clock.timers).toBe(0);
  });
});

describe("delay and expiration", () => {
  test("a delayed message is in no queue until it is due, and its expiration starts then", async () => {
    await using bench = await Bench.start();
    const start = bench.clock.now();
    const sent = await bench.client.sendQueueMessage({
      ClientID: "c",
      Channel: "q",
      Metadata: "x",
      Policy: { DelaySeconds: 2, ExpirationSeconds: 3 },
    });
    expect(sent).toMatchObject({ DelayedTo: start + 2_000_000_000n, ExpirationAt: start + 5_000_000_000n });
    expect(bench.broker.stats().messages.queues).toEqual({});
    bench.clock.advance(1999);
    expect(bench.broker.stats().messages.queues).toEqual({});
    bench.clock.advance(1);
    const [message] = await bench.drain("q");
    expect(message?.Policy).toMatchObject({ DelaySeconds: 0, ExpirationSeconds: 3, MaxReceiveCount: 1024 });
    expect(message?.Attributes).toMatchObject({
      Timestamp: start + 2_000_000_000n,
      DelayedTo: 0n,
      ExpirationAt: start + 5_000_000_000n,
    });
    expect(bench.clock.timers).toBe(0);
  });

  test("messages with the same MessageID are delayed separately, in order of their times", async () => {
    await using bench = await Bench.start();
    await bench.send("q", ["same"], { Metadata: "second", Policy: { DelaySeconds: 2 } });
    await bench.send("q", ["same"], { Metadata: "first", Policy: { DelaySeconds: 1 } });
    bench.clock.advance(3000);
    expect((await bench.drain("q")).map(({ Metadata }) => Metadata)).toEqual(["first", "second"]);
  });
});

describe("retention of queue messages", () => {
  test("maxMessages drops the oldest messages, and maxAgeMs the old ones", async () => {
    await using bench = await Bench.start({ maxMessages: 2, maxAgeMs: 10_000 });
    await bench.send("q", ["m1", "m2", "m3"]);
    expect(bench.broker.stats().messages.queues).toEqual({ q: 2 });
    bench.clock.advance(9000);
    await bench.send("q", ["m4"]);
    bench.clock.advance(1001);
    expect(bench.broker.stats().messages.queues).toEqual({ q: 1 });
    expect(ids(await bench.drain("q"))).toEqual(["m4"]);
  });

  test("a restart keeps all messages, also held and delayed ones, or loses them all", async () => {
    await using bench = await Bench.start();
    await bench.send("q", ["m1", "m2"]);
    await bench.send("later", ["m3"], { Policy: { DelaySeconds: 1 } });
    const downstream = bench.downstream();
    downstream.write({ ClientID: "c", RequestTypeData: QueuesDownstreamRequestType.Get, Channel: "q", MaxItems: 1 });
    expect(ids((await downstream.next()).Messages)).toEqual(["m1"]);
    await bench.broker.faults.restart();
    bench.client = bench.connect();
    // The timer of the delayed message; that of the poll is gone.
    await bench.timers(1);
    expect((await bench.drain("q")).map(({ Attributes }) => Attributes?.Sequence)).toEqual([1n, 2n]);
    bench.clock.advance(1000);
    expect(ids(await bench.drain("later"))).toEqual(["m3"]);
    await bench.send("q", ["m4"]);
    await bench.send("later", ["m5"], { Policy: { DelaySeconds: 1 } });
    await bench.broker.faults.restart({ keepMemory: false });
    expect(bench.clock.timers).toBe(0);
    expect(bench.broker.stats().messages.queues).toEqual({});
  });
});

describe("QueuesInfo", () => {
  test("QueuesInfo trims names at both ends, and accepts them as it shows them", async () => {
    await using bench = await Bench.start();
    for (const name of ["orders", "QUEUES", "SEQUELS", "x_"]) await bench.send(name, ["m"]);
    const all = await bench.client.queuesInfo({ RequestID: "all" });
    expect(all.RefRequestID).toBe("all");
    expect(all.Info?.Queues.map(({ Name }) => Name)).toEqual(["", "L", "orders", "x"]);
    expect(all.Info).toMatchObject({ TotalQueue: 4, Sent: 4n, Waiting: 4n, Delivered: 0n });
    const some = await bench.client.queuesInfo({ QueueName: "orders;L;orders;ORDERS" });
    expect(some.Info?.Queues.map(({ Name }) => Name)).toEqual(["L", "orders", "orders"]);
    expect(some.Info).toMatchObject({ TotalQueue: 3, Sent: 3n });
  });

  test("QueuesInfo counts one sent message for a queue that was only received from, and counts consumed ones", async () => {
    await using bench = await Bench.start();
    const receiving = bench.client.receiveQueueMessages({ ...receive, WaitTimeSeconds: 1 });
    await bench.timers(1);
    bench.clock.advance(1000);
    await receiving;
    const empty = await bench.client.queuesInfo({ QueueName: "q" });
    expect(empty.Info?.Queues).toMatchObject([
      { Messages: 0n, FirstSequence: 0n, LastSequence: 0n, Sent: 1n, Delivered: 1n, Waiting: 0n, Subscribers: 0n },
    ]);
    await bench.send("q", ["m1", "m2", "m3"]);
    await bench.client.receiveQueueMessages(receive);
    const used = await bench.client.queuesInfo({ QueueName: "q" });
    expect(used.Info?.Queues).toMatchObject([
      { Messages: 3n, FirstSequence: 1n, LastSequence: 3n, Sent: 3n, Delivered: 2n, Waiting: 1n, Subscribers: 0n },
    ]);
  });
});
