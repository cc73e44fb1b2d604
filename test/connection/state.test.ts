import { describe, expect, test } from "@jest/globals";
import { KubeMQError, type Status } from "kubemq-es";
import { StateTracker } from "../../src/connection/health/state.js";
import { StatusFeed } from "../../src/connection/status-feed.js";

const lost = new KubeMQError("UNAVAILABLE", "lost");

/** A tracker and every state that it reported, in order. */
function tracked() {
  const feed = new StatusFeed();
  const states: string[] = [];
  const read = feed.read(undefined)[Symbol.asyncIterator]();
  const state = new StateTracker(feed, () => "server:1");
  return {
    state,
    states: async (): Promise<string[]> => {
      feed.end();
      for (let entry = await read.next(); entry.done !== true; entry = await read.next()) {
        const status: Status = entry.value;
        if (status.type === "state") states.push(`${status.previous}>${status.state}`);
      }
      return states;
    },
  };
}

describe("the state of a client", () => {
  test("a client is ready after an answered call", async () => {
    const { state, states } = tracked();
    expect(state.current).toBe("idle");
    state.began();
    expect(state.current).toBe("connecting");
    state.answered();
    state.done();
    expect(state.current).toBe("ready");
    expect(await states()).toEqual(["idle>connecting", "connecting>ready"]);
  });

  test("a call without an answer does not change the state", async () => {
    const { state, states } = tracked();
    state.began();
    state.lost(lost);
    state.done();
    expect(state.current).toBe("idle");
    state.began();
    state.answered();
    state.done();
    state.began();
    state.lost(lost);
    expect(state.current).toBe("connecting");
    state.done();
    expect(await states()).toEqual([
      "idle>connecting",
      "connecting>idle",
      "idle>connecting",
      "connecting>ready",
      "ready>connecting",
      "connecting>idle",
    ]);
  });

  test("a stream that is lost and recovers reports no intermediate state", async () => {
    const { state, states } = tracked();
    const stream = {};
    state.joined(stream);
    state.began();
    state.streamUp(stream);
    state.lost(lost); // the call fails first, then its stream
    state.done();
    state.streamDown(stream, lost);
    state.began();
    state.lost(lost);
    state.done();
    state.streamDown(stream, lost);
    state.began();
    state.streamUp(stream);
    state.left(stream);
    expect(await states()).toEqual(["idle>connecting", "connecting>ready", "ready>reconnecting", "reconnecting>ready"]);
  });

  test("a client is reconnecting while one of its two streams is down, even if the other receives data", () => {
    const { state } = tracked();
    const [one, two] = [{}, {}];
    for (const stream of [one, two]) {
      state.joined(stream);
      state.streamUp(stream);
    }
    state.streamDown(one, lost);
    state.answered();
    expect(state.current).toBe("reconnecting");
    state.streamUp(one);
    expect(state.current).toBe("ready");
    state.streamDown(two, lost);
    state.left(two); // the stream has ended: it no longer counts
    expect(state.current).toBe("ready");
  });

  test("a failed call changes the state only if open streams fail too", () => {
    const { state } = tracked();
    const stream = {};
    state.joined(stream);
    state.streamUp(stream);
    state.lost(lost);
    expect(state.current).toBe("ready");
    state.left(stream);
    expect(state.current).toBe("idle");
  });

  test("a stream that fails before it was ever open makes the client reconnecting", () => {
    const { state } = tracked();
    const stream = {};
    state.joined(stream);
    expect(state.current).toBe("connecting");
    state.lost(lost);
    state.streamDown(stream, lost);
    expect(state.current).toBe("reconnecting");
    state.left(stream);
    expect(state.current).toBe("idle");
  });

  test("closing and closed take precedence over every other state", async () => {
    const { state, states } = tracked();
    const stream = {};
    state.joined(stream);
    state.streamUp(stream);
    state.closing();
    state.streamDown(stream, lost);
    state.lost(lost);
    expect(state.current).toBe("closing");
    state.closed();
    state.left(stream);
    state.answered();
    expect(state.current).toBe("closed");
    expect((await states()).slice(-2)).toEqual(["ready>closing", "closing>closed"]);
  });
});
