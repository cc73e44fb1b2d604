import { memoryUsage } from "node:process";
import type { Findings } from "./findings.js";

/**
 * The heap counts as growing above this slope in bytes per minute, if it has also grown by that
 * many bytes.
 */
const MAX_SLOPE = 2 * 2 ** 20;

interface Sample {
  readonly atMs: number;
  readonly heap: number;
}

/** Memory after garbage collection, and the handles that keep the process alive. */
export class Resources {
  readonly #samples: Sample[] = [];
  readonly #atStart = countHandles();
  readonly #rssAtStart = memoryUsage.rss();

  sample(): void {
    globalThis.gc?.();
    this.#samples.push({ atMs: performance.now(), heap: memoryUsage().heapUsed });
  }

  get heap(): number {
    return this.#samples.at(-1)?.heap ?? 0;
  }

  /** Handles that did not exist at the start. */
  leftHandles(): string[] {
    const now = countHandles();
    return [...now].flatMap(([name, count]) => {
      const more = count - (this.#atStart.get(name) ?? 0);
      return more > 0 ? [`${more} ${name}`] : [];
    });
  }

  /**
   * The slope of the last two thirds: in the first third, code is compiled and buffers are
   * allocated.
   */
  reconcile(findings: Findings): string[] {
    const samples = this.#samples.slice(Math.ceil(this.#samples.length / 3));
    const [first, last] = [samples.at(0), samples.at(-1)];
    if (first === undefined || last === undefined || samples.length < 5) return ["too few samples of the heap"];
    const slope = slopeOf(samples) * 60_000;
    if (slope > MAX_SLOPE && last.heap - first.heap > MAX_SLOPE) {
      findings.add("leaked", `the heap grows by ${mib(slope)} a minute, from ${mib(first.heap)} to ${mib(last.heap)}`);
    }
    return [
      `heap after gc: ${mib(this.#samples[0]?.heap ?? 0)} at the start, ${mib(first.heap)} after a third, ${mib(last.heap)} at the end, ` +
        `slope ${mib(slope)} a minute (${samples.length} samples)`,
      `rss: ${mib(this.#rssAtStart)} at the start, ${mib(memoryUsage.rss())} at the end`,
    ];
  }
}

function countHandles(): Map<string, number> {
  const counts = new Map<string, number>();
  for (const name of process.getActiveResourcesInfo()) counts.set(name, (counts.get(name) ?? 0) + 1);
  return counts;
}

/** Least squares, in bytes per millisecond. */
function slopeOf(samples: readonly Sample[]): number {
  const meanAt = samples.reduce((sum, { atMs }) => sum + atMs, 0) / samples.length;
  const meanHeap = samples.reduce((sum, { heap }) => sum + heap, 0) / samples.length;
  let above = 0;
  let below = 0;
  for (const { atMs, heap } of samples) {
    above += (atMs - meanAt) * (heap - meanHeap);
    below += (atMs - meanAt) ** 2;
  }
  return below === 0 ? 0 : above / below;
}

function mib(bytes: number): string {
  return `${(bytes / 2 ** 20).toFixed(1)} MiB`;
}
