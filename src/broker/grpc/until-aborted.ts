/**
 * A stream for Connect that yields nothing and ends when the caller is gone: messages are sent
 * through an outlet instead.
 */
export function untilAborted(signal: AbortSignal, leave: () => void): AsyncIterable<never> {
  const done: IteratorResult<never> = { done: true, value: undefined };
  const ended = new Promise<IteratorResult<never>>((resolve) => {
    const end = () => {
      leave();
      resolve(done);
    };
    if (signal.aborted) end();
    else signal.addEventListener("abort", end, { once: true });
  });
  return { [Symbol.asyncIterator]: () => ({ next: () => ended }) };
}
