/**
 * Measures this client beside others: `npm run bench -- [--quick] [--json FILE] [--write] [--rounds N] [--only TEXT]`.
 *
 * --quick   fewer rounds of fewer messages, to see that all works
 * --json    writes all figures to a file
 * --write   keeps them in bench/results and writes BENCHMARKS.md and its chart anew
 * --only    only the loads whose names contain the text, and nothing else
 */
import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { describe, write } from "./report/markdown.js";
import { conditions } from "./report/results.js";
import {
  facadeTable,
  latencyTable,
  loadTable,
  memoryTable,
  profileTable,
  rateTable,
  scalingTable,
  startUpTable,
  targetTable,
} from "./report/tables.js";
import { render } from "./report/table.js";
import type { Table } from "./report/table.js";
import { embedded } from "./suites/embedded.js";
import { scaling } from "./suites/scaling.js";
import { sideBySide } from "./suites/side-by-side.js";
import { startUp } from "./suites/start-up.js";

const { values: options } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    json: { type: "string" },
    write: { type: "boolean", default: false },
    rounds: { type: "string" },
    only: { type: "string", default: "" },
  },
});

const quick = options.quick;
const rounds = Number(options.rounds ?? (quick ? 2 : 5));
const settings = { rounds, scale: quick ? 0.2 : 1, only: options.only };
if (!Number.isInteger(rounds) || rounds < 1) throw new Error(`--rounds must be a whole number from 1, got ${rounds}`);

function show(title: string, table: Table): void {
  console.log(`\n${title}\n\n${render(table)}`);
}

const startedAt = performance.now();
console.log(describe(conditions(settings, startedAt)));
const { loads, profiles } = await sideBySide(settings, (load) => {
  show(`${load.load}, ${load.count.toLocaleString("en")} a round`, loadTable(load));
});
show("What must be reached", targetTable(loads));
show("CPU a message: the facade and the transport under it", facadeTable(loads));
if (profiles.length > 0) show("Where the facade's CPU time goes", profileTable(profiles));

if (options.only === "") {
  const onBroker = await embedded(Math.min(rounds, 3), settings.scale);
  show("Through the facade, against the embedded broker", rateTable(onBroker.rates));
  show("Queue latency and settlement", latencyTable(onBroker.latencies, onBroker.drain));
  const grown = await scaling(Math.min(rounds, 3), settings.scale);
  show("Cost of a message by their number", scalingTable(grown.byMessages));
  show("Cost of a message by the number of subscriptions", scalingTable(grown.bySubscriptions));
  show("Memory", memoryTable(grown));
  const started = await startUp(rounds);
  show("Start-up", startUpTable(started));

  const results = {
    conditions: conditions(settings, startedAt),
    loads,
    profiles,
    embedded: onBroker,
    scaling: grown,
    startUp: started,
  };
  console.log(`\n${describe(results.conditions)}`);
  if (options.json !== undefined) writeFileSync(options.json, `${JSON.stringify(results, undefined, 2)}\n`);
  if (options.write) write(results);
}
process.exit();
