import { KubeMQError } from "../api/errors.js";
import { type Bodies, runBodies, type RunsBodies } from "../support/message/bodies.js";

/**
 * Runs `work` for every item of `source`, at most `concurrency` at a time. An item is requested
 * only when a slot is free. After the first failure it requests no more items, waits for the
 * running work, and rejects with that failure.
 *
 * An item of a {@link Subscription} is done when its own work has finished: `settle: "on-next"`
 * acknowledges it then, or rejects it when the work failed. `position` of a store subscription is
 * the sequence of the last event with no unfinished one before it.
 *
 * @example
 * const jobs = client.queues.consume({ channel: "jobs", prefetch: 8, settle: "on-next" });
 * await forEachConcurrent(jobs, 8, async (job) => resize(job.value));
 * @throws {KubeMQError} INVALID_ARGUMENT when `concurrency` is not a whole number of at least 1
 */
export async function forEachConcurrent<T>(
  source: AsyncIterable<T>,
  concurrency: number,
  work: (item: T) => Promise<unknown>,
): Promise<void> {
  if (!Number.isInteger(concurrency) || concurrency < 1) {
    throw new KubeMQError("INVALID_ARGUMENT", `concurrency must be a whole number of at least 1, got ${concurrency}`);
  }
  const bodies = bodiesOf(source);
  const iterator = source[Symbol.asyncIterator]();
  const running = new Set<symbol>();
  const failures: { readonly item: T; readonly error: unknown }[] = [];
  let wake = () => {};
  let stopAsking = () => {};
  const carryOut = async (item: T) => {
    const slot = Symbol();
    running.add(slot);
    bodies?.begin(item); // promise: done-by-own-body
    try {
      await work(item);
      bodies?.finish(item);
    } catch (error) {
      failures.push({ item, error });
      stopAsking();
    }
    running.delete(slot);
    wake();
  };
  // Not Promise.race, which would retain a reaction on each running promise for every item:
  // https://github.com/nodejs/node/issues/17469.
  const fewerThan = async (count: number) => {
    while (running.size >= count) await new Promise<void>((resolve) => (wake = resolve));
  };
  /**
   * Requests the next item. Resolves with undefined when a body fails meanwhile. Only a
   * {@link Subscription} can be left during `next()`: a generator would queue the `return()`.
   */
  const next = () =>
    new Promise<IteratorResult<T, unknown> | undefined>((resolve, reject) => {
      if (bodies !== undefined) stopAsking = () => resolve(undefined);
      iterator.next().then(resolve, reject);
    });
  try {
    for (;;) {
      await fewerThan(concurrency);
      if (failures.length > 0) break; // promise: for-each-stops-at-failure
      const result = await next();
      if (result?.done === true) break;
      if (result !== undefined) void carryOut(result.value);
    }
  } finally {
    await fewerThan(1); // before the source is left: running bodies may still settle their items
  }
  const [first] = failures;
  if (first === undefined) return;
  // After all bodies have finished, because a rejected message may be delivered again immediately.
  for (const { item, error } of failures) bodies?.abandon(item, error);
  await iterator.return?.();
  throw first.error;
}

function bodiesOf<T>(source: AsyncIterable<T>): Bodies<T> | undefined {
  return runBodies in source ? (source as AsyncIterable<T> & RunsBodies<T>)[runBodies]() : undefined;
}
