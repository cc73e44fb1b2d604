import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { about } from "../loads.js";
import { chart } from "./chart.js";
import type { Conditions, Results } from "./results.js";
import { headed, sections } from "./sections.js";

const RESULTS = "bench/results";
const DOCUMENT = "BENCHMARKS.md";
const CHART = "bench/chart.svg";

/**
 * Keeps the results of this version of Node.js, and writes all figures in BENCHMARKS.md anew from what is kept of every version. The prose
 * stands in BENCHMARKS.md itself, outside the marks.
 */
export function write(results: Results): void {
  const version = /^v(\d+)/.exec(results.conditions.node)?.[1] ?? "";
  mkdirSync(RESULTS, { recursive: true });
  writeFileSync(`${RESULTS}/node-${version}.json`, `${JSON.stringify(results, undefined, 2)}\n`);
  const all = readdirSync(RESULTS)
    .filter((name) => name.endsWith(".json"))
    .toSorted()
    .map((name) => JSON.parse(readFileSync(`${RESULTS}/${name}`, "utf8")) as Results);
  const [first] = all;
  if (first === undefined) return;
  writeFileSync(CHART, chart(first));
  const document = readFileSync(DOCUMENT, "utf8");
  writeFileSync(
    DOCUMENT,
    document.replace(
      /(<!-- begin (\w+) -->\n)[^]*?(<!-- end \2 -->)/g,
      (_, begin: string, section: string, end: string) => {
        const text = parts[section];
        if (text === undefined) throw new Error(`${DOCUMENT} has a section that is not known: ${section}`);
        return `${begin}\n${text(all)}\n\n${end}`;
      },
    ),
  );
}

type Part = (all: readonly Results[]) => string;

/** One for each version of Node.js. */
const each = (text: (results: Results) => string): Part => {
  return (all) => all.map((results) => `**Node.js ${results.conditions.node}**\n\n${text(results)}`).join("\n\n");
};

const parts: Readonly<Record<string, Part>> = {
  conditions: (all) => all.map(({ conditions }) => `- ${describe(conditions)}`).join("\n"),
  contestants: () =>
    Object.entries(about)
      .map(([name, text]) => `- **${name}**: ${text}`)
      .join("\n"),
  ...Object.fromEntries(
    Object.entries(sections).map(([name, tables]) => [name, each((results) => headed(tables(results)))]),
  ),
};

export function describe(of: Conditions): string {
  const { node, system, processor, cores, memoryGiB, rounds, scale, date, seconds } = of;
  const counts = scale === 1 ? "" : `, counts times ${scale}`;
  return `Node.js ${node}, ${system}, ${cores} cores (${processor}), ${memoryGiB} GiB; ${rounds} interleaved rounds${counts}, medians; ${date}, ${seconds} s`;
}
