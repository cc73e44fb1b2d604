import { describe, expect, test } from "@jest/globals";
import { ManualClock } from "kubemq-es/testing";
import { Outlet } from "../../src/broker/channels/outlet.js";
import type { Reply } from "../../src/broker/grpc/reply.js";

/** The client's end of a stream, which accepts one write and then waits for permission. */
class SlowReply {
  readonly taken: string[] = [];
  #finish: ((error?: Error | null) => void) | undefined;

  write(chunk: Uint8Array, _encoding: string, written: (error?: Error | null) => void): boolean {
    this.taken.push(...Buffer.from(chunk).toString().split(" ").filter(Boolean));
    this.#finish = written;
    return true;
  }

  takeMore(): void {
    const finish = this.#finish;
    this.#finish = undefined;
    finish?.();
  }
}

function setUp(slowConsumerMs?: number) {
  const clock = new ManualClock();
  const reply = new SlowReply();
  const outlet = new Outlet(reply as unknown as Reply, { clock, slowConsumerMs });
  const send = (count: number) => {
    const results = Array.from({ length: count }, (_, i) => outlet.send(Buffer.from(`${i} `)));
    return results.filter((sent) => !sent).length;
  };
  return { clock, reply, outlet, send };
}

describe("Outlet", () => {
  test("an outlet delivers everything in order, however the writes are split", () => {
    const { reply, send } = setUp();
    expect(send(20_000)).toBe(0);
    while (reply.taken.length < 20_000) reply.takeMore();
    expect(reply.taken).toEqual(Array.from({ length: 20_000 }, (_, i) => String(i)));
  });

  test("an outlet limits the memory for a subscriber that never reads", () => {
    const { send } = setUp();
    expect(send(70_000)).toBe(70_000 - 65_536 - 1);
  });

  test("an outlet drops one message each time the limit for slow consumers passes", () => {
    const { clock, reply, send } = setUp(2000);
    // One message is being written, a hundred are buffered, three wait.
    send(104);
    clock.advance(1999);
    clock.advance(2001);
    while (reply.taken.length < 102) reply.takeMore();
    reply.takeMore();
    clock.advance(100_000);
    const first101 = Array.from({ length: 101 }, (_, i) => String(i));
    expect(reply.taken).toEqual([...first101, "103"]);
    expect(clock.timers).toBe(0);
  });

  test("an outlet without a limit for slow consumers drops no message that waits", () => {
    const { clock, reply, send } = setUp();
    send(300);
    clock.advance(1_000_000);
    while (reply.taken.length < 300) reply.takeMore();
    expect(reply.taken).toHaveLength(300);
  });

  test("an outlet makes publishers wait while a subscriber is behind", async () => {
    const { reply, outlet, send } = setUp();
    send(900);
    expect(outlet.room).toBeUndefined();
    send(1000);
    const { room } = outlet;
    expect(room).toBeInstanceOf(Promise);
    while (reply.taken.length < 1900) reply.takeMore();
    await room;
    expect(outlet.room).toBeUndefined();
  });

  test("an outlet does not make publishers wait for a subscriber that never reads", async () => {
    const { clock, outlet, send } = setUp();
    send(2000);
    const { room } = outlet;
    clock.advance(1000);
    await room;
    send(10);
    expect(outlet.room).toBeUndefined();
  });

  test("a closed outlet releases waiting publishers and leaves no timer", async () => {
    const { clock, outlet, send } = setUp(2000);
    send(2000);
    const { room } = outlet;
    outlet.close();
    await room;
    expect(clock.timers).toBe(0);
  });
});
