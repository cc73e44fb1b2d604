import { expect, test } from "@jest/globals";
import { figure, storeDrops, type Pace } from "../soak/store-drops.js";

// The full sizes run with `npm run soak:store`.
// Broken once to see it fail: `begin` of src/events/resume.ts giving the start position always, or `last` in place of last + 1.
test.each<Pace>([
  { name: "fast", every: 4_000, pauseMs: 0 },
  { name: "slow", every: 1_000, pauseMs: 300 },
  { name: "bursty", every: 100, pauseMs: 20 },
])(
  "a $name loop sees every event once, in order, while connections break",
  async (pace) => {
    const run = { pace, events: 4_000, drops: 10, slowConsumerMs: 100, bodyBytes: 1_000, initialDelayMs: 10 };
    const result = await storeDrops(run);
    expect(figure(run, result)).toMatch(/^ok/);
    expect(result.drops).toBe(10);
    expect(result.resumed).toBeGreaterThan(0);
  },
  60_000,
);
