import { clearImmediate, clearTimeout, monotonicMs, setImmediate, setTimeout } from "../timers.js";

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

/** A timer that fires this late indicates a blocked event loop, in milliseconds. */
const BLOCKED_MS = 20;

/**
 * Runs `run` when an answer is late; the returned function cancels it. After a blocked event loop,
 * timers fire before the socket is read, and an answer in the socket still counts. `run` therefore
 * waits for one turn that reads, and for one that delivers the data.
 */
export function setDeadline(
  clock: Clock,
  delayMs: number,
  run: () => void,
  options?: { readonly holdsProcess: boolean },
): () => void {
  const due = clock.now() + delayMs;
  const onDue = () => {
    if (clock.now() - due < BLOCKED_MS) return run(); // promise: answer-in-socket-counts-on-stream
    let immediate = setImmediate(() => (immediate = setImmediate(run)));
    cancel = () => clearImmediate(immediate);
  };
  let cancel = clock.setTimer(delayMs, onDue, options);
  return () => cancel();
}

/** Resolves when the promise does, or after `ms` milliseconds. The promise must not reject. */
export async function within(clock: Clock, ms: number, promise: Promise<unknown>): Promise<void> {
  let cancelTimer = () => {};
  const bound = new Promise<void>((resolve) => (cancelTimer = clock.setTimer(ms, resolve)));
  await Promise.race([promise, bound]);
  cancelTimer();
}
