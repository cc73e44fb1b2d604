import { onAbort } from "../support/abort.js";
import { type Clock, within } from "../support/time/clock.js";
import { MAX_TIMER_MS } from "../support/defaults.js";
import type { HostedStream } from "./hosted-stream.js";

/**
 * Maximum time that a close waits for loop bodies, in milliseconds. One of them may be waiting for
 * the close.
 */
const BODY_MS = 500;

/** The part of the connection that a close uses. */
export interface Closing {
  readonly clock: Clock;
  readonly streams: ReadonlySet<HostedStream>;
  readonly hasCalls: () => boolean;
  /** Calls the watcher whenever the last call or the last stream ends. */
  readonly watch: (watcher: () => void) => void;
  /** Cancels the remaining work. */
  readonly end: () => Promise<void>;
}

/**
 * Lets running work finish, within `timeoutMs` and until the signal aborts. See
 * `KubeMQClient.close`.
 */
export async function closeGently(closing: Closing, timeoutMs: number, signal?: AbortSignal): Promise<void> {
  const { clock, streams, hasCalls, watch, end } = closing;
  const boundMs = Math.min(Math.max(timeoutMs, 0) || 0, MAX_TIMER_MS); // promise: close-any-bound
  const endsAt = clock.now() + boundMs;
  const aborted = new Promise<void>((resolve) => onAbort(signal, resolve));
  const leftMs = () => (signal?.aborted === true ? 0 : Math.max(0, endsAt - clock.now()));
  const wait = (ms: number, work: Promise<unknown>) => within(clock, ms, Promise.race([work, aborted]));
  const until = (condition: () => boolean) =>
    new Promise<void>((resolve) => {
      watch(() => (condition() ? resolve() : undefined));
      if (condition()) resolve();
    });
  const idle = () => (!hasCalls() ? undefined : until(() => !hasCalls())); // promise: close-awaits-calls
  const left = () => until(() => streams.size === 0);
  const finished = Promise.all([...streams].map((stream) => stream.close())).then(idle);
  await wait(boundMs, finished); // promise: close-bounded
  // The remaining streams are loops with a running body. One of the bodies may be the caller, so
  // the promise resolves after a short wait, and the bodies keep the rest of the time.
  const isLong = leftMs() > BODY_MS;
  if (streams.size > 0) await wait(isLong ? BODY_MS : leftMs(), left());
  if (streams.size === 0 || !isLong || leftMs() === 0) return end();
  void wait(leftMs(), left().then(idle)).then(end);
}
