/**
 * A stream of messages that Connect sees end when the caller is gone, and never yields: what is
 * sent goes through an outlet.
 */
export function untilGone(signal: AbortSignal, leave: () => void): AsyncIterable<never> {
  const done: IteratorResult<never> = { done: true, value: undefined };
  const gone = new Promise<IteratorResult<never>>((resolve) => {
    const end = () => {
      leave();
      resolve(done);
    };
    if (signal.aborted) end();
    else signal.addEventListener("abort", end, { once: true });
  });
  return { [Symbol.asyncIterator]: () => ({ next: () => gone }) };
}
