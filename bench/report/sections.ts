import type { Results } from "./results.js";
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
  tracingTable,
} from "./tables.js";
import { render, type Table } from "./table.js";

/** A table, and what it shows. */
export type Titled = readonly [title: string, table: Table];

/** The figures of a run, section by section: what the terminal shows as they come, and BENCHMARKS.md keeps. */
export const sections = {
  loads: ({ loads }: Pick<Results, "loads">) =>
    loads.map((load): Titled => [`${load.load}, ${load.count.toLocaleString("en")} a round`, loadTable(load)]),
  targets: ({ loads }: Pick<Results, "loads">): Titled[] => [["What must be reached", targetTable(loads)]],
  facade: ({ loads }: Pick<Results, "loads">): Titled[] => [
    ["CPU a message: the facade and the transport under it", facadeTable(loads)],
  ],
  profile: ({ profiles }: Pick<Results, "profiles">): Titled[] =>
    profiles.length === 0 ? [] : [["Where the facade's CPU time goes", profileTable(profiles)]],
  embedded: ({ embedded }: Pick<Results, "embedded">): Titled[] => [
    ["Through the facade, against the embedded broker", rateTable(embedded.rates)],
  ],
  latency: ({ embedded }: Pick<Results, "embedded">): Titled[] => [
    ["Queue latency and settlement", latencyTable(embedded.latencies, embedded.drain)],
  ],
  scaling: ({ scaling }: Pick<Results, "scaling">): Titled[] => [
    ["Cost of a message by their number", scalingTable(scaling.byMessages)],
    ["Cost of a message by the number of subscriptions", scalingTable(scaling.bySubscriptions)],
    ["The same by hand: the transport's own parts, and the shortest iterator there is", scalingTable(scaling.byHand)],
    ["node:http2 alone, read as the transport reads it: nobody looks into the frames", scalingTable(scaling.frames)],
  ],
  memory: ({ scaling }: Pick<Results, "scaling">): Titled[] => [["Memory", memoryTable(scaling)]],
  startUp: ({ startUp }: Pick<Results, "startUp">): Titled[] => [["Start-up", startUpTable(startUp)]],
  tracing: ({ tracing = [] }: Pick<Results, "tracing">): Titled[] => [["Tracing, off and on", tracingTable(tracing)]],
};

/** Each table under its title. */
export function titled(tables: readonly Titled[]): string {
  return tables.map(([title, table]) => `${title}\n\n${render(table)}`).join("\n\n");
}

/** The tables of a section that has a heading of its own, which says what a lone table shows. */
export function headed(tables: readonly Titled[]): string {
  const [only] = tables;
  return tables.length === 1 && only !== undefined ? render(only[1]) : titled(tables);
}
