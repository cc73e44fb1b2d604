import { describe, expect, test } from "@jest/globals";
import { QueuesDownstreamRequestType as Type } from "kubemq-es/gen";
import { Bench, get, ids, isPending } from "./support.js";

/** Opens a call and polls for the waiting messages. */
async function poll(bench: Bench, more: Parameters<typeof get>[0] = {}) {
  const call = bench.downstream();
  call.write(get({ Channel: "q", ...more }));
  const { TransactionId: RefTransactionId, Messages } = await call.next();
  return {
    call,
    messages: Messages,
    settle: (RequestTypeData: Type, more: object = {}) =>
      call.write({ RequestID: Type[RequestTypeData], RequestTypeData, RefTransactionId, ...more }),
    /** The unsettled offsets; the answer also shows that earlier requests were processed. */
    offsets: () => {
      call.write({ RequestTypeData: Type.ActiveOffsets, RefTransactionId });
      return call.next();
    },
  };
}

const closedForAcks = "cannot ack messages with closed response ";

describe("QueuesDownstream", () => {
  test("a poll that is not filled holds no further messages", async () => {
    await using bench = await Bench.start();
    await bench.send("q", ["m1"]);
    const call = bench.downstream();
    call.write(get({ Channel: "q", MaxItems: 10 }));
    await bench.timers(1);
    bench.clock.advance(1000);
    expect(ids((await call.next()).Messages)).toEqual(["m1"]);
    await bench.send("q", ["m2"]);
    const request = { ClientID: "r", Channel: "q", MaxNumberOfMessages: 1, WaitTimeSeconds: 1 };
    expect(ids((await bench.client.receiveQueueMessages(request)).Messages)).toEqual(["m2"]);
  });

  test("expired messages count in a poll, and a poll of expired messages only leaves an open, empty transaction", async () => {
    await using bench = await Bench.start();
    await bench.send("q", ["m1"], { Policy: { ExpirationSeconds: 1 } });
    bench.clock.advance(1001);
    const { messages, settle, offsets, call } = await poll(bench);
    expect(messages).toEqual([]);
    expect(await offsets()).toMatchObject({ ActiveOffsets: [], IsError: false });
    settle(Type.AckAll);
    settle(Type.AckAll);
    expect(await call.next()).toMatchObject({ IsError: true, Error: closedForAcks });
    expect(bench.broker.stats().messages.queues).toEqual({});
  });

  test("only the latest empty transactions stay open", async () => {
    await using bench = await Bench.start();
    const sent = Array.from({ length: 258 }, (_, number) => `m${number}`);
    await bench.send("q", sent, { Policy: { ExpirationSeconds: 1 } });
    bench.clock.advance(1001);
    const call = bench.downstream();
    const transactions: string[] = [];
    for (const _ of sent) {
      call.write(get({ Channel: "q" }));
      transactions.push((await call.next()).TransactionId);
    }
    const errorOf = async (RefTransactionId: string) => {
      call.write({ RequestTypeData: Type.ActiveOffsets, RefTransactionId });
      return (await call.next()).Error;
    };
    expect(await errorOf(transactions.at(0) ?? "")).toBe("cannot get active offsets with closed response ");
    expect(await errorOf(transactions.at(-1) ?? "")).toBe("");
  });

  test("a message that expires while the poll waits is not delivered", async () => {
    await using bench = await Bench.start();
    await bench.send("q", ["m1"], { Policy: { ExpirationSeconds: 1 } });
    await bench.send("q", ["m2"]);
    const call = bench.downstream();
    call.write(get({ Channel: "q", MaxItems: 5, WaitTimeout: 2000 }));
    await bench.timers(1);
    bench.clock.advance(2000);
    expect(ids((await call.next()).Messages)).toEqual(["m2"]);
  });

  test("NAckAll and ReQueueAll keep the order of the messages", async () => {
    await using bench = await Bench.start();
    const sent = Array.from({ length: 20 }, (_, number) => `m${number}`);
    await bench.send("q", sent);
    const first = await poll(bench, { MaxItems: 20 });
    first.settle(Type.NAckAll);
    await first.offsets();
    const second = await poll(bench, { MaxItems: 20 });
    expect(ids(second.messages)).toEqual(sent);
    second.settle(Type.ReQueueAll, { ReQueueChannel: "other" });
    await second.offsets();
    expect(ids(await bench.drain("other"))).toEqual(sent);
  });

  test("a range stops at the first unknown sequence, and those before it stay settled", async () => {
    await using bench = await Bench.start();
    await bench.send("q", ["m1", "m2", "m3", "m4"]);
    const { call, settle, offsets } = await poll(bench, { MaxItems: 4 });
    settle(Type.AckRange, { SequenceRange: [2n, 9n, 1n] });
    expect(await call.next()).toMatchObject({ RequestTypeData: Type.AckRange, Error: "invalid ack sequence id 9" });
    settle(Type.NAckRange, { SequenceRange: [3n, 3n] });
    expect(await call.next()).toMatchObject({ RequestTypeData: Type.NAckRange, Error: "invalid nack sequence id 3" });
    settle(Type.ReQueueRange, { SequenceRange: [1n, -1n], ReQueueChannel: "other" });
    expect(await call.next()).toMatchObject({ Error: "invalid ack sequence id -1" });
    expect((await offsets()).ActiveOffsets).toEqual([4n]);
    expect(ids(await bench.drain("other"))).toEqual(["m1"]);
  });

  test("a range that settles every message before it fails leaves the transaction open and empty", async () => {
    await using bench = await Bench.start();
    await bench.send("q", ["m1"]);
    const { call, settle, offsets } = await poll(bench);
    settle(Type.AckRange, { SequenceRange: [1n, 1n] });
    expect(await call.next()).toMatchObject({ Error: "invalid ack sequence id 1" });
    expect(await offsets()).toMatchObject({ IsError: false, ActiveOffsets: [] });
  });

  test("a requeue that the store refuses reports the sequence and the reason", async () => {
    await using bench = await Bench.start();
    await bench.send("q", ["m1", "m2"]);
    const { call, settle, offsets } = await poll(bench, { MaxItems: 2 });
    settle(Type.ReQueueAll, { ReQueueChannel: "a/b" });
    expect(await call.next()).toMatchObject({
      RequestTypeData: Type.ReQueueAll,
      Error: "re-queue message with seq 1 failed, stan: invalid publish request",
    });
    expect((await offsets()).ActiveOffsets).toEqual([1n, 2n]);
  });

  test("a requeue restarts the expiration and counts deliveries from one", async () => {
    await using bench = await Bench.start();
    const start = bench.clock.now();
    await bench.send("q", ["m1"], { Policy: { ExpirationSeconds: 10, MaxReceiveCount: 5 } });
    const first = await poll(bench);
    first.settle(Type.NAckAll);
    const second = await poll(bench);
    expect(second.messages[0]?.Attributes).toMatchObject({ ReceiveCount: 2, ExpirationAt: start + 10_000_000_000n });
    bench.clock.advance(4000);
    second.settle(Type.ReQueueAll, { ReQueueChannel: "other" });
    await second.offsets();
    const [message] = await bench.drain("other");
    expect(message?.Attributes).toMatchObject({
      ReceiveCount: 1,
      ReRouted: false,
      ReRoutedFromQueue: "",
      ExpirationAt: start + 14_000_000_000n,
    });
    expect(message?.Policy).toMatchObject({ ExpirationSeconds: 10, MaxReceiveCount: 5 });
  });

  test("a poll is cancelled with its call and takes no message, even with AutoAck", async () => {
    await using bench = await Bench.start();
    await bench.send("q", ["m1"]);
    const call = bench.downstream();
    call.write(get({ Channel: "q", MaxItems: 2, WaitTimeout: 60_000, AutoAck: true }));
    await bench.timers(1);
    call.cancel();
    await bench.quiet();
    await bench.send("q", ["m2"]);
    const left = await bench.drain("q");
    expect(ids(left)).toEqual(["m1", "m2"]);
    expect(left[0]?.Attributes).toMatchObject({ Sequence: 1n, ReceiveCount: 1 });
  });

  test("a transaction is only known to its own call", async () => {
    await using bench = await Bench.start();
    await bench.send("q", ["m1"]);
    const { call } = await poll(bench);
    const other = bench.downstream();
    call.write({ RequestTypeData: Type.Get, ClientID: "c", Channel: "q" });
    other.write({ RequestTypeData: Type.AckAll, RefTransactionId: "nope" });
    expect(await other.next()).toMatchObject({
      TransactionId: "nope",
      Error: "transaction is completed or transaction id not found",
    });
  });

  test("a limited number of closed transactions is remembered", async () => {
    await using bench = await Bench.start();
    await bench.send("q", ["m1"]);
    const { call, settle } = await poll(bench, { AutoAck: true });
    settle(Type.CloseByClient);
    settle(Type.AckAll);
    expect((await call.next()).Error).toBe(closedForAcks);
    for (let batch = 0; batch < 2; batch++) {
      await bench.send(
        "q",
        Array.from({ length: 128 }, (_, number) => `m${number}`),
      );
      for (let number = 0; number < 128; number++) call.write(get({ Channel: "q", AutoAck: true }));
      for (let number = 0; number < 128; number++) await call.next();
    }
    settle(Type.AckAll);
    expect((await call.next()).Error).toBe("transaction is completed or transaction id not found");
  });

  test("an unknown type on a closed transaction is reported as unknown, and closing again is silent", async () => {
    await using bench = await Bench.start();
    await bench.send("q", ["m1"]);
    const { call, settle } = await poll(bench, { AutoAck: true });
    settle(Type.CloseByClient);
    settle(Type.TransactionStatus);
    expect(await call.next()).toMatchObject({
      RequestTypeData: Type.PollRequestTypeUnknown,
      RefRequestId: "TransactionStatus",
      Error: "request unknown",
    });
  });

  test("polls of queue names that cannot be subscribed to are refused", async () => {
    await using bench = await Bench.start();
    const call = bench.downstream();
    for (const Channel of ["a/b", "a:b", "a..b", ".a", "a\tb"]) {
      call.write(get({ Channel }));
      const response = await call.next();
      expect(response).toMatchObject({ IsError: true, Error: "Error 121: cannot subscribe to a queue" });
      expect(response.TransactionId).toMatch(/^[0-9a-f-]{36}$/);
    }
  });

  test("each of a hundred polls for one message gets one message", async () => {
    await using bench = await Bench.start();
    const calls = Array.from({ length: 100 }, () => bench.downstream());
    for (const call of calls) call.write(get({ Channel: "q", WaitTimeout: 60_000 }));
    await bench.timers(100);
    const sent = Array.from({ length: 100 }, (_, number) => `m${number}`);
    await bench.send("q", sent);
    const got = await Promise.all(calls.map(async (call) => ids((await call.next()).Messages)));
    expect(got.every((one) => one.length === 1)).toBe(true);
    expect(got.flat().toSorted()).toEqual(sent.toSorted());
    for (const call of calls) call.cancel();
    await bench.quiet();
    expect(bench.broker.stats().messages.queues).toEqual({ q: 100 });
  });
});

describe("QueuesDownstream of newer and less careful servers", () => {
  test("confirmSettlements confirms settlements and never answers ActiveOffsets", async () => {
    await using bench = await Bench.start({ quirks: { confirmSettlements: true } });
    await bench.send("q", ["m1", "m2", "m3"]);
    const { call, settle } = await poll(bench, { MaxItems: 3 });
    settle(Type.ActiveOffsets);
    settle(Type.AckRange, { SequenceRange: [1n] });
    expect(await call.next()).toMatchObject({
      RequestTypeData: Type.AckRange,
      RefRequestId: "AckRange",
      IsError: false,
      Messages: [],
    });
    settle(Type.AckRange, { SequenceRange: [1n] });
    expect(await call.next()).toMatchObject({ IsError: true, Error: "invalid ack sequence id 1" });
    settle(Type.NAckAll);
    expect(await call.next()).toMatchObject({ RequestTypeData: Type.NAckAll, IsError: false });
    settle(Type.ActiveOffsets);
    settle(Type.CloseByClient);
    expect(await isPending(call.next(), bench.client)).toBe(true);
  });

  test("doubleMessages returns the first message twice and settles it once", async () => {
    await using bench = await Bench.start();
    bench.broker.quirks.doubleMessages = true;
    await bench.send("q", ["m1", "m2"]);
    const { messages, offsets } = await poll(bench, { MaxItems: 2 });
    expect(ids(messages)).toEqual(["m1", "m1", "m2"]);
    expect((await offsets()).ActiveOffsets).toEqual([1n, 2n]);
  });

  test("closeByServer takes back held messages and ignores further requests", async () => {
    await using bench = await Bench.start();
    await bench.send("q", ["m1"]);
    const { call, settle } = await poll(bench);
    const polling = bench.downstream();
    polling.write(get({ Channel: "empty", WaitTimeout: 60_000 }));
    await bench.timers(1);
    expect(bench.broker.faults.closeByServer()).toBe(2);
    for (const one of [call, polling]) {
      expect(await one.next()).toMatchObject({ RequestTypeData: Type.CloseByServer, TransactionId: "" });
    }
    await bench.timers(0);
    settle(Type.ActiveOffsets);
    expect(await isPending(call.next(), bench.client)).toBe(true);
    expect(ids(await bench.drain("q"))).toEqual(["m1"]);
  });
});
