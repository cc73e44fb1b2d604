/**
 * Measures transports side by side: `npx tsx bench/transport.ts [--rounds N] [--scale X] [--load TEXT] [--only a,b] [--json FILE]`.
 *
 * Every contestant has a process of its own, and the server one more. Rounds are interleaved (A B C D, A B C D, …), so
 * that whatever else the machine does falls on all alike. Shown are medians, as a rate and as CPU time a message; ratios
 * are to @grpc/grpc-js with its defaults.
 */
import { fork } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import type { Order, Sample } from "./contestant.js";
import { loads } from "./loads.js";
import type { Load } from "./loads.js";
import type { Ports } from "./server.js";

const { values: options } = parseArgs({
  options: {
    rounds: { type: "string", default: "5" },
    scale: { type: "string", default: "1" },
    load: { type: "string", default: "" },
    only: { type: "string", default: "grpc-js,grpc-js tuned,stock,ours,raw" },
    json: { type: "string" },
  },
});

const rounds = Number(options.rounds);
const scale = Number(options.scale);
const names = options.only.split(",");
const REFERENCE = "grpc-js";

interface Outcome {
  readonly load: string;
  readonly contestant: string;
  readonly perSecond: number;
  readonly spread: number;
  readonly cpuMicros: number;
  readonly serverShare: number;
  readonly ratio: number | undefined;
  readonly cpuRatio: number | undefined;
}

function start(file: string, ...args: string[]): ChildProcess {
  return fork(fileURLToPath(new URL(file, import.meta.url)), args, { execArgv: ["--import", "tsx"] });
}

async function answer<T>(child: ChildProcess): Promise<T> {
  const [message] = (await once(child, "message")) as [T];
  return message;
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? upper)) / 2;
}

async function measure(
  load: Load,
  ports: Ports,
  server: ChildProcess,
  children: ReadonlyMap<string, ChildProcess>,
): Promise<Outcome[]> {
  const count = Math.max(1, Math.round(load.count * scale));
  const samples = new Map<string, (Sample & { readonly serverMs: number })[]>(names.map((name) => [name, []]));
  for (let round = -1; round < rounds; round++) {
    for (const [name, child] of children) {
      server.send("cpu");
      const before = await answer<{ cpu: NodeJS.CpuUsage }>(server);
      child.send({ load, count: round < 0 ? Math.ceil(count / 2) : count, ports } satisfies Order);
      const sample = await answer<Sample>(child);
      server.send("cpu");
      const after = await answer<{ cpu: NodeJS.CpuUsage }>(server);
      const serverMs = (after.cpu.user + after.cpu.system - before.cpu.user - before.cpu.system) / 1000;
      // The first round warms up.
      if (round >= 0) samples.get(name)?.push({ ...sample, serverMs });
    }
  }
  const rates = (name: string) => (samples.get(name) ?? []).map(({ ms }) => (count / ms) * 1000);
  const cpu = (name: string) => median((samples.get(name) ?? []).map(({ cpuMs }) => (cpuMs / count) * 1000));
  const known = samples.has(REFERENCE);
  return names.map((name) => {
    const all = rates(name);
    return {
      load: load.name,
      contestant: name,
      perSecond: median(all),
      spread: (Math.max(...all) - Math.min(...all)) / median(all),
      cpuMicros: cpu(name),
      serverShare: median((samples.get(name) ?? []).map(({ ms, serverMs }) => serverMs / ms)),
      ratio: known ? median(all) / median(rates(REFERENCE)) : undefined,
      cpuRatio: known ? cpu(REFERENCE) / cpu(name) : undefined,
    };
  });
}

const server = start("server.ts");
const { ports } = await answer<{ ports: Ports }>(server);
const children = new Map<string, ChildProcess>();
for (const name of names) {
  const child = start("contestant.ts", name);
  await answer(child);
  children.set(name, child);
}
console.log(`Node ${process.version}, ${availableParallelism()} cores, ${rounds} interleaved rounds, scale ${scale}`);
const outcomes: Outcome[] = [];
for (const load of loads) {
  if (!load.name.includes(options.load)) continue;
  const measured = await measure(load, ports, server, children);
  outcomes.push(...measured);
  console.log(`\n${load.name}`);
  for (const { contestant, perSecond, spread, cpuMicros, serverShare, ratio, cpuRatio } of measured) {
    console.log(
      [
        `  ${contestant.padEnd(14)}`,
        `${Math.round(perSecond).toString().padStart(8)} msg/s ±${Math.round(spread * 50)}%`.padEnd(24),
        `${cpuMicros.toFixed(1).padStart(7)} µs CPU`,
        `server ${Math.round(serverShare * 100)}%`.padStart(14),
        ratio === undefined ? "" : `   x${ratio.toFixed(2)} (CPU x${(cpuRatio ?? 0).toFixed(2)})`,
      ].join(""),
    );
  }
}
if (options.json !== undefined) writeFileSync(options.json, `${JSON.stringify(outcomes, undefined, 2)}\n`);
for (const child of [...children.values(), server]) child.disconnect();
