import { describe, expect, test } from "@jest/globals";
import { attach } from "../../src/transport/push.js";
import type { PushSink } from "../../src/transport/push.js";
import { Uplink } from "../../src/stream/send/uplink.js";

/** A sink with room for a limited number of messages at a time. */
function sink(room: number) {
  const written: string[] = [];
  const state = { room, ended: false, flushed: true, failure: undefined as unknown };
  const to: PushSink<string> = {
    write(message) {
      if (message === "bad") throw new Error("cannot be encoded");
      written.push(message);
      state.flushed = false;
      return --state.room > 0;
    },
    end: () => void (state.ended = true),
    fail: (error) => void (state.failure = error),
    isFlushed: () => state.flushed,
  };
  return { to, written, state };
}

/** Whether a promise has settled. */
async function settled(promise: Promise<unknown> | undefined): Promise<"pending" | "resolved" | "rejected"> {
  let state: "pending" | "resolved" | "rejected" = "pending";
  promise?.then(
    () => (state = "resolved"),
    () => (state = "rejected"),
  );
  await new Promise((resolve) => setImmediate(resolve));
  return state;
}

describe("an uplink with a sink", () => {
  test("an uplink passes messages sent before and after opening in order and at once", () => {
    const uplink = new Uplink<string>();
    expect(uplink.send("1")).toBeUndefined();
    const { to, written } = sink(10);
    uplink[attach](to);
    expect(uplink.send("2")).toBeUndefined();
    expect(written).toEqual(["1", "2"]);
  });

  test("senders wait for room in order", async () => {
    const uplink = new Uplink<string>(2);
    const { to, written, state } = sink(1);
    const events = uplink[attach](to);
    expect(uplink.send("1")).toBeUndefined();
    expect(uplink.send("2")).toBeUndefined();
    expect(uplink.send("3")).toBeUndefined();
    const fourth = uplink.send("4");
    const fifth = uplink.send("5");
    expect(written).toEqual(["1"]);
    state.room = 3;
    events.onRoom();
    expect(written).toEqual(["1", "2", "3", "4"]);
    expect(await settled(fourth)).toBe("resolved");
    expect(await settled(fifth)).toBe("pending");
    state.room = 3;
    events.onRoom();
    expect(await settled(fifth)).toBe("resolved");
  });

  test("close() half-closes after all accepted and waiting messages", async () => {
    const uplink = new Uplink<string>(1);
    const { to, written, state } = sink(1);
    const events = uplink[attach](to);
    void uplink.send("1");
    void uplink.send("2");
    const third = uplink.send("3");
    uplink.close();
    await expect(uplink.send("late")).rejects.toThrow("closing");
    expect(state.ended).toBe(false);
    state.room = 5;
    events.onRoom();
    expect(written).toEqual(["1", "2", "3"]);
    expect(state.ended).toBe(true);
    expect(await settled(third)).toBe("resolved");
  });

  test("flushed() of an uplink with a sink waits for the socket", async () => {
    const uplink = new Uplink<string>();
    const { to, state } = sink(10);
    const events = uplink[attach](to);
    expect(await settled(uplink.flushed())).toBe("resolved");
    void uplink.send("1");
    const flushed = uplink.flushed();
    expect(await settled(flushed)).toBe("pending");
    state.flushed = true;
    events.onFlushed();
    expect(await settled(flushed)).toBe("resolved");
  });

  test("the end of the call rejects waiting and later senders", async () => {
    const uplink = new Uplink<string>(1);
    const { to, state } = sink(1);
    const events = uplink[attach](to);
    void uplink.send("1");
    void uplink.send("2");
    const third = uplink.send("3");
    const flushed = uplink.flushed();
    const lost = new Error("connection lost");
    events.onEnd(lost);
    await expect(third).rejects.toBe(lost);
    await expect(flushed).rejects.toBe(lost);
    await expect(uplink.send("4")).rejects.toBe(lost);
    await expect(uplink.flushed()).rejects.toBe(lost);
    expect(state.ended).toBe(false);
    expect(await uplink.next()).toEqual({ done: true, value: undefined });
  });

  test("a message that cannot be encoded rejects only its own send", async () => {
    const uplink = new Uplink<string>();
    const { to, written } = sink(10);
    uplink[attach](to);
    await expect(uplink.send("bad")).rejects.toThrow("cannot be encoded");
    expect(uplink.send("good")).toBeUndefined();
    expect(written).toEqual(["good"]);
  });

  test("an accepted message that later cannot be encoded ends the call", () => {
    const uplink = new Uplink<string>();
    void uplink.send("bad");
    const { to, state } = sink(10);
    uplink[attach](to);
    expect(state.failure).toEqual(new Error("cannot be encoded"));
  });

  test("an uplink refuses more waiting senders than its bound", async () => {
    const uplink = new Uplink<string>(1);
    void uplink.send("1");
    for (let i = 0; i < 65_536; i++) uplink.send("waits")?.catch(() => {});
    await expect(uplink.send("one too many")).rejects.toThrow("send refused: 65536 sends are waiting");
    uplink.fail(undefined);
  });
});

describe("an uplink as an async iterable", () => {
  test("an uplink is its own iterator", () => {
    const uplink = new Uplink<string>();
    expect(uplink[Symbol.asyncIterator]()).toBe(uplink[Symbol.asyncIterator]());
  });

  test("an iterated uplink yields messages in order, then ends", async () => {
    const uplink = new Uplink<string>(1);
    void uplink.send("1");
    const second = uplink.send("2");
    expect(await settled(second)).toBe("pending");
    expect(await uplink.next()).toEqual({ done: false, value: "1" });
    expect(await settled(second)).toBe("resolved");
    uplink.close();
    expect(await uplink.next()).toEqual({ done: false, value: "2" });
    expect(await uplink.next()).toEqual({ done: true, value: undefined });
  });

  test("a waiting next() of an uplink receives the next message or the end", async () => {
    const uplink = new Uplink<string>();
    const waiting = uplink.next();
    void uplink.send("1");
    expect(await waiting).toEqual({ done: false, value: "1" });
    const ending = uplink.next();
    uplink.close();
    expect(await ending).toEqual({ done: true, value: undefined });
  });

  test.each([
    ["return", "send refused: the stream has ended"],
    ["throw", "over"],
  ])("%s() of an uplink ends a waiting next() at once", async (how, refusal) => {
    const uplink = new Uplink<string>();
    const waiting = uplink.next();
    await (how === "return" ? uplink.return() : uplink.throw(new Error("over")));
    expect(await waiting).toEqual({ done: true, value: undefined });
    await expect(uplink.send("late")).rejects.toThrow(refusal);
  });

  test("flushed() resolves when Connect asks for more", async () => {
    const uplink = new Uplink<string>();
    void uplink.send("1");
    const flushed = uplink.flushed();
    await uplink.next();
    expect(await settled(flushed)).toBe("pending");
    void uplink.next();
    expect(await settled(flushed)).toBe("resolved");
  });
});
