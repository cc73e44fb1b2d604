/** Milliseconds between two looks at a condition. */
const STEP_MS = 5;
/** Milliseconds that a condition may need, for one that asks a server. */
const LOOK_MS = 50;

/**
 * How much of a pause counts against a limit on waiting. A machine that is busy or stands still lets
 * a pause last longer than it should, and what is waited for as well.
 */
const counted = (begunAt: number, pauseMs: number) => Math.min(performance.now() - begunAt, 2 * pauseMs);

/**
 * Waits for a condition, checked every few milliseconds. Rejects with `what` when it does not hold
 * in time.
 */
export async function until(what: string, condition: () => boolean | Promise<boolean>, withinMs = 10_000) {
  for (let leftMs = withinMs; ;) {
    const lookedAt = performance.now();
    if (await condition()) return;
    leftMs -= counted(lookedAt, LOOK_MS);
    if (leftMs < 0) throw new Error(`not within ${withinMs} ms: ${what}`);
    const pausedAt = performance.now();
    await sleep(STEP_MS);
    leftMs -= counted(pausedAt, STEP_MS);
  }
}

/**
 * Rejects with `what` when a promise does not settle in time, so that a hanging test reports what
 * hangs.
 */
export async function within<T>(ms: number, what: string, promise: Promise<T>): Promise<T> {
  const stepMs = Math.min(ms, 4 * STEP_MS);
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    const wait = (leftMs: number) => {
      const pausedAt = performance.now();
      timer = setTimeout(() => {
        const restMs = leftMs - counted(pausedAt, stepMs);
        if (restMs > 0) wait(restMs);
        else reject(new Error(`not within ${ms} ms: ${what}`));
      }, stepMs);
    };
    wait(ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Returns a function that returns the milliseconds since now. It does not keep the process running. */
export function stopwatch(): () => number {
  let totalMs = 0;
  let readAt = performance.now();
  setInterval(() => {
    totalMs += counted(readAt, STEP_MS);
    readAt = performance.now();
  }, STEP_MS).unref();
  return () => totalMs + counted(readAt, STEP_MS);
}

/**
 * Lets everything happen that follows from what was sent before: by then it has gone through the server and back. For
 * checks that something does not happen.
 */
export async function roundTrips(client: { ping(): Promise<unknown> }, count = 3): Promise<void> {
  for (let trip = 0; trip < count; trip++) await client.ping();
}

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** The reason of a rejected promise; an error if it resolves. */
export async function rejection(promise: Promise<unknown>): Promise<unknown> {
  let value: unknown;
  try {
    value = await promise;
  } catch (error) {
    return error;
  }
  throw new Error(`resolved with ${String(value)}, but was to reject`);
}

/** Takes `count` items of a stream, and leaves it. */
export async function take<T>(source: AsyncIterable<T>, count: number): Promise<T[]> {
  const items: T[] = [];
  if (count === 0) return items;
  for await (const item of source) {
    items.push(item);
    if (items.length === count) break;
  }
  return items;
}
