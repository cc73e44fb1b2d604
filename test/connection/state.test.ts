import { describe, expect, test } from "@jest/globals";
import { KubeMQError, type Status } from "kubemq-es";
import { StateTracker } from "../../src/connection/state.js";
import { StatusFeed } from "../../src/connection/status-feed.js";

const lost = new KubeMQError("UNAVAILABLE", "lost");

/** A tracker and every state it reported, in order. */
function tracked() {
  const feed = new StatusFeed();
  const states: string[] = [];
  const read = feed.read(undefined)[Symbol.asyncIterator]();
  const state = new StateTracker(feed);
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
  test("a call that is answered", async () => {
    const { state, states } = tracked();
    expect(state.current).toBe("idle");
    state.began();
    expect(state.current).toBe("connecting");
    state.answered();
    state.done();
    expect(state.current).toBe("ready");
    expect(await states()).toEqual(["idle>connecting", "connecting>ready"]);
  });

  test("a call that is not answered leaves nothing behind", async () => {
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

  test("a stream that is lost and comes back never shows a state in between", async () => {
    const { state, states } = tracked();
    const stream = {};
    state.joined(stream);
    state.began();
    state.streamUp(stream);
    state.lost(lost); // the call fails first, then its stream says so
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

  test("one stream of two that is down makes the client reconnecting, also when the other is heard", () => {
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
    state.left(two); // given up: it no longer counts
    expect(state.current).toBe("ready");
  });

  test("a call that fails while streams are up is no proof, unless they go as well", () => {
    const { state } = tracked();
    const stream = {};
    state.joined(stream);
    state.streamUp(stream);
    state.lost(lost);
    expect(state.current).toBe("ready");
    state.left(stream);
    expect(state.current).toBe("idle");
  });

  test("a stream that was never up and fails is reconnecting", () => {
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

  test("closing and closed stand above everything", async () => {
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
