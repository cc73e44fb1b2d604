import type { Subscription } from "../api/subscription.js";
import type { Activity, ActivityOutcome } from "../api/telemetry.js";
import { type Bodies, runBodies, type RunsBodies } from "../support/message/bodies.js";

/**
 * Observes the loop bodies of a subscription. A body starts when its item is delivered and ends
 * when the loop asks for the next item.
 */
export function observeLoop<T, S extends Subscription<T>>(
  subscription: S & Subscription<T>,
  begin: (item: T) => Activity,
): S {
  let loop: ObservedLoop<T> | undefined;
  replace(subscription, Symbol.asyncIterator, (iterate) => () => (loop = new ObservedLoop(iterate(), begin)));
  if (runBodies in subscription) {
    const runs = subscription as unknown as RunsBodies<T>;
    replace(runs, runBodies, (run) => () => new ObservedBodies(run(), () => loop?.detachBody()));
  }
  return subscription;
}

/** Bodies beside a loop: each has the activity that began with its item, and ends it itself. */
class ObservedBodies<T> implements Bodies<T> {
  readonly #bodies: Bodies<T>;
  readonly #detach: () => Activity | undefined;
  readonly #activities = new Map<T, Activity | undefined>();

  constructor(bodies: Bodies<T>, detach: () => Activity | undefined) {
    this.#bodies = bodies;
    this.#detach = detach;
  }

  begin(item: T): void {
    this.#bodies.begin(item);
    this.#activities.set(item, this.#detach());
  }

  finish(item: T): void {
    this.#bodies.finish(item); // may settle the item, as a part of its body
    this.#end(item, {});
  }

  abandon(item: T, error: unknown): void {
    this.#bodies.abandon(item, error);
    this.#end(item, { failure: { error } });
  }

  #end(item: T, outcome: ActivityOutcome): void {
    this.#activities.get(item)?.end(outcome);
    this.#activities.delete(item);
  }
}

class ObservedLoop<T> implements AsyncIterator<T, void, void> {
  readonly #loop: AsyncIterator<T, void, void>;
  readonly #begin: (item: T) => Activity;
  #body: Activity | undefined;

  constructor(loop: AsyncIterator<T, void, void>, begin: (item: T) => Activity) {
    this.#loop = loop;
    this.#begin = begin;
  }

  async next(): Promise<IteratorResult<T, void>> {
    const next = this.#loop.next(); // may settle the previous item, as a part of its body
    this.#endBody({});
    const result = await next;
    if (result.done === true) return result;
    this.#endBody({}); // a second next() means the previous body has finished
    this.#body = this.#begin(result.value);
    return result;
  }

  async return(): Promise<IteratorResult<T, void>> {
    const left = this.#loop.return?.();
    this.#endBody({ loopLeft: true });
    return (await left) ?? { done: true, value: undefined };
  }

  async throw(error?: unknown): Promise<IteratorResult<T, void>> {
    await this.return();
    throw error;
  }

  /** The running body continues beside the loop. */
  detachBody(): Activity | undefined {
    const body = this.#body;
    this.#body = undefined;
    return body;
  }

  #endBody(outcome: ActivityOutcome): void {
    this.#body?.end(outcome);
    this.#body = undefined;
  }
}

/**
 * Replaces a method on one subscription. A wrapper object would not work: subscriptions have
 * private fields, which a wrapper does not have.
 */
function replace<O extends object, K extends keyof O>(
  object: O,
  name: K,
  make: (original: O[K] & ((...args: never[]) => unknown)) => O[K],
): void {
  const original = object[name] as (...args: never[]) => unknown;
  const value = make(original.bind(object) as O[K] & ((...args: never[]) => unknown));
  Object.defineProperty(object, name, { value, configurable: true, writable: true });
}
