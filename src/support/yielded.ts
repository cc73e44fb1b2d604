/**
 * The result of `next()`. Sets its properties one by one on an empty literal, because of two
 * effects of V8. (1) When many results of a full literal live long, as with many waiting loops, V8
 * allocates the next ones in the old generation. They retain their messages until a full
 * collection, and each costs up to twice as much. (2) Instances of a class miss the fast "no
 * `then`" check when a promise is resolved with one. The slow check is a third of the cost of a
 * loop that awaits a message.
 */
export function yielded<Item>(value: Item): IteratorYieldResult<Item> {
  const result = {} as { done: false; value: Item };
  result.done = false;
  result.value = value;
  return result;
}
