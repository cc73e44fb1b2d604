import { figure, storeDrops, type Pace } from "./store-drops.js";

/**
 * `npm run soak:store`: 100,000 events while the connection breaks 50 times, with a fast, a slow
 * and a bursty loop. Prints a line per run.
 */
const events = Number(process.argv[2] ?? 100_000);
const paces: Pace[] = [
  { name: "fast", every: events, pauseMs: 0 },
  { name: "slow", every: events / 20, pauseMs: 3_000 },
  { name: "bursty", every: 1_000, pauseMs: 200 },
];
for (const pace of paces) {
  const run = { pace, events, drops: 50, slowConsumerMs: 2_000, bodyBytes: 1_000, initialDelayMs: 100 };
  const line = figure(run, await storeDrops(run));
  console.log(line);
  if (!line.startsWith("ok")) process.exitCode = 1;
}
