import { REFERENCE } from "../loads.js";
import type { ContestantName } from "../loads.js";
import type { DrainRatio, EmbeddedRate, Latency } from "../suites/embedded.js";
import type { Point, Scaling } from "../suites/scaling.js";
import type { LoadOutcome, LoadProfile } from "../suites/side-by-side.js";
import type { StartUp } from "../suites/start-up.js";
import type { TracingCost } from "../suites/tracing.js";
import { micros, percent, times, timesOr, whole } from "./table.js";
import type { Table } from "./table.js";

export function loadTable({ figures }: LoadOutcome): Table {
  const roundTrip = figures.some(({ p50Micros }) => p50Micros !== undefined);
  return {
    columns: ["", roundTrip ? "p50" : "per second", "±", "CPU per message", "server busy", `to ${REFERENCE}`, "by CPU"],
    rows: figures.map((each) => [
      each.contestant,
      each.p50Micros === undefined ? whole(each.perSecond) : `${whole(each.p50Micros)} µs`,
      percent(each.spread),
      `${micros(each.cpuMicros)} µs`,
      percent(each.serverShare),
      times(each.ratio),
      times(each.cpuRatio),
    ]),
  };
}

const verdict = (reached: boolean): string => (reached ? "ok" : "short");

export function targetTable(outcomes: readonly LoadOutcome[]): Table {
  return {
    columns: ["load, through the facade", "against", "ratio", "target", ""],
    rows: outcomes
      .flatMap(({ targets }) => targets)
      .map(({ load, against, ratio, mustReach }) => [
        load,
        against,
        times(ratio),
        times(mustReach),
        verdict(ratio >= mustReach),
      ]),
  };
}

/** The highest acceptable cost of the client relative to its transport. */
const FACADE_AT_MOST = 1.15;

export function facadeTable(outcomes: readonly LoadOutcome[]): Table {
  const measured = outcomes.filter(({ load }) => /^(receive|send)/.test(load));
  return costTable(measured, "transport", () => FACADE_AT_MOST);
}

/** The highest acceptable cost of a plain send relative to kubemq-js. */
const PLAIN_AT_MOST = 0.5;

export function kubemqJsTable(outcomes: readonly LoadOutcome[]): Table {
  const { columns, rows } = costTable(outcomes, "kubemq-js", (load) =>
    load.startsWith("queues.send") ? PLAIN_AT_MOST : undefined,
  );
  const floors = outcomes.map((load) => cpuRatio(load, "node:http2 stream", "kubemq-js"));
  return {
    columns: [...columns, "node:http2 stream"],
    rows: rows.map((row, at) => [...row, timesOr(floors[at], "")]),
  };
}

/** The CPU time of a contestant relative to another one's, unless one of them was not measured. */
export function cpuRatio({ figures }: LoadOutcome, name: ContestantName, other: ContestantName): number | undefined {
  const cpu = (contestant: string) => figures.find((each) => each.contestant === contestant)?.cpuMicros;
  const [own, others] = [cpu(name), cpu(other)];
  return own === undefined || others === undefined ? undefined : own / others;
}

function costTable(
  outcomes: readonly LoadOutcome[],
  other: ContestantName,
  atMost: (load: string) => number | undefined,
): Table {
  return {
    columns: ["load", other, "facade", "ratio", "at most", ""],
    rows: outcomes.map((outcome) => {
      const { load, figures } = outcome;
      const cpu = (name: string) => figures.find(({ contestant }) => contestant === name)?.cpuMicros ?? Number.NaN;
      const ratio = cpuRatio(outcome, "facade", other) ?? Number.NaN;
      const most = atMost(load);
      return [
        load,
        `${micros(cpu(other))} µs`,
        `${micros(cpu("facade"))} µs`,
        times(ratio),
        most === undefined ? "" : times(most),
        most === undefined ? "" : verdict(ratio <= most),
      ];
    }),
  };
}

/** Rooms with a smaller share are not listed. */
const LEAST_SHARE = 0.005;

export function profileTable(profiles: readonly LoadProfile[]): Table {
  const rooms = new Map<string, number>();
  for (const { profile } of profiles) {
    for (const { room, share } of profile) rooms.set(room, Math.max(rooms.get(room) ?? 0, share));
  }
  const listed = [...rooms].filter(([, most]) => most >= LEAST_SHARE).toSorted(([, a], [, b]) => b - a);
  return {
    columns: ["where", ...profiles.map(({ load }) => load)],
    rows: listed.map(([room]) => [
      room,
      ...profiles.map(({ profile }) => percent(profile.find((each) => each.room === room)?.share ?? 0)),
    ]),
  };
}

export function rateTable(rates: readonly EmbeddedRate[]): Table {
  return {
    columns: ["load", "messages", "per second", "±", "CPU per message"],
    rows: rates.map(({ load, count, perSecond, spread, cpuMicros }) => [
      load,
      whole(count),
      whole(perSecond),
      percent(spread),
      `${micros(cpuMicros)} µs`,
    ]),
  };
}

export function latencyTable(latencies: readonly Latency[], drain: DrainRatio): Table {
  return {
    columns: ["", "p50", "p99", "ratio", "bound", ""],
    rows: [
      ...latencies.map(({ what, p50Micros, p99Micros, ratio, atMost }) => [
        what,
        `${whole(p50Micros)} µs`,
        `${whole(p99Micros)} µs`,
        times(ratio),
        atMost === undefined ? "" : `at most ${times(atMost)} of a ping`,
        atMost === undefined ? "" : verdict(ratio <= atMost),
      ]),
      [
        "rate of confirmed acks to on-delivery, prefetch 256",
        "",
        "",
        times(drain.ratio),
        `at least ${times(drain.mustReach)}`,
        verdict(drain.ratio >= drain.mustReach),
      ],
    ],
  };
}

export function startUpTable(found: readonly StartUp[]): Table {
  return {
    columns: ["", "import", "import to first message", "±", "CPU of the process"],
    rows: found.map(({ contestant, importMs, firstMessageMs, spread, cpuMs }) => [
      contestant,
      `${whole(importMs)} ms`,
      `${whole(firstMessageMs)} ms`,
      percent(spread),
      `${whole(cpuMs)} ms`,
    ]),
  };
}

export function tracingTable(found: readonly TracingCost[]): Table {
  return {
    columns: ["tracing", "CPU per message", "±", "ratio"],
    rows: found.map(({ mode, cpuMicros, spread, ratio }) => [
      mode,
      `${micros(cpuMicros)} µs`,
      percent(spread),
      times(ratio),
    ]),
  };
}

export function scalingTable(points: readonly Point[]): Table {
  const most = Math.max(...points.map(({ cpuMicros }) => cpuMicros));
  return {
    columns: ["messages", "subscriptions", "per second", "CPU per message", "curve"],
    rows: points.map(({ messages, subscriptions, cpuMicros, perSecond }) => [
      whole(messages),
      whole(subscriptions),
      whole(perSecond),
      `${cpuMicros.toFixed(2)} µs`,
      "█".repeat(Math.max(1, Math.round((cpuMicros / most) * 30))).padEnd(30, "·"),
    ]),
  };
}

export function memoryTable({ idle, stalled }: Scaling): Table {
  const mebibytes = (bytes: number) => `${(bytes / 2 ** 20).toFixed(1)} MiB`;
  return {
    columns: ["", "memory"],
    rows: [
      [`each of ${whole(idle.subscriptions)} idle subscriptions`, `${(idle.bytesEach / 1024).toFixed(1)} KiB`],
      ...stalled.map(({ seconds, heapBytes }) => [
        `process whose loop has been stalled for ${seconds.toFixed(1)} s`,
        mebibytes(heapBytes),
      ]),
    ],
  };
}
