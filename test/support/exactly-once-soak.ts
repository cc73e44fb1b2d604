import { exactlyOnce } from "./exactly-once.js";

/** The full run of the accounting test: `npm run soak:queues -- [jobs, default 50000]`. */
const jobs = Number(process.argv[2] ?? 50_000);
const started = performance.now();
const accounting = await exactlyOnce({ jobs, consumers: 4, prefetch: 32, kills: 20, drops: 10, boundMs: 600_000 });
console.log({ ...accounting, seconds: Math.round((performance.now() - started) / 1_000) });
const { twice, lost, left, redelivered, explained } = accounting;
if (twice > 0 || lost > 0 || left > 0 || redelivered > explained) process.exitCode = 1;
