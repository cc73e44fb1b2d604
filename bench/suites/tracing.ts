import { start } from "../children.js";
import { median, spread } from "../statistics.js";

/** CPU time per message in microseconds, one value per round, by mode. */
export type TracingSamples = Readonly<Record<string, number[]>>;

export interface TracingCost {
  readonly mode: string;
  readonly cpuMicros: number;
  readonly spread: number;
  /** Relative to the first mode, which has no tracing. */
  readonly ratio: number;
}

const MESSAGES = 20_000;

/** Measures the cost of tracing, disabled and enabled. */
export async function tracing(rounds: number, scale: number): Promise<TracingCost[]> {
  using child = await start("tracing.js", [String(Math.round(MESSAGES * scale)), String(rounds)]);
  const all = Object.entries(child.greeting as TracingSamples);
  const off = median(all[0]?.[1] ?? []);
  return all.map(([mode, samples]) => {
    const cpuMicros = median(samples);
    return { mode, cpuMicros, spread: spread(samples), ratio: cpuMicros / off };
  });
}
