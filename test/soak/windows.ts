interface Window {
  readonly from: number;
  to: number;
}

/** The times at which each line had faults: losses at other times are unexplained. */
export class Windows {
  readonly #windows = new Map<string, Window[]>();

  /** Starts a window; the returned function ends it. */
  begin(line: string, from = performance.now()): () => void {
    const window = { from, to: Infinity };
    const windows = this.#windows.get(line) ?? [];
    this.#windows.set(line, windows);
    windows.push(window);
    return () => {
      if (window.to === Infinity) window.to = performance.now();
    };
  }

  /** Whether one of the lines had faults at some time in a span. */
  overlap(lines: readonly string[], from: number, to: number): boolean {
    return lines.some((line) => this.#windows.get(line)?.some((window) => window.from <= to && window.to >= from));
  }

  /** The time from the end of the last fault of a line that ended before a moment. */
  since(line: string, moment: number): number {
    const ends = (this.#windows.get(line) ?? []).map(({ to }) => to).filter((to) => to <= moment);
    return moment - Math.max(...ends);
  }

  /** The share of a span in which a line had faults, from 0 to 1. */
  share(line: string, from: number, to: number): number {
    const sorted = [...(this.#windows.get(line) ?? [])].sort((a, b) => a.from - b.from);
    let covered = 0;
    let at = from;
    for (const window of sorted) {
      const begin = Math.max(at, window.from);
      const end = Math.min(to, window.to);
      if (end <= begin) continue;
      covered += end - begin;
      at = end;
    }
    return covered / (to - from);
  }
}
