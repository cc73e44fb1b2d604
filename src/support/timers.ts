import * as timers from "node:timers";
import { performance as clocks } from "node:perf_hooks";

/**
 * The timers of Node.js as they were when this module was loaded. Fake timers of a test framework
 * (Jest, Vitest, `node:test`) replace the global functions later; a client that called those would
 * stop in the tests of its users. Every room imports its timers from here, and the linter refuses
 * the global ones. `Date` is the exception: dates that a user reads or compares follow the user's
 * clock.
 *
 * It reads `node:timers`, not the globals, because Jest can replace the globals before this module
 * is loaded (`enableGlobally`).
 */
export const { setTimeout, clearTimeout, setInterval, clearInterval, setImmediate, clearImmediate } = timers;

/** Runs at the end of this step of the event loop, before promises do. */
export const nextTick = process.nextTick.bind(process);

/** Milliseconds of a monotonic clock. */
export const monotonicMs = clocks.now.bind(clocks);

const resolved = Promise.resolve();

/** Replaces `queueMicrotask`, which fake timers replace. `run` must not throw. */
export function microtask(run: () => void): void {
  void resolved.then(run);
}
