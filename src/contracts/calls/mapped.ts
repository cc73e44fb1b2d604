/** The values of an iterable or an async iterable. */
export type Values<V = unknown> = Iterable<V> | AsyncIterable<V>;

/** The message of each value, made when the iterable is read. */
export function mapped<V, M>(values: Values<V>, message: (value: V) => M): Values<M> {
  return Symbol.asyncIterator in values ? eachAsync(values, message) : each(values, message);
}

function* each<V, M>(values: Iterable<V>, message: (value: V) => M): Generator<M, void> {
  for (const value of values) yield message(value);
}

async function* eachAsync<V, M>(values: AsyncIterable<V>, message: (value: V) => M): AsyncGenerator<M, void> {
  for await (const value of values) yield message(value);
}
