import { KubeMQError } from "../api/errors.js";

/**
 * Runs `work` for every item of `source`, at most `concurrency` at a time. An item is asked for only when a slot is
 * free. The first failure stops the pulling, waits for the work that runs, and is thrown.
 */
export async function forEachConcurrent<T>(
  source: AsyncIterable<T>,
  concurrency: number,
  work: (item: T) => Promise<unknown>,
): Promise<void> {
  if (!Number.isInteger(concurrency) || concurrency < 1) {
    throw new KubeMQError("INVALID_ARGUMENT", `concurrency must be a whole number of at least 1, got ${concurrency}`);
  }
  const running = new Set<Promise<void>>();
  let failure: { readonly error: unknown } | undefined;
  try {
    for await (const item of source) {
      const task = Promise.resolve()
        .then(() => work(item))
        .then(
          () => void running.delete(task),
          (error: unknown) => {
            failure ??= { error };
            running.delete(task);
          },
        );
      running.add(task);
      if (running.size >= concurrency) await Promise.race(running);
      if (failure === undefined) continue; // promise: for-each-stops-at-failure
      await Promise.all(running); // before the source is left: what runs may still settle what it got from it
      break;
    }
  } finally {
    await Promise.all(running);
  }
  if (failure !== undefined) throw failure.error;
}
