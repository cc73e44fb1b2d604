import process from "node:process";
import * as timers from "node:timers";

/**
 * The timers of Node.js as they were when this module was loaded. Fake timers of a test framework
 * (Jest, Vitest, `node:test`) replace the global functions later, and must not stop the broker of a
 * test. The linter refuses the global ones.
 */
export const { setTimeout, clearTimeout, setInterval, clearInterval, setImmediate } = timers;

/** Nanoseconds of a monotonic clock. */
export const monotonicNanos = process.hrtime.bigint.bind(process.hrtime);

/** Resolves after `ms` milliseconds. */
export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
