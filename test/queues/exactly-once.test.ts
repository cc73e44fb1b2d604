import { expect, test } from "@jest/globals";
import { exactlyOnce } from "../support/exactly-once.js";

test("each job is confirmed once and none is lost while consumers are killed and connections dropped at random", async () => {
  const accounting = await exactlyOnce({
    jobs: 3_000,
    consumers: 4,
    prefetch: 16,
    kills: 3,
    drops: 2,
    boundMs: 60_000,
  });
  const { jobs, confirmed, unknown, twice, lost, left, redelivered, explained, kills, drops } = accounting;
  expect({ kills, drops, twice, lost, left }).toEqual({ kills: 3, drops: 2, twice: 0, lost: 0, left: 0 });
  expect(confirmed + unknown).toBe(jobs);
  expect(unknown).toBeLessThanOrEqual(explained);
  expect(redelivered).toBeLessThanOrEqual(explained);
}, 120_000);
