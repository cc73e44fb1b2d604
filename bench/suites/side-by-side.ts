import { start } from "../children.js";
import type { Child } from "../children.js";
import type { Order, Sample } from "../contestant.js";
import { loads, REFERENCE, runningNames, runs } from "../loads.js";
import type { ContestantName, Load } from "../loads.js";
import type { Profile } from "../profile.js";
import type { Ports } from "../server.js";
import { median, spread } from "../statistics.js";

export interface Figures {
  readonly contestant: ContestantName;
  readonly perSecond: number;
  readonly spread: number;
  readonly cpuMicros: number;
  /** CPU time of the server, as a share of one core. */
  readonly serverShare: number;
  readonly p50Micros: number | undefined;
  /** Rate relative to the reference; for round trips, the inverse ratio of the medians. */
  readonly ratio: number;
  readonly cpuRatio: number;
}

export interface Target {
  readonly load: string;
  readonly against: string;
  readonly ratio: number;
  readonly mustReach: number;
}

export interface LoadOutcome {
  readonly load: string;
  readonly count: number;
  readonly figures: readonly Figures[];
  readonly targets: readonly Target[];
}

export interface LoadProfile {
  readonly load: string;
  readonly profile: Profile;
}

export interface Settings {
  readonly rounds: number;
  /** Factor for the count of each load. */
  readonly scale: number;
  /** Run only loads whose name contains this; empty runs all. */
  readonly only: string;
  /** Port of a KubeMQ server on this machine, to send and to ping instead of the benchmark's. */
  readonly port?: number | undefined;
}

/** The loads that are profiled. */
const profiledLoads = ["receive 16 B", "receive 1 KiB", "send 16 B, a result each", "unary, 64 at once"];

interface Arena {
  readonly server: Child;
  readonly ports: Ports;
  readonly children: ReadonlyMap<ContestantName, Child>;
}

/**
 * Every contestant runs in its own process, and so does the server. Rounds are interleaved (A B C
 * D, A B C D, ...), so that other work on the machine affects all of them. The first round is
 * longer and warms up: the compilers need tens of thousands of messages.
 */
export async function sideBySide(
  settings: Settings,
  onLoad: (outcome: LoadOutcome) => void,
): Promise<{ loads: LoadOutcome[]; profiles: LoadProfile[] }> {
  using server = await start("server.js");
  const children = new Map<ContestantName, Child>();
  try {
    for (const name of runningNames) children.set(name, await startContestant(name));
    const own = server.greeting as Ports;
    const { port, only } = settings;
    const ports = port === undefined ? own : { ...own, sink: port, sends: port };
    const arena: Arena = { server, ports, children };
    const canRun = ({ kind }: Load) => port === undefined || kind === "plain" || kind === "unary";
    const chosen = loads.filter((load) => load.name.includes(only) && canRun(load));
    const outcomes: LoadOutcome[] = [];
    for (const load of chosen) {
      const outcome = await measure(load, arena, settings);
      outcomes.push(outcome);
      onLoad(outcome);
    }
    const profiles: LoadProfile[] = [];
    for (const load of chosen) {
      if (profiledLoads.includes(load.name)) profiles.push(await profile(load, arena, settings));
    }
    return { loads: outcomes, profiles };
  } finally {
    for (const child of children.values()) child[Symbol.dispose]();
  }
}

function startContestant(name: ContestantName): Promise<Child> {
  return start("contestant.js", [name]);
}

/**
 * The cost of large bodies depends on when V8 collects garbage, and differs between processes. So
 * each round uses new processes.
 */
export function hasLargeBodies(load: Load): boolean {
  return "size" in load && load.size >= 65_536;
}

type ServedSample = Sample & { readonly serverMs: number };

async function measure(load: Load, arena: Arena, { rounds, scale }: Settings): Promise<LoadOutcome> {
  const count = Math.max(20, Math.round(load.count * scale));
  const names = runningNames.filter((name) => runs(name, load));
  const samples = new Map<ContestantName, ServedSample[]>(names.map((name) => [name, []]));
  const children = [...arena.children].filter(([name]) => samples.has(name));
  const play = async (child: Child, most: number): Promise<ServedSample> => {
    const before = await serverCpuMs(arena.server);
    const sample = (await child.ask({ load, count: most, ports: arena.ports } satisfies Order)) as Sample;
    return { ...sample, serverMs: (await serverCpuMs(arena.server)) - before };
  };
  if (!hasLargeBodies(load)) {
    for (const [, child] of children) await play(child, Math.max(load.count, count * 3));
  }
  for (let round = 0; round < rounds; round++) {
    for (const [name, child] of children) {
      if (hasLargeBodies(load)) {
        using own = await startContestant(name);
        await play(own, count);
        samples.get(name)?.push(await play(own, count));
      } else samples.get(name)?.push(await play(child, count));
    }
  }
  const figures = names.map((name) => figuresOf(name, samples, count));
  return { load: load.name, count, figures, targets: targetsOf(load, figures) };
}

async function serverCpuMs(server: Child): Promise<number> {
  const { user, system } = (await server.ask("cpu")) as NodeJS.CpuUsage;
  return (user + system) / 1000;
}

function figuresOf(
  contestant: ContestantName,
  samples: ReadonlyMap<ContestantName, readonly ServedSample[]>,
  count: number,
): Figures {
  const of = <T>(name: ContestantName, pick: (sample: ServedSample) => T) => (samples.get(name) ?? []).map(pick);
  const rates = (name: ContestantName) => of(name, ({ ms }) => (count / ms) * 1000);
  const cpu = (name: ContestantName) => median(of(name, ({ cpuMs }) => (cpuMs / count) * 1000));
  const p50 = (name: ContestantName) => {
    const known = of(name, ({ p50Ms }) => p50Ms).filter((ms) => ms !== undefined);
    return known.length === 0 ? undefined : median(known) * 1000;
  };
  const p50Micros = p50(contestant);
  const rate = median(rates(contestant));
  return {
    contestant,
    perSecond: rate,
    spread: spread(rates(contestant)),
    cpuMicros: cpu(contestant),
    serverShare: median(of(contestant, ({ ms, serverMs }) => serverMs / ms)),
    p50Micros,
    ratio: p50Micros === undefined ? rate / median(rates(REFERENCE)) : (p50(REFERENCE) ?? Number.NaN) / p50Micros,
    cpuRatio: cpu(REFERENCE) / cpu(contestant),
  };
}

function targetsOf({ name, mustReach }: Load, figures: readonly Figures[]): Target[] {
  const ratioOf = (contestant: string) => figures.find((each) => each.contestant === contestant)?.ratio ?? Number.NaN;
  return Object.entries(mustReach).map(([against, least]) => ({
    load: name,
    against,
    ratio: ratioOf("facade") / ratioOf(against),
    mustReach: least,
  }));
}

async function profile(load: Load, { children, ports }: Arena, { scale }: Settings): Promise<LoadProfile> {
  const count = Math.max(100, Math.round(load.count * scale * 3));
  const sample = (await children.get("facade")?.ask({ load, count, ports, profile: true } satisfies Order)) as Sample;
  return { load: load.name, profile: sample.profile ?? [] };
}
