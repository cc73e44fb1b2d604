import { clearTimeout, monotonicMs, setTimeout } from "./timers.js";

/** The client's source of time; tests use their own. */
export interface Clock {
  /** Milliseconds of a monotonic clock. */
  now(): number;
  /**
   * Runs `run` after `delayMs`; the returned function cancels it. With `holdsProcess: false` the
   * process may exit before.
   */
  setTimer(delayMs: number, run: () => void, options?: { readonly holdsProcess: boolean }): () => void;
}

export const systemClock: Clock = {
  now: monotonicMs,
  setTimer: (delayMs, run, options) => {
    const timer = setTimeout(run, delayMs);
    if (options?.holdsProcess === false) timer.unref();
    return () => clearTimeout(timer);
  },
};

/** Resolves when the promise does, or when the time is over. The promise must not reject. */
export async function within(clock: Clock, ms: number, promise: Promise<unknown>): Promise<void> {
  let cancelTimer = () => {};
  const bound = new Promise<void>((resolve) => (cancelTimer = clock.setTimer(ms, resolve)));
  await Promise.race([promise, bound]);
  cancelTimer();
}
