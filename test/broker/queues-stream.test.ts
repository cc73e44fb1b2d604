import { describe, expect, test } from "@jest/globals";
import { StreamRequestType as Type } from "kubemq-es/gen";
import { Bench, ids, isPending } from "./support.js";

const take = { RequestID: "take", ClientID: "c", StreamRequestTypeData: Type.ReceiveMessage, Channel: "q" };
const ack = { RequestID: "ack", ClientID: "c", StreamRequestTypeData: Type.AckMessage, RefSequence: 1n };
const reject = { ...ack, RequestID: "reject", StreamRequestTypeData: Type.RejectMessage };
const modify = { RequestID: "modify", ClientID: "c", StreamRequestTypeData: Type.ModifyVisibility };

describe("StreamQueueMessage", () => {
  test("StreamQueueMessage assigns a RequestID to requests without one", async () => {
    await using bench = await Bench.start();
    const stream = bench.stream();
    stream.write({ ...ack, RequestID: "" });
    const { RequestID, Error } = await stream.next();
    expect(RequestID).toMatch(/^[0-9A-Za-z]{22}$/);
    expect(Error).toBe("Error 124: no active message to ack");
  });

  test("a message carries the ids of the latest request, and the visibility of its own request", async () => {
    await using bench = await Bench.start();
    const stream = bench.stream();
    stream.write({ ...take, WaitTimeSeconds: 30, VisibilitySeconds: 5 });
    stream.write(reject);
    expect(await stream.next()).toMatchObject({ Error: "Error 137: no active message to reject" });
    await bench.send("q", ["m1"]);
    expect(await stream.next()).toMatchObject({
      RequestID: "reject",
      StreamRequestTypeData: Type.RejectMessage,
      IsError: false,
      Message: { MessageID: "m1" },
    });
    bench.clock.advance(4999);
    const next = stream.next();
    expect(await isPending(next, bench.client)).toBe(true);
    bench.clock.advance(1);
    expect(await next).toMatchObject({
      RequestID: "reject",
      StreamRequestTypeData: Type.RejectMessage,
      IsError: true,
      Error: "Error 129: current visibility timer expired",
    });
    await stream.end();
    await bench.quiet();
  });

  test("ModifyVisibility starts the visibility time even without a message", async () => {
    await using bench = await Bench.start();
    const stream = bench.stream();
    stream.write({ ...modify, VisibilitySeconds: 3 });
    expect(await stream.next()).toMatchObject({ RequestID: "modify", IsError: false });
    bench.clock.advance(3000);
    expect(await stream.next()).toMatchObject({ Error: "Error 129: current visibility timer expired" });
    await stream.end();
    await bench.quiet();
  });

  test("VisibilitySeconds 0 means one minute", async () => {
    await using bench = await Bench.start();
    await bench.send("q", ["m1"]);
    const stream = bench.stream();
    stream.write(take);
    await stream.next();
    bench.clock.advance(59_999);
    expect(await isPending(stream.next(), bench.client)).toBe(true);
  });

  test("an expired message ends the wait, and the stream lives as long as a message would be visible", async () => {
    await using bench = await Bench.start();
    await bench.send("q", ["m1"], { Policy: { ExpirationSeconds: 1 } });
    bench.clock.advance(1001);
    const stream = bench.stream();
    stream.write({ ...take, WaitTimeSeconds: 2, VisibilitySeconds: 10 });
    await bench.timers(1);
    bench.clock.advance(5000);
    const next = stream.next();
    expect(await isPending(next, bench.client)).toBe(true);
    bench.clock.advance(5000);
    expect(await next).toMatchObject({ Error: "Error 129: current visibility timer expired" });
    await stream.end();
  });

  test("a stream that closes after the last delivery moves its message to the dead-letter queue", async () => {
    await using bench = await Bench.start();
    await bench.send("q", ["m1"], { Policy: { MaxReceiveCount: 1, MaxReceiveQueue: "dead" } });
    const stream = bench.stream();
    stream.write(take);
    await stream.next();
    stream.cancel();
    await bench.quiet();
    expect(bench.broker.stats().messages.queues).toEqual({ dead: 1 });
    const [dead] = await bench.drain("dead");
    expect(dead).toMatchObject({
      Channel: "dead",
      Policy: { MaxReceiveCount: 0, MaxReceiveQueue: "", ExpirationSeconds: 0 },
      Attributes: { ReceiveCount: 1, ReRouted: true, ReRoutedFromQueue: "q", Sequence: 1n },
    });
  });

  test("a message in the dead-letter queue can be rejected any number of times and keeps its origin", async () => {
    await using bench = await Bench.start();
    await bench.send("q", ["m1"], { Policy: { MaxReceiveCount: 1, MaxReceiveQueue: "dead" } });
    for (const [Channel, RefSequence] of [
      ["q", 1n],
      ["dead", 1n],
      ["dead", 2n],
    ] as const) {
      const stream = bench.stream();
      stream.write({ ...take, Channel });
      await stream.next();
      stream.write({ ...reject, RefSequence });
      await stream.next();
      await stream.end();
    }
    const [message] = await bench.drain("dead");
    expect(message?.Attributes).toMatchObject({ Sequence: 3n, ReceiveCount: 3, ReRoutedFromQueue: "q" });
  });

  test("the last rejection drops the message when there is no dead-letter queue", async () => {
    await using bench = await Bench.start();
    await bench.send("q", ["m1"], { Policy: { MaxReceiveCount: 1 } });
    const stream = bench.stream();
    stream.write(take);
    await stream.next();
    stream.write(reject);
    await stream.next();
    await stream.end();
    expect(bench.broker.stats().messages.queues).toEqual({});
  });

  test("a stream that closes while it waits takes no message", async () => {
    await using bench = await Bench.start();
    const stream = bench.stream();
    stream.write({ ...take, WaitTimeSeconds: 60 });
    await bench.timers(1);
    stream.cancel();
    await bench.quiet();
    await bench.send("q", ["m1"]);
    const [message] = await bench.drain("q");
    expect(message?.Attributes).toMatchObject({ Sequence: 1n, ReceiveCount: 1 });
  });

  test("requests after the last answer are ignored", async () => {
    await using bench = await Bench.start();
    await bench.send("q", ["m1"]);
    const stream = bench.stream();
    stream.write(take);
    await stream.next();
    stream.write(ack);
    stream.write(ack);
    expect(await stream.next()).toMatchObject({ RequestID: "ack", IsError: false });
    await stream.end();
    await bench.quiet();
  });

  test("the loseLastAnswer quirk settles the message and ends without an answer", async () => {
    await using bench = await Bench.start({ quirks: { loseLastAnswer: true } });
    await bench.send("q", ["m1", "m2"]);
    const stream = bench.stream();
    stream.write(take);
    await stream.next();
    stream.write(ack);
    await stream.end();
    expect(ids(await bench.drain("q"))).toEqual(["m2"]);
  });

  test("an invalid modified message is refused by its own checks, in their order", async () => {
    await using bench = await Bench.start();
    const stream = bench.stream();
    const modified = { MessageID: "m", ClientID: "c", Channel: "q", Metadata: "x" };
    const send = { RequestID: "s", ClientID: "c", StreamRequestTypeData: Type.SendModifiedMessage };
    const cases = [
      [{ ...modified, ClientID: "", Channel: "" }, "Error 101"],
      [{ ...modified, Channel: "*" }, "Error 120"],
      [{ ...modified, Metadata: "" }, "Error 110"],
      [{ ...modified, Policy: { ExpirationSeconds: 43_201, MaxReceiveCount: -1 } }, "Error 133"],
      [{ ...modified, Policy: { MaxReceiveCount: 1025, DelaySeconds: -1 } }, "Error 134"],
      [{ ...modified, Policy: { DelaySeconds: 43_201, MaxReceiveQueue: "*" } }, "Error 135"],
      [{ ...modified, Policy: { MaxReceiveQueue: "a." } }, "Error 120"],
    ] as const;
    for (const [ModifiedMessage, error] of cases) {
      stream.write({ ...send, ModifiedMessage });
      expect((await stream.next()).Error).toContain(error);
    }
    stream.write({ ...send, ModifiedMessage: modified, VisibilitySeconds: -1 });
    expect((await stream.next()).Error).toContain("Error 127");
  });
});
