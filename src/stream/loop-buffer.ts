import type { KubeMQError } from "../api/errors.js";
import type { Clock } from "../support/time/clock.js";
import { type Bodies, runBodies, RunningBodies, type RunsBodies } from "../support/message/bodies.js";
import { Fifo } from "../support/fifo.js";
import { turn, type TurnTask } from "../support/time/turn.js";
import { yielded } from "../support/yielded.js";
import type { Reader } from "../transport/index.js";
import type { StreamPlan } from "./plan.js";

/** A pending `next()`. */
interface Waiter<Item> {
  resolve(this: void, result: IteratorResult<Item, void>): void;
  reject(this: void, error: KubeMQError): void;
}

export const DONE = { done: true, value: undefined } as const;

/**
 * Maximum bytes buffered since the loop was last up to date. Above it the source holds its sender
 * back.
 */
const MAX_BYTES = 1024 * 1024;

/**
 * Buffers the items of a loop, or the pending `next()` calls of a loop that waits. It is the only
 * buffer of a stream's messages. It is the reader of the stream's sources, and its size is limited
 * by the plan's capacity.
 */
export abstract class LoopBuffer<Wire, Item> implements Reader<Wire>, TurnTask, RunsBodies<Item> {
  // Hot fields first: with many subscriptions every extra cache line is a miss per message.
  isDue = false;
  /** False between attempts, and after the last. */
  #isOpen = false;
  /** Whether a message of the attempt has become an item. */
  #hasItem = false;
  /**
   * The first message of this turn, while it is the only one. It is delivered directly to the loop
   * at the end of the turn.
   */
  #arrived: Wire | undefined;
  /** The pending `next()`. Held in fields, not in an object, to save an allocation per message. */
  #resolve: Waiter<Item>["resolve"] | undefined;
  #reject: Waiter<Item>["reject"] | undefined;
  /** Further concurrent `next()` calls, in order (rare). */
  #others: Fifo<Waiter<Item>> | undefined;
  #inBody: Item | undefined;
  readonly #plan: StreamPlan<Wire, Item>;
  /** Number of buffered items. Kept here to be next to the other hot fields. */
  #size = 0;
  /** The loop has received an item because the buffer was full, and has not requested the next. */
  #isWoken = false;
  /** Clock time since which the loop has been behind, in milliseconds. */
  #heldBackSince: number | undefined;
  readonly #items = new Fifo<Item>();
  readonly #capacity: number;
  #bytes = 0;
  /** The source holds its sender back until at most this many items are buffered. */
  #resumeAt: number | undefined;
  /** Bodies that run beside the loop (rare). */
  #bodies: RunningBodies<Item> | undefined;
  readonly #clock: Clock;

  constructor(plan: StreamPlan<Wire, Item>, clock: Clock) {
    this.#plan = plan;
    this.#capacity = plan.capacity;
    this.#clock = clock;
  }

  /** Called for each message of an attempt up to the first that becomes an item. */
  protected abstract onReceived(): void;
  /** Called when a message of an attempt has become an item for the first time. */
  protected abstract onFirstItem(): void;
  /** Called when the current attempt has failed. */
  protected abstract onFailed(error: unknown): void;
  /** Called when there is room again. */
  protected abstract onRoom(): void;
  abstract end(error?: unknown): void;

  /** The item of the loop's body, or of the oldest body beside it. */
  protected get inBody(): Item | undefined {
    return this.#inBody ?? this.#bodies?.oldest;
  }

  [runBodies](): Bodies<Item> {
    this.#bodies = new RunningBodies(this.#plan, () => (this.#inBody = undefined));
    return this.#bodies;
  }

  message(wire: Wire, byteLength: number): boolean {
    if (!this.#isOpen) return true;
    if (this.#arrived !== undefined) {
      this.#acceptArrived();
      if (!this.#isOpen) return true; // the plan has ended the attempt
    } else if (this.#resolve !== undefined && !this.isDue) {
      this.#arrived = wire;
      turn.atEnd(this);
      return true;
    }
    const item = this.#itemOf(wire);
    if (item === undefined) return true;
    if (this.#resolve !== undefined && !this.isDue) turn.atEnd(this);
    this.#push(item); // promise: buffered-while-body-runs
    this.#bytes += byteLength;
    // promise: bounded-buffer
    return this.#size >= this.#capacity || this.#bytes >= MAX_BYTES ? this.#makeRoom() : true;
  }

  #acceptArrived(): void {
    const item = this.#itemOf(this.#arrived as Wire);
    this.#arrived = undefined;
    if (item !== undefined) this.#push(item);
  }

  #push(item: Item): void {
    this.#size += 1;
    this.#items.push(item);
  }

  #itemOf(wire: Wire): Item | undefined {
    if (this.#hasItem) return this.#mapped(wire);
    this.onReceived();
    const item = this.#mapped(wire);
    if (item !== undefined) {
      this.#hasItem = true;
      this.onFirstItem();
    }
    return item;
  }

  #mapped(wire: Wire): Item | undefined {
    const plan = this.#plan;
    if (plan.map === undefined) return wire as unknown as Item;
    try {
      return plan.map(wire, turn.now());
    } catch (error) {
      this.onFailed(error);
      return undefined;
    }
  }

  /**
   * Lets a waiting loop run before the end of the turn. The loop empties the buffer before the next
   * frame arrives. Until then up to twice the capacity is accepted, because pausing and resuming an
   * HTTP/2 stream costs as much as several messages.
   *
   * @returns whether there is room
   */
  #makeRoom(): boolean {
    if (this.#resolve !== undefined) {
      this.onTurnEnd();
      this.#isWoken = true;
    }
    if (this.#isWoken && this.#size < 2 * this.#capacity && this.#bytes < MAX_BYTES) return true;
    this.#resumeAt ??= this.#size >> 1;
    this.#heldBackSince ??= this.#clock.now();
    return false;
  }

  onTurnEnd(): void {
    const arrived = this.#arrived;
    if (arrived !== undefined && this.#size === 0) {
      this.#arrived = undefined;
      const item = this.#itemOf(arrived);
      if (item !== undefined) this.#deliver(item);
    }
    while (this.#resolve !== undefined) {
      const item = this.#take();
      if (item === undefined) return;
      this.#deliver(item);
    }
  }

  #deliver(item: Item): void {
    const resolve = this.#takeWaiter();
    if (resolve === undefined) return this.#push(item);
    this.finishBody(); // a second next() means that the previous body has finished
    this.#inBody = item;
    resolve(yielded(item));
  }

  #take(): Item | undefined {
    if (this.#size === 0) {
      if (this.#arrived === undefined) return undefined;
      this.#acceptArrived();
    }
    let item = this.#items.shift();
    // promise: stale-items-skipped
    while (item !== undefined && this.#plan.isStale?.(item) === true) item = this.#items.shift();
    this.#size = this.#items.size;
    if (this.#size === 0) this.#bytes = 0;
    if (this.#resumeAt !== undefined && this.#size <= this.#resumeAt) {
      this.#resumeAt = undefined;
      this.#bytes >>= 1;
      this.onRoom();
      return item ?? this.#take(); // the source may deliver within this call
    }
    return item;
  }

  /** Begins the body of the next item, if one is buffered and no other `next()` is pending. */
  protected takeForBody(): Item | undefined {
    if (this.#resolve !== undefined) return undefined;
    this.#isWoken = false;
    const item = this.#take();
    if (item !== undefined) this.#inBody = item;
    return item;
  }

  protected waitForItem(): Promise<IteratorResult<Item, void>> {
    const since = this.#heldBackSince;
    this.#heldBackSince = undefined;
    this.#plan.onDemand?.(since === undefined ? 0 : this.#clock.now() - since);
    return new Promise((resolve, reject) => {
      if (this.#resolve === undefined) {
        this.#resolve = resolve;
        this.#reject = reject;
      } else (this.#others ??= new Fifo()).push({ resolve, reject });
    });
  }

  #takeWaiter(): Waiter<Item>["resolve"] | undefined {
    const resolve = this.#resolve;
    const next = this.#others?.shift();
    this.#resolve = next?.resolve;
    this.#reject = next?.reject;
    return resolve;
  }

  /** The body has finished. */
  protected finishBody(): void {
    const finished = this.#inBody;
    if (finished === undefined) return;
    this.#inBody = undefined;
    this.#plan.onFinished?.(finished);
  }

  /** The body was left by `break`, `return` or `throw`. */
  protected abandonBody(): void {
    const abandoned = this.#inBody;
    this.#inBody = undefined;
    if (abandoned !== undefined) this.#plan.onAbandoned?.(abandoned);
  }

  /** Starts to accept the messages of an attempt. */
  protected open(): void {
    this.#isOpen = true;
    this.#resumeAt = undefined;
    this.#hasItem = false;
  }

  /** Stops accepting messages. Messages that the plan has not seen are dropped. */
  protected shut(): void {
    this.#isOpen = false;
    this.#arrived = undefined;
  }

  /** Releases the items that the loop will not receive. */
  protected release(): void {
    this.#size = 0;
    for (const item of this.#items.drain()) this.#plan.onRelease?.(item); // promise: buffered-items-released
  }

  /**
   * Ends the pending `next()` calls; the first rejects with the error, if there is one.
   *
   * @returns false when no call was pending
   */
  protected dismiss(error?: KubeMQError): boolean {
    const reject = this.#reject;
    const first = this.#takeWaiter();
    if (first === undefined) return false;
    // promise: stop-ends-waiting-next
    if (error === undefined) first(DONE);
    else reject?.(error);
    for (let resolve = this.#takeWaiter(); resolve !== undefined; resolve = this.#takeWaiter()) resolve(DONE);
    return true;
  }
}
