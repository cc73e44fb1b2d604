import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { backoffDelay } from "../../src/support/time/backoff.js";

const policy = { initialDelayMs: 100, maxDelayMs: 10_000, jitter: 1, maxAttempts: Infinity };

describe("the back-off delay", () => {
  test("the back-off delay doubles up to its maximum", () => {
    const delays = [1, 2, 3, 7, 8, 9, 50, 5000].map((failures) =>
      backoffDelay({ ...policy, jitter: 0 }, failures, () => 0),
    );
    expect(delays).toEqual([100, 200, 400, 6400, 10_000, 10_000, 10_000, 10_000]);
  });

  test("full jitter takes any part of the delay, half jitter the upper half", () => {
    expect([0, 0.25, 1].map((random) => backoffDelay(policy, 3, () => random))).toEqual([0, 100, 400]);
    expect([0, 0.5, 1].map((random) => backoffDelay({ ...policy, jitter: 0.5 }, 3, () => random))).toEqual([
      200, 300, 400,
    ]);
  });

  test("the back-off delay is always a number of milliseconds within its limits", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 5000 }),
        fc.integer({ min: 0, max: 20_000 }),
        fc.integer({ min: 1, max: 100_000 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (initialDelayMs, above, failures, jitter, random) => {
          const maxDelayMs = initialDelayMs + above;
          const delay = backoffDelay({ initialDelayMs, maxDelayMs, jitter, maxAttempts: 1 }, failures, () => random);
          expect(Number.isInteger(delay) && delay >= 0 && delay <= maxDelayMs).toBe(true);
        },
      ),
    );
  });
});
