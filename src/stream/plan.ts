import type { KubeMQError } from "../api/errors.js";
import type { ChannelKind } from "../api/server.js";
import type { Lifetime } from "../connection/health/probe.js";
import type { Source } from "../transport/index.js";

/** How a loop was left: by its own `break`, `return` or `throw`; by its signal; by a `close()`. */
export type Leave = "return" | "abort" | "close";

/** One attempt of a stream: what its source brings, until it ends. */
export interface Attempt extends Lifetime {
  /** Aborts when the attempt is over, whatever ended it. Made when it is first read: a source that is cancelled needs none. */
  readonly signal: AbortSignal;
  /** 1 for the first. */
  readonly number: number;
  /** Ends this attempt, with everything that `map` has not seen of it, and opens the next at once. The status reports no loss. */
  renew(): void;
  /** Ends the stream as complete: the loop gets what was accepted, then it ends. */
  finish(): void;
}

/** What an attempt reads, perhaps after a while; undefined when the plan has ended the attempt. */
export type Opened<Wire> = Source<Wire> | Promise<Source<Wire> | undefined>;

/** What differs between one stream and another; the engine is the same for all of them. */
export interface StreamPlan<Wire, Item> {
  readonly operation: string;
  readonly channel: string;
  readonly kind: ChannelKind;
  /** How many items may wait for the loop. Above it the source holds its sender back. */
  readonly capacity: number;
  /**
   * True: an abort or a close ends the stream only when `onLeave` has settled, and the loop still receives what came until then.
   * @default false
   */
  readonly drains?: boolean;
  /** Opens one attempt from the resume position, at once. The engine cancels the source when the attempt is over. */
  open(attempt: Attempt): Opened<Wire>;
  /**
   * Makes an item of what arrived at this time; undefined filters it; a thrown error ends the attempt as an error of the server does.
   * A plan without it has a source that brings items.
   */
  map?(wire: Wire, receivedMs: number): Item | undefined;
  /** Whether an error ends the stream, for errors that end it in any case. The others are judged by {@link patienceWith}. */
  isTerminal?(error: KubeMQError): boolean;
  /** Asked right before an item is delivered: true drops it, since it is of no use any more. */
  isStale?(item: Item): boolean;
  /** An item that was buffered and will not be delivered. */
  onRelease?(item: Item): void;
  /**
   * The body of this item has finished. `reached` is the last item with no unfinished one before it,
   * or null when that has not changed. Undefined means the item itself: in a loop that works on one
   * item at a time.
   */
  onFinished?(item: Item, reached?: Item | null): void;
  /** The attempt is over and the server holds nothing of it any more: true drops what is buffered from it. */
  onLost?(error: KubeMQError): boolean;
  /** The loop waits and nothing is buffered; `heldBackMs` is how long the server had been held back before, 0 when it was not. */
  onDemand?(heldBackMs: number): void;
  /** The loop was left in the body of this item: by `break`, `return` or `throw`. */
  onAbandoned?(item: Item): void;
  /** The stream was left; `inBody` is what its body still works on. The source stays open until this settles, which the plan bounds. */
  onLeave?(how: Leave, inBody: Item | undefined): Promise<void> | undefined;
  /** The last position that the stream has passed, for the status. */
  afterSequence?(): bigint | undefined;
}
