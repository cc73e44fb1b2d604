// npm run test:server -- --address host:port [--write] [--only WORDS]: checks on a running server what README promises, prints a
// table, and with --write puts it into docs/servers.md. Exits 1 when a promise does not hold and no reason for that is known.
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { forEachConcurrent, KubeMQClient } from "kubemq-es";
import { community } from "../test/contract/exceptions.js";
import { suites } from "../test/contract/promises/index.js";
import { outcomeOf, type Check } from "../test/contract/suite.js";
import { line, withFindings, type Findings, type Row } from "../test/contract/table.js";
import { Server } from "../test/contract/world.js";

const AT_ONCE = 6;
const document = fileURLToPath(new URL("../docs/servers.md", import.meta.url));

const { values } = parseArgs({
  options: { address: { type: "string" }, write: { type: "boolean" }, only: { type: "string" } },
});
const { address, write = false, only } = values;
if (address === undefined) throw new Error("which server? npm run test:server -- --address host:port");
if (write && only !== undefined) throw new Error("--write needs all promises: leave --only out");

const server = new Server(address, address);
const rows = new Map<string, Row>();

async function examine([promise, check]: [string, Check]): Promise<void> {
  const outcome = await outcomeOf(server, check);
  const row = { promise, outcome, reason: community[promise] };
  rows.set(promise, row);
  console.log(line(row));
  if (outcome.kind === "broken" && row.reason === undefined) console.log(outcome.why);
}

const wanted = ([promise]: [string, Check]) => only === undefined || promise.includes(only);
const checks = suites.flatMap(({ promises }) => Object.entries(promises)).filter(wanted);
const alone = suites.flatMap(({ alone = {} }) => Object.entries(alone)).filter(wanted);

async function* source() {
  yield* checks;
}

// A check that has failed may leave promises behind that reject later.
process.on("unhandledRejection", (error) => {
  console.log("rejected, and handled by no check:", error);
  process.exitCode = 1;
});

const started = performance.now();
const client = await KubeMQClient.connect({ address });
const { version } = await client.ping();
await client.close();
await forEachConcurrent(source(), AT_ONCE, examine);
for (const one of alone) await examine(one);

const findings: Findings = {
  // Without its host, which is nobody else's business.
  server: `KubeMQ ${version}`,
  date: new Date().toISOString().slice(0, 10),
  parts: suites.map(({ title, promises, alone = {} }) => ({
    title,
    rows: [...Object.keys(promises), ...Object.keys(alone)].flatMap((promise) => rows.get(promise) ?? []),
  })),
};
const broken = [...rows.values()].filter(({ outcome, reason }) => outcome.kind === "broken" && reason === undefined);
const held = [...rows.values()].filter(({ outcome }) => outcome.kind === "holds");
console.log(`${findings.server}: ${held.length} of ${rows.size} promises hold`);
console.log(`${((performance.now() - started) / 1_000).toFixed(0)} s`);
if (write) writeFileSync(document, withFindings(readFileSync(document, "utf8"), findings));
if (broken.length > 0) process.exitCode = 1;
// What a failed check left behind must not keep the process alive.
process.exit();
