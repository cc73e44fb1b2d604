import { getEventListeners } from "node:events";
import { parseArgs } from "node:util";
import { sleep, until } from "../support/until.js";
import { eventsLoad } from "./events.js";
import { FaultPlay } from "./faults.js";
import { Pulse } from "./pulse.js";
import { queuesLoad } from "./queues.js";
import { requestsLoad } from "./requests.js";
import { Resources } from "./resources.js";
import { storeLoad } from "./stored.js";
import { LINES } from "./lines.js";
import { World, type Load } from "./world.js";

/**
 * `npm run soak -- --minutes 10 --seed 7`: runs all patterns under load, through lines that break
 * at random, to a broker that is restarted and once killed; then reconciles every message. Ctrl-C
 * ends it early. Exits with 1 on any loss, duplicate or leak. `--load` reduces the load, for a
 * machine that does other work.
 */
const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "10" },
    seed: { type: "string" },
    load: { type: "string", default: "1" },
  },
});
const minutes = Number(values.minutes);
const seed = values.seed === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(values.seed);
const load = Number(values.load);
if (!(minutes > 0) || !Number.isInteger(seed) || !(load > 0)) {
  throw new Error("usage: npm run soak -- --minutes N [--seed S] [--load FACTOR]");
}
const seconds = minutes * 60;
const reportEveryMs = process.stdout.isTTY ? 5_000 : 60_000;
const SAMPLE_MS = 3_000;

const stop = new AbortController();
process.once("SIGINT", () => stop.abort());
console.log(`soak: ${minutes} minutes, seed ${seed}, load ${load}`);

const resources = new Resources();
const world = await World.start(stop.signal, seconds, seed, load);
const { findings } = world;
process.on("unhandledRejection", (reason) => findings.add("unexpected", `unhandled rejection: ${String(reason)}`));
process.on("warning", (warning) => findings.add("leaked", `warning: ${warning.message}`));

const started = performance.now();
const timer = setTimeout(() => stop.abort(), seconds * 1_000);
const loads: Load[] = [];
for (const start of [eventsLoad, storeLoad, requestsLoad, queuesLoad]) loads.push(await start(world));
await until("every client is ready", () => world.isHealthy, 60_000);

const pulse = new Pulse(world);
const faults = new FaultPlay(world, pulse);
const watching = watch();
const settled = new AbortController();
const witness = world.witness();
const feeling = pulse.run(witness, settled.signal);
// A killed broker explains many losses, so a short run does not kill it.
await faults.run(seconds < 120 ? Infinity : started + seconds * 600);
clearTimeout(timer);
const stoppedAt = performance.now();
await Promise.all(loads.map((load) => load.produced));
await watching;
await Promise.all(loads.map((load) => load.settle()));
settled.abort();
await feeling;
await witness.close();
const share = LINES.map((line) => `${line} ${Math.round(100 * world.windows.share(line, started, stoppedAt))} %`);
await checkCalls();
await world.closeClients();

const report: string[] = [];
for (const load of loads) {
  report.push(`${load.name}:`, ...(await load.reconcile()).map((line) => `  ${line}`));
}
await checkLeaks();
const seen = await world.lines.seen();
await world[Symbol.asyncDispose]();
await sleep(200);
resources.sample();
const handles = resources.leftHandles();
for (const left of handles) findings.add("leaked", `after everything was closed: ${left}`);
report.push("resources:", ...resources.reconcile(findings).map((line) => `  ${line}`));
report.push(`  handles left: ${handles.join(", ") || "none"}`);
const { unprovoked, lossesOfBusyMachine } = world;
for (const why of unprovoked) findings.add("unexpected", `lost without a fault: ${why}`);
report.push(
  `faults: ${faults.line()}; losses of a connection without a fault: ${unprovoked.length}, and ${lossesOfBusyMachine} of a busy machine`,
  `limited line: ${seen.connections} connections, at most ${seen.mostStreams} streams on one`,
  `longest time until ready again: ${world.recoveries()}`,
);
report.push(`trouble, of the whole time: ${share.join(", ")}; ${pulse.line()}`);
report.push(`statuses: ${[...world.statuses].map(([name, count]) => `${count} ${name}`).join(", ")}`);
console.log(report.join("\n"));
const count = (...faults: Parameters<typeof findings.count>[0][]) =>
  faults.reduce((sum, fault) => sum + findings.count(fault), 0);
console.log(
  `${findings.isEmpty ? "ok" : "FAILED"}: ${Math.round((stoppedAt - started) / 1_000)} s, seed ${seed}: ${count("lost", "stuck")} lost, ` +
    `${count("doubled")} doubled, ${count("leaked")} leaked, ${count("disorder", "wrong", "unexpected")} wrong, ` +
    `${unprovoked.length} connections lost without a fault`,
);
if (!findings.isEmpty) {
  console.log(findings.lines().join("\n"));
  process.exitCode = 1;
}

async function watch(): Promise<void> {
  let reportAt = performance.now() + reportEveryMs;
  while (!stop.signal.aborted) {
    const until = performance.now() + SAMPLE_MS;
    while (performance.now() < until && !stop.signal.aborted) await sleep(100);
    resources.sample();
    if (performance.now() < reportAt) continue;
    reportAt += reportEveryMs;
    const elapsed = Math.round((performance.now() - started) / 1_000);
    const heap = Math.round(resources.heap / 2 ** 20);
    const wrong = findings.isEmpty ? "nothing wrong" : findings.lines().join(" ");
    console.log(`${elapsed} s: ${faults.line()}; heap ${heap} MiB; ${wrong}`);
  }
}

/**
 * Every loop has ended and every publisher is closed, with the clients still open: no call may be
 * running.
 */
async function checkCalls(): Promise<void> {
  const running = async () => Object.entries((await world.broker.stats()).streams).filter(([rpc]) => rpc !== "Ping");
  await until("the broker has no calls", async () => (await running()).length === 0).catch(async () => {
    const left = JSON.stringify(await running());
    // Closing the clients one after another shows whose call it is.
    const owner = await world.closeUntil(async () => {
      await sleep(500);
      return (await running()).length === 0;
    });
    findings.add("leaked", `calls of loops that were left: ${left}, until ${owner ?? "no client"} was closed`);
  });
}

/**
 * With every client closed, the broker has no call and no connection left, and the signal no
 * listener.
 */
async function checkLeaks(): Promise<void> {
  const stats = () => world.broker.stats();
  const isQuiet = async () => (await stats()).connections === 0 && Object.keys((await stats()).streams).length === 0;
  await until("the broker has no connections", isQuiet).catch(async () => {
    const { connections, streams } = await stats();
    findings.add("leaked", `${connections} connections, calls ${JSON.stringify(streams)}`);
  });
  const listeners = getEventListeners(stop.signal, "abort").length;
  if (listeners > 0) findings.add("leaked", `${listeners} listeners on the signal`);
}
