import { start, type Child } from "../children.js";
import type { Order, Sample } from "../contestant.js";
import type { EmbeddedOrder, EmbeddedSample } from "../embedded.js";
import { loads } from "../loads.js";
import type { ScalingOrder, ScalingSample } from "../scaling.js";
import type { Ports } from "../server.js";
import { quantile } from "../statistics.js";
import { embeddedCounts } from "./embedded.js";
import { hasLargeBodies, type Settings } from "./side-by-side.js";

/** New build to old build, above 1 where the new one is better: quartiles over the rounds. */
export interface Quartiles {
  readonly low: number;
  readonly median: number;
  readonly high: number;
}

export interface Comparison {
  readonly load: string;
  readonly rate: Quartiles;
  readonly cpu: Quartiles;
}

interface Cost {
  readonly ms: number;
  readonly cpuMs: number;
}

/** Runs one round of a load with the build in a folder. */
type Play = (folder: string) => Promise<Cost>;

/**
 * Runs the client of this build and that of the build in another folder by turns, against the same
 * servers. `onLoad` receives each load when it is measured.
 */
export async function against(other: string, settings: Settings, onLoad: (load: Comparison) => void): Promise<void> {
  const { rounds, only } = settings;
  const compare = async (load: string, play: Play): Promise<void> => {
    if (!load.includes(only)) return;
    const costs = { new: [] as Cost[], old: [] as Cost[] };
    for (let round = -1; round < rounds; round++) {
      // The first round warms up. The order changes from round to round.
      for (const build of round % 2 === 0 ? (["new", "old"] as const) : (["old", "new"] as const)) {
        const cost = await play(build === "new" ? process.cwd() : other);
        if (round >= 0) costs[build].push(cost);
      }
    }
    const ratios = (key: keyof Cost) => costs.old.map((old, at) => old[key] / (costs.new[at]?.[key] ?? Number.NaN));
    onLoad({ load, rate: quartiles(ratios("ms")), cpu: quartiles(ratios("cpuMs")) });
  };
  await compareLoads(settings, compare);
  await compareSubscriptions(settings, compare);
  await compareOnBroker(settings, compare);
}

type Compare = (load: string, play: Play) => Promise<void>;

function quartiles(values: readonly number[]): Quartiles {
  return { low: quantile(values, 0.25), median: quantile(values, 0.5), high: quantile(values, 0.75) };
}

/** One process for each build, started at its first use. */
class Processes implements Disposable {
  readonly #started = new Map<string, Promise<Child>>();
  readonly #start: (folder: string) => Promise<Child>;

  constructor(start: (folder: string) => Promise<Child>) {
    this.#start = start;
  }

  of(folder: string): Promise<Child> {
    const started = this.#started.get(folder) ?? this.#start(folder);
    this.#started.set(folder, started);
    return started;
  }

  [Symbol.dispose](): void {
    for (const started of this.#started.values()) void started.then((child) => child[Symbol.dispose]());
  }
}

async function compareLoads({ scale }: Settings, compare: Compare): Promise<void> {
  using server = await start("server.js");
  const ports = server.greeting as Ports;
  const startContestant = (folder: string) => start("contestant.js", ["facade"], { env: { KUBEMQ_ES: folder } });
  using children = new Processes(startContestant);
  for (const load of loads) {
    const order: Order = { load, count: Math.max(20, Math.round(load.count * scale)), ports };
    await compare(load.name, async (folder) => {
      if (!hasLargeBodies(load)) return (await (await children.of(folder)).ask(order)) as Sample;
      using own = await startContestant(folder);
      await own.ask(order);
      return (await own.ask(order)) as Sample;
    });
  }
}

async function compareSubscriptions({ scale }: Settings, compare: Compare): Promise<void> {
  using server = await start("server.js");
  const port = (server.greeting as Ports).receive[16] ?? 0;
  using children = new Processes((folder) => start("scaling.js", [], { env: { KUBEMQ_ES: folder } }));
  for (const subscriptions of [1, 1000]) {
    const order: ScalingOrder = { task: "receive", port, messages: Math.round(200_000 * scale), subscriptions };
    await compare(`receive 16 B, subscriptions: ${subscriptions}`, async (folder) => {
      return (await (await children.of(folder)).ask(order)) as ScalingSample;
    });
  }
}

/** Each build has a broker of its own, because both use the same channels. */
async function compareOnBroker({ scale }: Settings, compare: Compare): Promise<void> {
  const brokers: Disposable[] = [];
  using children = new Processes(async (folder) => {
    const broker = await start("broker-process.js");
    brokers.push(broker);
    return start("embedded.js", [broker.greeting as string], { env: { KUBEMQ_ES: folder } });
  });
  for (const [task, most] of Object.entries(embeddedCounts) as [keyof typeof embeddedCounts, number][]) {
    const order: EmbeddedOrder = { task, count: Math.max(50, Math.round(most * scale)) };
    await compare(`on the broker: ${task}`, async (folder) => {
      return (await (await children.of(folder)).ask(order)) as EmbeddedSample;
    });
  }
  for (const broker of brokers) broker[Symbol.dispose]();
}
