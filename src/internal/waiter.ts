/**
 * Who waits in `next()`. Made by a constructor: V8 learns where literals live long, as those of many loops that wait do, and makes them old at
 * once. What an old one refers to, the promise and its message, is kept until all of the heap is collected, and each message costs half as much again.
 */
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
