import { start } from "../children.js";
import { median, spread } from "../statistics.js";

/** CPU microseconds of each message, round by round, by mode. */
export type TracingSamples = Readonly<Record<string, number[]>>;

export interface TracingCost {
  readonly mode: string;
  readonly cpuMicros: number;
  readonly spread: number;
  /** To the first mode, which is without tracing. */
  readonly ratio: number;
}

const MESSAGES = 20_000;

/** What tracing costs, off and on. */
export async function tracing(rounds: number, scale: number): Promise<TracingCost[]> {
  using child = await start("tracing.js", [String(Math.round(MESSAGES * scale)), String(rounds)]);
  const all = Object.entries(child.greeting as TracingSamples);
  const off = median(all[0]?.[1] ?? []);
  return all.map(([mode, samples]) => {
    const cpuMicros = median(samples);
    return { mode, cpuMicros, spread: spread(samples), ratio: cpuMicros / off };
  });
}
