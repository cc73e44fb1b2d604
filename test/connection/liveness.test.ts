import { once } from "node:events";
import { connect as connectHttp2, createServer } from "node:http2";
import { connect, type AddressInfo } from "node:net";
import { describe, expect, test } from "@jest/globals";
import { KubeMQError } from "kubemq-es";
import { Liveness } from "../../src/connection/health/liveness.js";
import { watchLeaving } from "../../src/transport/session/leaving.js";
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
  test("the liveness check pings only after a silent interval", async () => {
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

  test("the liveness check reports a dead connection after an unanswered ping, within interval and time-out", async () => {
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

  test("the liveness check accepts any other answer as a sign of life", async () => {
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

  test.each([200, 300, 5000])(
    "the liveness check keeps a live connection when the event loop is blocked for %i ms before the ping is sent",
    async (blockedMs) => {
      let isBlocked = false;
      const world = watched(async (timeoutMs) => {
        const { clock, seen } = world;
        const late = silence(() => clock)(timeoutMs);
        // The first ping leaves at the end of its turn, and is answered 150 ms later.
        if (!isBlocked) clock.block(blockedMs);
        isBlocked = true;
        clock.setTimer(150, () => (seen.received = clock.now()));
        return late;
      });
      world.liveness.start();
      await world.clock.advance(1000); // pings
      await world.clock.advance(blockedMs + 600);
      expect(world.seen.deaths).toEqual([]);
      world.liveness.stop();
    },
  );

  test("the liveness check reports a dead connection although the event loop is blocked before each ping is sent", async () => {
    const world = watched((timeoutMs) => {
      const late = silence(() => world.clock)(timeoutMs);
      world.clock.block(5000);
      return late;
    });
    world.liveness.start();
    await world.clock.advance(1000);
    await world.clock.advance(5000);
    expect(world.seen.pings).toEqual([1000, 6000]);
    expect(world.seen.deaths).toEqual([11_000]);
    world.liveness.stop();
  });

  test("a stopped liveness check has no timer and reports nothing, even if a ping is answered late", async () => {
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
  test("the liveness check pings at once when a call was not answered, and ends when nothing uses the connection", async () => {
    const { clock, seen, liveness } = watched(async () => {});
    seen.used = false;
    liveness.checkNow();
    await settle();
    expect(seen.pings).toEqual([0]);
    await clock.advance(5000);
    expect(seen.pings).toEqual([0]);
    expect(clock.timers).toBe(0);
  });

  test("the liveness check pings again when a call was not answered while a ping was pending", async () => {
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

test("a session after GOAWAY is kept when the event loop is blocked before its check is sent", async () => {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const socket = connect((server.address() as AddressInfo).port, "127.0.0.1");
  const session = connectHttp2("http://localhost", { createConnection: () => socket });
  await once(session, "localSettings");
  const closed = once(session, "close");
  const answered = new Promise<string>((resolve) => {
    const settings = session.settings.bind(session);
    session.settings = (values, callback) => {
      session.settings = settings;
      settings(values, (...answer) => {
        callback?.(...answer);
        resolve("answered");
      });
      const end = performance.now() + 150; // longer than the time-out
      while (performance.now() < end);
    };
  });
  watchLeaving(session, socket, { intervalMs: 10, timeoutMs: 100 });
  expect(await Promise.race([answered, closed])).toBe("answered");
  session.destroy();
  server.close();
});
