import { start } from "../children.js";
import type { EmbeddedOrder, EmbeddedSample, EmbeddedTask } from "../embedded.js";
import { median, quantile, spread } from "../statistics.js";

export interface EmbeddedRate {
  readonly load: string;
  readonly count: number;
  readonly perSecond: number;
  readonly spread: number;
  readonly cpuMicros: number;
}

export interface Latency {
  readonly what: string;
  readonly p50Micros: number;
  readonly p99Micros: number;
  /** Relative to one ping. */
  readonly ratio: number;
  readonly atMost: number | undefined;
}

/**
 * The rate with confirmed acks relative to `on-delivery`, where the server acks before it sends.
 */
export interface DrainRatio {
  readonly ratio: number;
  readonly mustReach: number;
}

export interface EmbeddedOutcome {
  readonly rates: readonly EmbeddedRate[];
  readonly drain: DrainRatio;
  readonly latencies: readonly Latency[];
}

export const embeddedCounts: Readonly<Record<Exclude<EmbeddedTask, "latency">, number>> = {
  "events, publish to `for await`": 40_000,
  "events store, replay": 40_000,
  "queue, publisher, a result each": 40_000,
  "queue, confirmed acks, prefetch 1": 2_000,
  "queue, confirmed acks, prefetch 256": 100_000,
  "queue, on-delivery, prefetch 256": 100_000,
  "request and reply, one at a time": 1_000,
  "request and reply, 64 at once": 4_000,
};

/**
 * Runs the client against the embedded broker in a separate process. These are not figures of a
 * KubeMQ server.
 */
export async function embedded(rounds: number, scale: number): Promise<EmbeddedOutcome> {
  const samples = new Map<string, EmbeddedSample[]>();
  const latencies: (readonly [EmbeddedSample["latencies"] & object])[] = [];
  const countOf = (task: keyof typeof embeddedCounts) => Math.max(50, Math.round(embeddedCounts[task] * scale));
  for (let round = 0; round < rounds; round++) {
    // A new broker per round, so that rounds do not affect each other.
    using broker = await start("broker-process.js");
    using child = await start("embedded.js", [broker.greeting as string]);
    const tasks = Object.keys(embeddedCounts) as (keyof typeof embeddedCounts)[];
    for (const task of tasks) {
      await child.ask({ task, count: Math.ceil(countOf(task) / 10) } satisfies EmbeddedOrder); // warms up
    }
    for (const task of tasks) {
      const sample = (await child.ask({ task, count: countOf(task) } satisfies EmbeddedOrder)) as EmbeddedSample;
      samples.set(task, [...(samples.get(task) ?? []), sample]);
    }
    const count = Math.max(20, Math.round(200 * scale));
    const sample = (await child.ask({ task: "latency", count } satisfies EmbeddedOrder)) as EmbeddedSample;
    if (sample.latencies !== undefined) latencies.push([sample.latencies]);
  }
  const rates = (Object.keys(embeddedCounts) as (keyof typeof embeddedCounts)[]).map((task) =>
    rateOf(task, countOf(task), samples.get(task) ?? []),
  );
  const perSecond = (load: EmbeddedTask) => rates.find((rate) => rate.load === load)?.perSecond ?? Number.NaN;
  const ratio = perSecond("queue, confirmed acks, prefetch 256") / perSecond("queue, on-delivery, prefetch 256");
  return { rates, drain: { ratio, mustReach: 0.5 }, latencies: latenciesOf(latencies.map(([each]) => each)) };
}

function rateOf(load: string, count: number, samples: readonly EmbeddedSample[]): EmbeddedRate {
  const rates = samples.map(({ ms }) => (count / ms) * 1000);
  const cpuMicros = median(samples.map(({ cpuMs }) => (cpuMs / count) * 1000));
  return { load, count, perSecond: median(rates), spread: spread(rates), cpuMicros };
}

function latenciesOf(rounds: readonly Readonly<Record<string, readonly number[]>>[]): Latency[] {
  const all = new Map<string, number[]>();
  for (const round of rounds) {
    for (const [what, times] of Object.entries(round)) all.set(what, [...(all.get(what) ?? []), ...times]);
  }
  const ping = median(all.get("ping") ?? []);
  return [...all].map(([what, times]) => ({
    what,
    p50Micros: median(times) * 1000,
    p99Micros: quantile(times, 0.99) * 1000,
    ratio: median(times) / ping,
    atMost: what.startsWith("queue") ? 3 : undefined,
  }));
}
