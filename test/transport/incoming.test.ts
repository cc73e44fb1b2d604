import { describe, expect, test } from "@jest/globals";
import { Incoming } from "../../src/transport/incoming.js";

const nextRound = () => new Promise((resolve) => setImmediate(resolve));

/** A stream whose reader asks again at once, and keeps what it got. */
class Reading {
  readonly calls: string[] = [];
  readonly incoming = new Incoming<number>({
    pause: () => void this.calls.push("pause"),
    resume: () => void this.calls.push("resume"),
    cancel: () => void this.calls.push("cancel"),
  });
  readonly batches: (readonly number[])[] = [];
  readonly ends: unknown[] = [];

  constructor() {
    this.incoming.read(this);
  }
  batch(messages: readonly number[]): void {
    this.batches.push(messages);
    this.incoming.read(this);
  }
  end(error?: unknown): void {
    this.ends.push(error);
  }
  receive(...messages: number[]): void {
    for (const message of messages) this.incoming.push(message, 1);
    this.incoming.chunkDone();
  }
}

describe("delivery of received messages", () => {
  test("a stream delivers its messages as one batch at the end of the round", async () => {
    const stream = new Reading();
    stream.receive(1);
    stream.receive(2, 3);
    stream.receive();
    expect(stream.batches).toEqual([]);
    await nextRound();
    expect(stream.batches).toEqual([[1, 2, 3]]);
    stream.receive(4);
    await nextRound();
    expect(stream.batches).toEqual([[1, 2, 3], [4]]);
  });

  test("a large batch is delivered at once", async () => {
    const stream = new Reading();
    for (let n = 0; n < 300; n++) stream.receive(n);
    expect(stream.batches.map(({ length }) => length)).toEqual([256]);
    await nextRound();
    expect(stream.batches.flat()).toEqual(Array.from({ length: 300 }, (_, n) => n));
  });

  test("a delivered batch does not hold back the server, whatever its size", () => {
    const stream = new Reading();
    stream.receive(...Array.from({ length: 5_000 }, (_, n) => n));
    expect(stream.batches.map(({ length }) => length)).toEqual([5_000]);
    expect(stream.calls).toEqual([]);
  });

  test("at most 512 chunks are held across a thousand streams", async () => {
    const streams = Array.from({ length: 1000 }, () => new Reading());
    for (const [n, stream] of streams.entries()) stream.receive(n);
    expect(streams.filter(({ batches }) => batches.length > 0)).toHaveLength(512);
    await nextRound();
    expect(streams.map(({ batches }) => batches)).toEqual(streams.map((_, n) => [[n]]));
  });

  test("buffered messages are delivered before the end, and the error once", () => {
    const stream = new Reading();
    const error = new Error("lost") as never;
    stream.receive(1);
    stream.incoming.end(error);
    expect(stream.batches).toEqual([[1]]);
    expect(stream.ends).toEqual([error]);
    stream.incoming.read(stream);
    expect(stream.ends).toEqual([error, undefined]);
  });

  test("leaving drops the buffered messages and cancels the call", async () => {
    const stream = new Reading();
    stream.receive(1);
    stream.incoming.leave();
    await nextRound();
    expect(stream).toMatchObject({ batches: [], ends: [undefined], calls: ["cancel"] });
  });
});
