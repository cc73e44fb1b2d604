/*
 * What waiting loops hold is made by constructors: V8 learns where literals live long, as those of many loops that wait do, and makes them old
 * at once. What an old one refers to, a message, is kept until all of the heap is collected, and each message costs up to twice as much.
 */

/** Who waits in `next()`. */
export class Waiter<Item> {
  /** Only where `next()` is called again before its answer. */
  next: Waiter<Item> | undefined;
  readonly resolve: (result: IteratorResult<Item, void>) => void;
  readonly reject: (error: unknown) => void;

  constructor(resolve: (result: IteratorResult<Item, void>) => void, reject: (error: unknown) => void) {
    this.resolve = resolve;
    this.reject = reject;
  }
}

/** What `next()` gives. */
export class Yielded<Item> implements IteratorYieldResult<Item> {
  readonly done = false;
  readonly value: Item;

  constructor(value: Item) {
    this.value = value;
  }
}
