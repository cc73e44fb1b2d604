// The main job of this package on real input: the lines of a text file go through all five patterns, on the embedded broker or,
// with --address HOST:PORT, on a real server. Each part checks what it received; the program ends by itself, with status 1 when
// something is missing.
//
//   npm start [-- [FILE | -] [--address HOST:PORT]]
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { KubeMQClient } from "kubemq-es";
import { startBroker } from "kubemq-es/testing";
import { events } from "./events.js";
import { eventsStore } from "./events-store.js";
import { queues } from "./queues.js";
import { requests } from "./requests.js";

const { values, positionals } = parseArgs({ options: { address: { type: "string" } }, allowPositionals: true });
const file = positionals[0] ?? "README.md";
const lines = readFileSync(file === "-" ? 0 : file, "utf8").split(/\r?\n/);
if (lines.at(-1) === "") lines.pop();

await using broker = values.address === undefined ? await startBroker() : undefined;
const address = values.address ?? broker?.address ?? "";
await using client = await KubeMQClient.connect({ address });
const { host, version } = await client.ping();
console.log(`${lines.length} lines of ${file === "-" ? "standard input" : file}, on ${address} (${host} ${version})`);

// Names of this run, so that a real server may be used again and again.
const run = `start.${Date.now().toString(36)}`;
await events(client, run, lines);
await eventsStore(client, run, lines, broker && (() => broker.faults.dropConnections()));
await requests(client, run, lines);
await queues(client, run, lines);
console.log(process.exitCode === 1 ? "not all accounted for" : "all accounted for");
