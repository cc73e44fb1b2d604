import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { about } from "../loads.js";
import { chart } from "./chart.js";
import type { Conditions, Results } from "./results.js";
import { headed, sections } from "./sections.js";
import { summary } from "./summary.js";

const RESULTS = "bench/results";
const CHART = "docs/chart.svg";
/** Pages whose tables are generated between marks; everything else on them is written by hand. */
const PAGES = ["docs/performance.md", `${RESULTS}/README.md`];

/** Stores the results of this version of Node.js, and updates the pages and the chart. */
export function write(results: Results): void {
  const version = /^v(\d+)/.exec(results.conditions.node)?.[1] ?? "";
  mkdirSync(RESULTS, { recursive: true });
  writeFileSync(`${RESULTS}/node-${version}.json`, `${JSON.stringify(results, undefined, 2)}\n`);
  writePages();
}

/** Updates the pages and the chart from the stored results of all versions of Node.js. */
export function writePages(): void {
  const all = storedResults();
  const [first] = all;
  if (first === undefined) return;
  writeFileSync(CHART, chart(first));
  for (const page of PAGES) writeFileSync(page, withFigures(page, readFileSync(page, "utf8"), all));
}

function storedResults(): Results[] {
  return readdirSync(RESULTS)
    .filter((name) => name.endsWith(".json"))
    .toSorted()
    .map((name) => JSON.parse(readFileSync(`${RESULTS}/${name}`, "utf8")) as Results);
}

/** The page with each section between its marks replaced. */
function withFigures(page: string, markdown: string, all: readonly Results[]): string {
  return markdown.replaceAll(
    /(<!-- begin (\w+) -->\n)[^]*?(<!-- end \2 -->)/g,
    (_, begin: string, section: string, end: string) => {
      const part = parts[section];
      if (part === undefined) throw new Error(`${page} has an unknown section: ${section}`);
      return `${begin}\n${part(all)}\n\n${end}`;
    },
  );
}

type Part = (all: readonly Results[]) => string;

/** Renders a section once for each version of Node.js. */
const each = (section: (results: Results) => string): Part => {
  return (all) => all.map((results) => `**Node.js ${results.conditions.node}**\n\n${section(results)}`).join("\n\n");
};

const parts: Readonly<Record<string, Part>> = {
  conditions: (all) => all.map(({ conditions }) => `- ${describe(conditions)}`).join("\n"),
  contestants: () =>
    Object.entries(about)
      .map(([name, description]) => `- **${name}**: ${description}`)
      .join("\n"),
  ...summary,
  ...Object.fromEntries(
    Object.entries(sections).map(([name, tables]) => [name, each((results) => headed(tables(results)))]),
  ),
};

export function describe(of: Conditions): string {
  const { node, system, processor, cores, memoryGiB, rounds, scale, date, seconds } = of;
  const counts = scale === 1 ? "" : `, counts times ${scale}`;
  return `Node.js ${node}, ${system}, ${cores} cores (${processor}), ${memoryGiB} GiB; ${rounds} interleaved rounds${counts}, medians; ${date}, ${seconds} s`;
}
