// npm run test:server -- --address host:port [--rounds N] [--write] [--only WORDS]: checks on a running server what README promises, prints a
// table, and with --write puts it into docs/servers.md. Exits 1 when a promise does not hold and no reason for that is known.
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { forEachConcurrent, KubeMQClient } from "kubemq-es";
import { community, communityRaces } from "../test/contract/exceptions.js";
import { suites } from "../test/contract/promises/index.js";
import { outcomeOf, type Check } from "../test/contract/suite.js";
import { line, withFindings, type Findings, type Row } from "../test/contract/table.js";
import { Server } from "../test/contract/world.js";

const AT_ONCE = 6;
const document = fileURLToPath(new URL("../docs/servers.md", import.meta.url));

const { values } = parseArgs({
  options: {
    address: { type: "string" },
    rounds: { type: "string", default: "1" },
    write: { type: "boolean", default: false },
    only: { type: "string", default: "" },
  },
});
const { address, write, only } = values;
const rounds = Number(values.rounds);
if (address === undefined) throw new Error("which server? npm run test:server -- --address host:port");
if (!Number.isInteger(rounds) || rounds < 1) throw new Error("--rounds must be a whole number from 1");
if (write && only !== "") throw new Error("--write needs all promises: leave --only out");

const server = new Server(address, address);
const reasons = { ...communityRaces, ...community };
const rows = new Map<string, Row>();

async function examine([promise, check]: [string, Check]): Promise<void> {
  const outcome = await outcomeOf(server, check);
  const reason = reasons[promise];
  rows.set(promise, { promise, outcomes: [...(rows.get(promise)?.outcomes ?? []), outcome], reason });
  console.log(line({ promise, outcomes: [outcome], reason }));
  if (outcome.kind === "broken" && reason === undefined) console.log(outcome.why);
}

const wanted = ([promise]: [string, Check]) => promise.includes(only);
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
for (let round = 0; round < rounds; round++) {
  await forEachConcurrent(source(), AT_ONCE, examine);
  for (const one of alone) await examine(one);
}

const findings: Findings = {
  // Without its host, which is nobody else's business.
  server: `KubeMQ ${version}`,
  date: new Date().toISOString().slice(0, 10),
  parts: suites.map(({ title, promises, alone = {} }) => ({
    title,
    rows: [...Object.keys(promises), ...Object.keys(alone)].flatMap((promise) => rows.get(promise) ?? []),
  })),
};
const all = [...rows.values()];
const held = all.filter(({ outcomes }) => outcomes.every(({ kind }) => kind === "holds"));
const broken = all.filter(
  ({ outcomes, reason }) => reason === undefined && outcomes.some(({ kind }) => kind === "broken"),
);
console.log(`${findings.server}: ${held.length} of ${rows.size} promises hold`);
console.log(`${((performance.now() - started) / 1_000).toFixed(0)} s`);
if (write) writeFileSync(document, withFindings(readFileSync(document, "utf8"), findings));
if (broken.length > 0) process.exitCode = 1;
// What a failed check left behind must not keep the process alive.
process.exit();
