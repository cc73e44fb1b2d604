import type { Results } from "./results.js";
import {
  facadeTable,
  kubemqJsTable,
  latencyTable,
  loadTable,
  memoryTable,
  profileTable,
  rateTable,
  scalingTable,
  startUpTable,
  targetTable,
  tracingTable,
} from "./tables.js";
import { render, type Table } from "./table.js";

/** A table with its title. */
export type Titled = readonly [title: string, table: Table];

/** The tables of a run by section. The terminal shows them as they are measured. */
export const sections = {
  loads: ({ loads }: Pick<Results, "loads">) =>
    loads.map((load): Titled => [`${load.load}, ${load.count.toLocaleString("en")} per round`, loadTable(load)]),
  targets: ({ loads }: Pick<Results, "loads">): Titled[] => [["Targets", targetTable(loads)]],
  facade: ({ loads }: Pick<Results, "loads">): Titled[] => [
    ["CPU per message: the facade relative to its transport", facadeTable(loads)],
  ],
  kubemqJs: ({ loads }: Pick<Results, "loads">): Titled[] =>
    loads.some(({ figures }) => figures.some(({ contestant }) => contestant === "kubemq-js"))
      ? [["CPU per message: the facade relative to kubemq-js", kubemqJsTable(loads)]]
      : [],
  profile: ({ profiles }: Pick<Results, "profiles">): Titled[] =>
    profiles.length === 0 ? [] : [["CPU time of the facade by room", profileTable(profiles)]],
  embedded: ({ embedded }: Pick<Results, "embedded">): Titled[] => [
    ["The facade against the embedded broker", rateTable(embedded.rates)],
  ],
  latency: ({ embedded }: Pick<Results, "embedded">): Titled[] => [
    ["Queue latency and settlement", latencyTable(embedded.latencies, embedded.drain)],
  ],
  scaling: ({ scaling }: Pick<Results, "scaling">): Titled[] => [
    ["Cost per message by the number of messages", scalingTable(scaling.byMessages)],
    ["Cost per message by the number of subscriptions", scalingTable(scaling.bySubscriptions)],
    ["The same with the transport's parts and a minimal iterator", scalingTable(scaling.byHand)],
    ["node:http2 alone, with the content of frames ignored", scalingTable(scaling.frames)],
  ],
  memory: ({ scaling }: Pick<Results, "scaling">): Titled[] => [["Memory", memoryTable(scaling)]],
  startUp: ({ startUp }: Pick<Results, "startUp">): Titled[] => [["Start-up", startUpTable(startUp)]],
  tracing: ({ tracing = [] }: Pick<Results, "tracing">): Titled[] => [["Tracing", tracingTable(tracing)]],
};

/** Renders each table under its title. */
export function titled(tables: readonly Titled[]): string {
  return tables.map(([title, table]) => `${title}\n\n${render(table)}`).join("\n\n");
}

/** Renders the tables of a section that has its own heading. A single table needs no title. */
export function headed(tables: readonly Titled[]): string {
  const [only] = tables;
  return tables.length === 1 && only !== undefined ? render(only[1]) : titled(tables);
}
