import { onAbort } from "../abort.js";
import type { Clock } from "./clock.js";

/**
 * Resolves after a delay in milliseconds. Rejects with the signal's reason when the signal aborts.
 */
export function pause(clock: Clock, delayMs: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const cancelTimer = clock.setTimer(delayMs, () => {
      unwatch();
      resolve();
    });
    const unwatch = onAbort(signal, () => {
      cancelTimer();
      reject(signal?.reason);
    });
  });
}
