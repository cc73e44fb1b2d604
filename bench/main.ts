/**
 * Compares this client with others.
 *
 *     npm run bench -- [--quick] [--json FILE] [--write] [--rounds N] [--only NAME]
 *         [--port PORT] [--against DIR]
 *
 * --quick   fewer rounds of fewer messages, to check that everything runs
 * --json    writes all figures to a file
 * --write   stores the results in bench/results and updates the pages and the chart
 * --only    runs only the loads whose name contains NAME, and no other suite
 * --port    sends to the KubeMQ server on this port of this machine, and runs no other load
 * --against compares this build with the build in DIR, in turn, and runs no other suite
 */
import { writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { againstTable, isWorse } from "./report/against.js";
import { describe, write } from "./report/markdown.js";
import { conditions } from "./report/results.js";
import { sections, titled, type Titled } from "./report/sections.js";
import { against, type Comparison } from "./suites/against.js";
import { embedded } from "./suites/embedded.js";
import { scaling } from "./suites/scaling.js";
import { sideBySide } from "./suites/side-by-side.js";
import { startUp } from "./suites/start-up.js";
import { tracing } from "./suites/tracing.js";

const { values: options } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    json: { type: "string" },
    write: { type: "boolean", default: false },
    rounds: { type: "string" },
    only: { type: "string", default: "" },
    port: { type: "string" },
    against: { type: "string" },
  },
});

const quick = options.quick;
const rounds = Number(options.rounds ?? (quick ? 2 : 5));
const port = options.port === undefined ? undefined : Number(options.port);
const settings = { rounds, scale: quick ? 0.2 : 1, only: options.only, port };
if (!Number.isInteger(rounds) || rounds < 1) throw new Error(`--rounds must be a whole number from 1, got ${rounds}`);

function show(tables: readonly Titled[]): void {
  console.log(`\n${titled(tables)}`);
}

const startedAt = performance.now();
console.log(describe(conditions(settings, startedAt)));
if (options.against !== undefined) {
  const compared: Comparison[] = [];
  await against(resolve(options.against), settings, (load) => {
    compared.push(load);
    console.log(`${load.load}: ${load.rate.median.toFixed(2)} x`);
  });
  show([["This build to the other one", againstTable(compared)]]);
  process.exit(compared.some(isWorse) ? 1 : 0);
}
const measured = await sideBySide(settings, (load) => show(sections.loads({ loads: [load] })));
show([
  ...sections.targets(measured),
  ...sections.facade(measured),
  ...sections.kubemqJs(measured),
  ...sections.profile(measured),
]);

if (options.only === "" && port === undefined) {
  const onBroker = await embedded(Math.min(rounds, 3), settings.scale);
  show([...sections.embedded({ embedded: onBroker }), ...sections.latency({ embedded: onBroker })]);
  const grown = await scaling(rounds, settings.scale);
  show([...sections.scaling({ scaling: grown }), ...sections.memory({ scaling: grown })]);
  const started = await startUp(rounds);
  show(sections.startUp({ startUp: started }));
  const traced = await tracing(rounds, settings.scale);
  show(sections.tracing({ tracing: traced }));

  const results = {
    conditions: conditions(settings, startedAt),
    ...measured,
    embedded: onBroker,
    scaling: grown,
    startUp: started,
    tracing: traced,
  };
  console.log(`\n${describe(results.conditions)}`);
  if (options.json !== undefined) writeFileSync(options.json, `${JSON.stringify(results, undefined, 2)}\n`);
  if (options.write) write(results);
}
process.exit();
