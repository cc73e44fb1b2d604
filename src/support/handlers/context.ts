import { AsyncLocalStorage } from "node:async_hooks";

/** One run of a handler. */
interface Run {
  readonly owner: object;
  isOver: boolean;
  /** The enclosing handler, for example of another client. */
  readonly outer: Run | undefined;
}

/**
 * The handler that the current code runs in. Entered only for handlers of `handle` and `process`:
 * on Node.js 20 and 22 the first entry makes every `await` of the process about 80 ns slower
 * (https://github.com/nodejs/node/issues/46265).
 */
const runs = new AsyncLocalStorage<Run | undefined>();

/**
 * Runs a handler, so that `isInHandler(owner)` is true in it and in the functions it calls, until
 * it has settled.
 */
export async function runHandler<T>(owner: object, handler: () => T | Promise<T>): Promise<T> {
  const run: Run = { owner, isOver: false, outer: runs.getStore() };
  try {
    return await runs.run(run, handler);
  } finally {
    run.isOver = true;
  }
}

/**
 * Whether the caller runs in a handler of `owner`. Waiting for that handler there would be a
 * deadlock.
 */
export function isInHandler(owner: object): boolean {
  for (let run = runs.getStore(); run !== undefined; run = run.outer)
    if (run.owner === owner && !run.isOver) return true;
  return false;
}

/** Runs work that outlives the handler that started it. */
export function outsideHandlers<T>(work: () => T): T {
  return runs.run(undefined, work);
}
