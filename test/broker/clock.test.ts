import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { ManualClock, systemClock } from "kubemq-es/testing";

describe("ManualClock", () => {
  test("a manual clock fires timers in order of their time, then of their creation", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 50 })), fc.integer({ min: 0, max: 60 }), (delays, ms) => {
        const clock = new ManualClock(0n);
        const fired: { delay: number; i: number; at: bigint }[] = [];
        delays.forEach((delay, i) => clock.setTimer(delay, () => fired.push({ delay, i, at: clock.now() })));
        clock.advance(ms);
        const wanted = delays
          .map((delay, i) => ({ delay, i, at: BigInt(delay) * 1_000_000n }))
          .filter(({ delay }) => delay <= ms)
          .sort((a, b) => a.delay - b.delay || a.i - b.i);
        expect(fired).toEqual(wanted);
        expect(clock.timers).toBe(delays.length - wanted.length);
        expect(clock.now()).toBe(BigInt(ms) * 1_000_000n);
      }),
    );
  });

  test("a manual clock fires no cancelled timer, and fires a timer that another one starts", () => {
    const clock = new ManualClock();
    const seen: string[] = [];
    const cancel = clock.setTimer(10, () => seen.push("cancelled"));
    clock.setTimer(5, () => {
      seen.push("first");
      clock.setTimer(5, () => seen.push("second"));
    });
    cancel();
    cancel();
    clock.advance(10);
    expect(seen).toEqual(["first", "second"]);
    expect(clock.timers).toBe(0);
  });
});

test("the system clock never goes back and stays close to the wall clock", () => {
  let last = systemClock.now();
  for (let i = 0; i < 1000; i++) {
    const now = systemClock.now();
    expect(now >= last).toBe(true);
    last = now;
  }
  expect(Math.abs(Number(last / 1_000_000n) - Date.now())).toBeLessThan(1000);
});
