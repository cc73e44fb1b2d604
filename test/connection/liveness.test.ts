import { describe, expect, test } from "@jest/globals";
import { KubeMQError } from "kubemq-es";
import { Liveness } from "../../src/connection/health/liveness.js";
import { FakeClock, settle } from "../support/fake-clock.js";

function watched(ping: (timeoutMs: number) => Promise<unknown>) {
  const clock = new FakeClock();
  const seen = { used: true, received: 0, pings: [] as number[], deaths: [] as number[] };
  const liveness = new Liveness({ intervalMs: 1000, timeoutMs: 300 }, clock, {
    lastReceived: () => seen.received,
    ping: (timeoutMs) => {
      seen.pings.push(clock.now());
      return ping(timeoutMs);
    },
    isUsed: () => seen.used,
    dead: () => void seen.deaths.push(clock.now()),
  });
  return { clock, seen, liveness };
}

/** A ping that times out by the fake clock. */
const silence = (clock: () => FakeClock) => (timeoutMs: number) =>
  new Promise((_, reject) => clock().setTimer(timeoutMs, () => reject(new KubeMQError("TIMEOUT", "no answer"))));

describe("Liveness", () => {
  test("pings only after a silent interval", async () => {
    const { clock, seen, liveness } = watched(async () => {});
    liveness.start();
    await clock.advance(600);
    seen.received = 600;
    await clock.advance(999);
    expect(seen.pings).toEqual([]);
    await clock.advance(1);
    expect(seen.pings).toEqual([1600]);
    expect(seen.deaths).toEqual([]);
    liveness.stop();
    expect(clock.timers).toBe(0);
  });

  test("declares the connection dead after an unanswered ping, within interval and time-out", async () => {
    const world = watched((timeoutMs) => silence(() => world.clock)(timeoutMs));
    world.liveness.start();
    await world.clock.advance(1299);
    expect(world.seen.deaths).toEqual([]);
    await world.clock.advance(1);
    expect(world.seen.deaths).toEqual([1300]);
    await world.clock.advance(1300); // and again, if no answer comes
    expect(world.seen.deaths).toEqual([1300, 2600]);
    world.liveness.stop();
  });

  test("treats any other answer as a sign of life", async () => {
    const world = watched((timeoutMs) => silence(() => world.clock)(timeoutMs));
    world.liveness.start();
    await world.clock.advance(1100);
    world.seen.received = 1100;
    await world.clock.advance(200);
    expect(world.seen.deaths).toEqual([]);
    world.liveness.stop();
  });

  test.each(["UNAUTHENTICATED", "PERMISSION_DENIED", "UNSUPPORTED", "INTERNAL", "UNAVAILABLE"] as const)(
    "a ping that fails with %s is no silence",
    async (code) => {
      const { clock, seen, liveness } = watched(() => Promise.reject(new KubeMQError(code, "no")));
      liveness.start();
      await clock.advance(5000);
      expect(seen.pings.length).toBe(5);
      expect(seen.deaths).toEqual([]);
      liveness.stop();
    },
  );

  test("has no timer and no verdict after it was stopped, even if a ping answers late", async () => {
    let answer: (error: unknown) => void = () => {};
    const { clock, seen, liveness } = watched(() => new Promise((_, reject) => (answer = reject)));
    liveness.start();
    await clock.advance(1000);
    liveness.stop();
    answer(new KubeMQError("UNAVAILABLE", "late"));
    await settle();
    expect(seen.deaths).toEqual([]);
    expect(clock.timers).toBe(0);
    liveness.start();
    liveness.start(); // calling it twice has no further effect
    expect(clock.timers).toBe(1);
    liveness.stop();
  });
});

describe("Liveness under calls alone", () => {
  test("pings at once when a call was not answered, and ends when nothing uses the connection", async () => {
    const { clock, seen, liveness } = watched(async () => {});
    seen.used = false;
    liveness.checkNow();
    await settle();
    expect(seen.pings).toEqual([0]);
    await clock.advance(5000);
    expect(seen.pings).toEqual([0]);
    expect(clock.timers).toBe(0);
  });

  test("pings again when a call was not answered during a ping that tells of the time before", async () => {
    const world = watched((timeoutMs) => silence(() => world.clock)(timeoutMs));
    world.liveness.start();
    await world.clock.advance(1000); // pings
    world.seen.received = 1100; // the answer of a call that began before
    world.seen.used = false;
    world.liveness.checkNow();
    await world.clock.advance(300);
    expect(world.seen.deaths).toEqual([]);
    await world.clock.advance(300);
    expect(world.seen.deaths).toEqual([1600]);
    world.liveness.stop();
  });
});
