/** The distribution of times, in milliseconds. */
export interface Latency {
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly max: number;
}

export function latencyOf(tookMs: readonly number[]): Latency {
  const sorted = tookMs.toSorted((a, b) => a - b);
  const percentile = (p: number) => Number((sorted[Math.ceil(p * sorted.length) - 1] ?? 0).toFixed(2));
  return { p50: percentile(0.5), p90: percentile(0.9), p99: percentile(0.99), max: percentile(1) };
}

export function latencyText({ p50, p90, p99, max }: Latency): string {
  return `p50 ${p50} ms, p90 ${p90} ms, p99 ${p99} ms, max ${max} ms`;
}
