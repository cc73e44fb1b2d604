/**
 * One listener per signal, fanned out to its watchers. Eleven listeners on one signal print a
 * warning, and `AbortSignal.any` leaks (https://github.com/nodejs/node/issues/54614), so every
 * caller's signal is watched through this module.
 */
const watchers = new WeakMap<AbortSignal, Set<() => void>>();

/**
 * Calls `watcher` once when the signal aborts, or immediately if it has aborted. The returned
 * function stops watching.
 */
export function onAbort(signal: AbortSignal | undefined, watcher: () => void): () => void {
  if (signal === undefined) return nothing;
  if (signal.aborted) {
    watcher();
    return nothing;
  }
  let watching = watchers.get(signal);
  if (watching === undefined) {
    watching = new Set();
    watchers.set(signal, watching); // promise: one-listener-per-signal
    signal.addEventListener("abort", fanOut);
  }
  // A new function, so that a watcher given twice is called twice.
  const own = () => watcher();
  watching.add(own);
  return () => {
    if (!watching.delete(own) || watching.size > 0) return;
    watchers.delete(signal);
    signal.removeEventListener("abort", fanOut); // promise: no-listener-left
  };
}

function fanOut(this: AbortSignal): void {
  const watching = watchers.get(this);
  if (watching === undefined) return;
  watchers.delete(this);
  this.removeEventListener("abort", fanOut);
  const all = [...watching];
  watching.clear();
  for (const watcher of all) watcher();
}

function nothing(): void {}
