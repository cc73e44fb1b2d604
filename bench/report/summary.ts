import type { Point } from "../suites/scaling.js";
import type { LoadOutcome } from "../suites/side-by-side.js";
import type { Results } from "./results.js";
import { render, times, whole, type Table } from "./table.js";

/** The short tables of docs/performance.md, with a column for each version of Node.js. */
export const summary: Readonly<Record<string, (all: readonly Results[]) => string>> = {
  ratios: (all) => render(ratioTable(all)),
  messages: (all) => render(costTable(all, "messages", ({ scaling }) => scaling.byMessages)),
  subscriptions: (all) => render(costTable(all, "subscriptions", ({ scaling }) => scaling.bySubscriptions)),
  resources: (all) => render(resourceTable(all)),
};

const versionOf = ({ conditions }: Results): string => `Node.js ${/^v(\d+)/.exec(conditions.node)?.[1] ?? ""}`;

const RATIOS = [
  { title: "rate", of: (load: LoadOutcome) => figure(load, "facade", "ratio") },
  {
    title: "rate, tuned",
    of: (load: LoadOutcome) => figure(load, "facade", "ratio") / figure(load, "grpc-js tuned", "ratio"),
  },
  { title: "CPU", of: (load: LoadOutcome) => figure(load, "facade", "cpuRatio") },
];

function figure({ figures }: LoadOutcome, name: string, key: "ratio" | "cpuRatio"): number {
  return figures.find(({ contestant }) => contestant === name)?.[key] ?? Number.NaN;
}

function ratioTable(all: readonly Results[]): Table {
  const names = all[0]?.loads.map(({ load }) => load) ?? [];
  return {
    columns: ["load", ...RATIOS.flatMap(({ title }) => all.map((results) => `${title}, ${versionOf(results)}`))],
    rows: names.map((name) => [
      name,
      ...RATIOS.flatMap(({ of }) =>
        all.map(({ loads }) => {
          const load = loads.find((each) => each.load === name);
          return load === undefined ? "" : times(of(load));
        }),
      ),
    ]),
  };
}

function costTable(
  all: readonly Results[],
  by: "messages" | "subscriptions",
  pointsOf: (results: Results) => readonly Point[],
): Table {
  const counts = [...new Set(all.flatMap((results) => pointsOf(results).map((point) => point[by])))];
  return {
    columns: [by, ...all.map((results) => `CPU per message, ${versionOf(results)}`)],
    rows: counts.map((count) => [
      whole(count),
      ...all.map((results) => {
        const point = pointsOf(results).find((each) => each[by] === count);
        return point === undefined ? "" : `${point.cpuMicros.toFixed(2)} µs`;
      }),
    ]),
  };
}

function resourceTable(all: readonly Results[]): Table {
  const row = (name: string, of: (results: Results) => string) => [name, ...all.map(of)];
  return {
    columns: ["", ...all.map(versionOf)],
    rows: [row("memory of an idle subscription", ({ scaling }) => `${(scaling.idle.bytesEach / 1024).toFixed(1)} KiB`)],
  };
}
