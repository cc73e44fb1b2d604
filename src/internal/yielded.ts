/**
 * What `next()` gives. Made by a constructor, as messages are: V8 learns where literals live long, as those of many loops that wait may, and
 * makes them old at once. What an old one refers to, the message, is kept until all of the heap is collected, and each costs up to twice as
 * much.
 */
export class Yielded<Item> implements IteratorYieldResult<Item> {
  readonly done = false;
  readonly value: Item;

  constructor(value: Item) {
    this.value = value;
  }
}
