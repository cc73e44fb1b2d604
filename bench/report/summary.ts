import type { Point } from "../suites/scaling.js";
import type { LoadOutcome } from "../suites/side-by-side.js";
import type { Results } from "./results.js";
import { cpuRatio } from "./tables.js";
import { render, times, timesOr, whole, type Table } from "./table.js";

/** The short tables of docs/performance.md, with a column for each version of Node.js. */
export const summary: Readonly<Record<string, (all: readonly Results[]) => string>> = {
  ratios: (all) => render(ratioTable(all)),
  sends: (all) => render(sendTable(all)),
  messages: (all) => render(costTable(all, "messages", ({ scaling }) => scaling.byMessages)),
  subscriptions: (all) => render(costTable(all, "subscriptions", ({ scaling }) => scaling.bySubscriptions)),
  resources: idleMemory,
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

/** What a single send costs in the client, and what node:http2 alone costs of it. */
function sendTable(all: readonly Results[]): Table {
  const names = [
    { name: "facade", title: "kubemq-es" },
    { name: "node:http2 stream", title: "node:http2 alone" },
  ] as const;
  const loads = (all[0]?.loads ?? [])
    .map(({ load }) => load)
    .filter((load) => /^(queues|eventsStore).*one at/.test(load));
  return {
    columns: ["load", ...names.flatMap(({ title }) => all.map((results) => `${title}, ${versionOf(results)}`))],
    rows: loads.map((load) => [
      load,
      ...names.flatMap(({ name }) =>
        all.map((results) => {
          const outcome = results.loads.find((each) => each.load === load);
          return timesOr(outcome === undefined ? undefined : cpuRatio(outcome, name, "kubemq-js"), "not measured");
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

function idleMemory(all: readonly Results[]): string {
  const figures = all.map(
    (results) => `${(results.scaling.idle.bytesEach / 1024).toFixed(1)} KiB on ${versionOf(results)}`,
  );
  return `An idle subscription takes ${figures.join(" and ")}.`;
}
