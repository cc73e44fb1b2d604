import { expect, test } from "@jest/globals";
import { type Lifetime, Probe } from "../../src/connection/health/probe.js";
import { onAbort } from "../../src/support/abort.js";
import { FakeClock, settle, turns } from "../support/fake-clock.js";
import { rejection } from "../support/until.js";

/** A stream that lives until a signal aborts. */
function streamOf(signal: AbortSignal): Lifetime {
  return {
    get isOver() {
      return signal.aborted;
    },
    onOver: (run) => onAbort(signal, run),
  };
}

/** A probe whose pings take the times given, and no time after those. */
function probeOf(timesMs: readonly number[] = []) {
  const clock = new FakeClock();
  const seen = { pings: 0, ready: 0 };
  const ping = async () => {
    const ms = timesMs[seen.pings++] ?? 0;
    if (ms > 0) await new Promise<void>((resolve) => clock.setTimer(ms, resolve));
  };
  const probe = new Probe(clock, ping, () => true);
  const ask = (signal = new AbortController().signal) => probe.ask(streamOf(signal)).then(() => void (seen.ready += 1));
  return { clock, seen, ask };
}

test("ready waits for twelve answered pings, in which the server sets the subscription up", async () => {
  const { clock, seen, ask } = probeOf();
  const asked = ask();
  await turns(50);
  await clock.advance(10);
  await asked;
  expect(seen).toEqual({ pings: 12, ready: 1 });
});

test("ready does not resolve before ten milliseconds, however fast the pings are answered", async () => {
  const { clock, seen, ask } = probeOf();
  const asked = ask();
  await turns(50);
  await clock.advance(9);
  expect(seen).toEqual({ pings: 11, ready: 0 });
  await clock.advance(1);
  await asked;
  expect(seen).toEqual({ pings: 12, ready: 1 });
});

test("subscriptions of the same turn share their pings", async () => {
  const { clock, seen, ask } = probeOf();
  const asked = Promise.all(Array.from({ length: 50 }, () => ask()));
  await turns(50);
  await clock.advance(10);
  await asked;
  expect(seen).toEqual({ pings: 12, ready: 50 });
});

test("ready waits three times as long as the slowest of its pings took", async () => {
  const times = [1, 1, 40, ...Array.from({ length: 40 }, () => 7)];
  const { clock, seen, ask } = probeOf(times);
  const asked = ask();
  const passed = () => times.slice(0, seen.pings).reduce((sum, ms) => sum + ms, 0);
  await settle();
  while (seen.ready === 0) await clock.advance(1);
  await asked;
  expect(seen.pings).toBe(15);
  expect(passed()).toBeGreaterThanOrEqual(3 * 40);
});

test("ready waits for at most 32 pings of a server that gets slower and slower", async () => {
  const { clock, seen, ask } = probeOf(Array.from({ length: 100 }, (_, round) => 2 ** round));
  const asked = ask();
  while (seen.ready === 0) await clock.advance(2 ** 34);
  await asked;
  expect(seen.pings).toBe(32);
});

test("no pings are sent for a stream that has ended", async () => {
  const { clock, seen, ask } = probeOf(Array.from({ length: 40 }, () => 5));
  const stream = new AbortController();
  const asked = ask(stream.signal);
  await clock.advance(10);
  const { pings } = seen;
  stream.abort();
  await clock.advance(1_000);
  await asked;
  expect(seen.pings).toBe(pings);
});

test("a failed ping is sent again after a second while the client is open", async () => {
  const clock = new FakeClock();
  let pings = 0;
  let isOpen = true;
  const ping = async () => {
    pings += 1;
    if (pings % 2 === 0) throw new Error("lost");
  };
  const probe = new Probe(clock, ping, () => isOpen);
  const asked = rejection(probe.ask(streamOf(new AbortController().signal)));
  await settle();
  expect(pings).toBe(2);
  await clock.advance(999);
  expect(pings).toBe(2);
  await clock.advance(1);
  expect(pings).toBe(4);
  isOpen = false;
  await clock.advance(1_000);
  expect(await asked).toMatchObject({ message: "lost" });
});
