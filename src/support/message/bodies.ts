/**
 * Bodies that run beside a loop. A plain loop has finished one item when it requests the next;
 * `forEachConcurrent` requests items while others are in work, and reports which have finished.
 */
export interface Bodies<Item> {
  /** The body of the last requested item runs beside the loop from now on. */
  begin(item: Item): void;
  /** The body has finished. */
  finish(item: Item): void;
  /** The body has failed. */
  abandon(item: Item, error: unknown): void;
}

/**
 * Lets bodies run beside the loop of a subscription. Called once, before the first item is
 * requested.
 */
export const runBodies = Symbol("kubemq-es.runBodies");

export interface RunsBodies<Item> {
  [runBodies](): Bodies<Item>;
}

/** The callbacks of a pattern for the items of a loop. */
export interface BodyPlan<Item> {
  onFinished?(item: Item, reached?: Item | null): void;
  onAbandoned?(item: Item): void;
}

/** The running bodies, in the order in which their items were delivered. */
export class RunningBodies<Item> implements Bodies<Item> {
  readonly #plan: BodyPlan<Item>;
  /** Removes the item from the loop's own body. */
  readonly #take: () => void;
  /** Whether each body has finished, in the order of delivery. */
  readonly #items = new Map<Item, boolean>();
  #running = 0;

  constructor(plan: BodyPlan<Item>, take: () => void) {
    this.#plan = plan;
    this.#take = take;
  }

  /** The oldest item whose body still runs. */
  get oldest(): Item | undefined {
    if (this.#running === 0) return undefined;
    for (const [item, isDone] of this.#items) if (!isDone) return item;
    return undefined;
  }

  begin(item: Item): void {
    this.#take();
    this.#items.set(item, false);
    this.#running += 1;
  }

  finish(item: Item): void {
    this.#running -= 1;
    this.#items.set(item, true);
    let reached: Item | null = null;
    for (const [done, isDone] of this.#items) {
      if (!isDone) break; // promise: position-behind-running
      this.#items.delete(done);
      reached = done;
    }
    this.#plan.onFinished?.(item, reached);
  }

  /** Records a failed body. The position stays before its item. */
  abandon(item: Item): void {
    this.#running -= 1;
    this.#plan.onAbandoned?.(item);
  }
}
