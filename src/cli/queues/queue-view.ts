import type { ServerInfo } from "../../index.js";
import { styled, type Line } from "../terminal/line.js";
import type { Output } from "../terminal/output.js";
import type { Redrawn } from "../terminal/screen.js";
import { tableOf, type Column } from "../terminal/table.js";
import type { QueueSample } from "./rates.js";
import { sparkline } from "../terminal/sparkline.js";

/** Which queues are shown: those of the names, or all. */
export interface QueueView {
  readonly names: readonly string[];
  readonly order: "given" | "busiest";
}

interface Frame extends QueueView {
  readonly server: ServerInfo;
  readonly interval: number;
}

const PLOT = 40;
const LONGEST_NAME = 40;

/** Prints the samples; without samples, the reason for which there are none. */
export type Print = (samples: readonly QueueSample[] | undefined, problem?: string) => Promise<void>;

/** A table that is redrawn, or a line for each queue. */
export function printerOf(output: Output, screen: Redrawn | undefined, frame: Frame): Print {
  if (screen === undefined) return (samples = []) => printLines(output, samples);
  const depths = new Map<string, number[]>();
  let last: readonly QueueSample[] = [];
  return async (samples, problem) => {
    if (samples !== undefined) {
      last = frame.order === "busiest" ? samples.toSorted(busiest) : samples;
      for (const { name, waiting } of samples) depths.set(name, [...(depths.get(name) ?? []), waiting].slice(-PLOT));
    }
    screen.draw([
      headOf(frame, last),
      problem === undefined ? "" : styledProblem(problem),
      ...tableOf(columns(depths, frame.interval), last),
    ]);
  };
}

const styledProblem = (problem: string): Line => [styled("red", problem)];

async function printLines(output: Output, samples: readonly QueueSample[]): Promise<void> {
  const time = new Date().toISOString();
  for (const sample of samples) {
    const { name, exists, waiting, consumers, inPerSecond, outPerSecond } = sample;
    const missing = exists ? "" : " (no such queue)";
    const line = `${time} ${name}${missing} waiting ${waiting} in ${shown(inPerSecond)}/s out ${shown(outPerSecond)}/s consumers ${consumers}`;
    await output.print(line, { time, ...sample });
  }
}

const shown = (perSecond: number | undefined) => (perSecond === undefined ? "-" : String(perSecond));
const traffic = ({ inPerSecond = 0, outPerSecond = 0 }: QueueSample) => inPerSecond + outPerSecond;

function busiest(a: QueueSample, b: QueueSample): number {
  return traffic(b) - traffic(a) || b.waiting - a.waiting || (a.name < b.name ? -1 : 1);
}

function headOf({ server, interval }: Frame, samples: readonly QueueSample[]): Line {
  const sum = (of: (sample: QueueSample) => number) => Math.round(samples.reduce((total, it) => total + of(it), 0));
  const { host, version } = server;
  const waiting = sum((it) => it.waiting);
  const rates = `in ${sum((it) => it.inPerSecond ?? 0)}/s  out ${sum((it) => it.outPerSecond ?? 0)}/s`;
  return [
    styled("bold", `${host} ${version}`),
    `  ${samples.length} ${samples.length === 1 ? "queue" : "queues"}  waiting ${waiting}  ${rates}  `,
    styled("dim", `every ${interval} s, Ctrl-C ends`),
  ];
}

function columns(depths: ReadonlyMap<string, readonly number[]>, interval: number): Column<QueueSample>[] {
  return [
    { title: "QUEUE", cell: ({ name }) => styled("bold", named(name)) },
    { title: "WAITING", align: "right", cell: ({ waiting }) => String(waiting) },
    { title: "IN/S", align: "right", cell: ({ inPerSecond }) => shown(inPerSecond) },
    { title: "OUT/S", align: "right", cell: ({ outPerSecond }) => shown(outPerSecond) },
    {
      title: "CONSUMERS",
      align: "right",
      // Messages wait, and there is no consumer.
      cell: ({ consumers, waiting }) => (consumers === 0 && waiting > 0 ? styled("yellow", "0") : String(consumers)),
    },
    {
      title: `WAITING, LAST ${Math.round(PLOT * interval)} S`,
      cell: ({ name, exists }) =>
        exists ? styled("cyan", sparkline(depths.get(name) ?? [], PLOT)) : styled("dim", "(no such queue)"),
    },
  ];
}

function named(name: string): string {
  return name.length <= LONGEST_NAME ? name : `${name.slice(0, LONGEST_NAME - 1)}…`;
}
