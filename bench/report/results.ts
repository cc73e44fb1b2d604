import { cpus, availableParallelism, totalmem } from "node:os";
import type { EmbeddedOutcome } from "../suites/embedded.js";
import type { Scaling } from "../suites/scaling.js";
import type { LoadOutcome, LoadProfile, Settings } from "../suites/side-by-side.js";
import type { StartUp } from "../suites/start-up.js";
import type { TracingCost } from "../suites/tracing.js";

/** The conditions of a run. */
export interface Conditions {
  readonly node: string;
  readonly system: string;
  readonly processor: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly rounds: number;
  readonly scale: number;
  readonly date: string;
  readonly seconds: number;
}

/** All figures of one run. */
export interface Results {
  readonly conditions: Conditions;
  readonly loads: readonly LoadOutcome[];
  readonly profiles: readonly LoadProfile[];
  readonly embedded: EmbeddedOutcome;
  readonly scaling: Scaling;
  readonly startUp: readonly StartUp[];
  /** Missing in results from before this suite existed. */
  readonly tracing?: readonly TracingCost[];
}

export function conditions({ rounds, scale }: Settings, startedAt: number): Conditions {
  return {
    node: process.version,
    system: `${process.platform} ${process.arch}`,
    processor: cpus()[0]?.model ?? "unknown",
    cores: availableParallelism(),
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    rounds,
    scale,
    date: new Date().toISOString().slice(0, 10),
    seconds: Math.round((performance.now() - startedAt) / 1000),
  };
}
