import type { KubeMQError } from "../api/errors.js";
import type { ChannelKind } from "../api/server.js";
import type { Lifetime } from "../connection/health/probe.js";
import type { Source } from "../transport/index.js";

/** How a loop was left: by its own `break`, `return` or `throw`; by its signal; by a `close()`. */
export type Leave = "return" | "abort" | "close";

/** One attempt of a stream: the messages of one source, until its end. */
export interface Attempt extends Lifetime {
  /**
   * Aborts when the attempt is over, for any reason. Created at the first access, because a source
   * that is cancelled does not use it.
   */
  readonly signal: AbortSignal;
  /** Number of the attempt, from 1. */
  readonly number: number;
  /**
   * Ends this attempt and opens the next immediately. Messages that `map` has not seen are dropped.
   * The status reports no loss.
   */
  renew(): void;
  /** Completes the stream: the loop receives the accepted items, then it ends. */
  finish(): void;
  /** Ends this attempt as an error of the source does. */
  fail(error: KubeMQError): void;
}

/** The source of an attempt, possibly later; undefined when the plan has ended the attempt. */
export type Opened<Wire> = Source<Wire> | Promise<Source<Wire> | undefined>;

/** The differences between streams; the engine is the same for all of them. */
export interface StreamPlan<Wire, Item> {
  readonly operation: string;
  readonly channel: string;
  readonly kind: ChannelKind;
  /** Maximum number of buffered items. Above it the source holds its sender back. */
  readonly capacity: number;
  /**
   * True: an abort or a close ends the stream only after `onLeave` has settled, and the loop still
   * receives the items that arrive until then.
   * @default false
   */
  readonly drains?: boolean;
  /**
   * Opens one attempt from the resume position, immediately. The engine cancels the source when the
   * attempt is over.
   */
  open(attempt: Attempt): Opened<Wire>;
  /**
   * Converts a message to an item; `receivedMs` is the wall clock in milliseconds. Undefined drops
   * the message. A thrown error ends the attempt like an error of the server. Without `map`, the
   * source delivers items.
   */
  map?(wire: Wire, receivedMs: number): Item | undefined;
  /**
   * Whether an error always ends the stream. {@link reactionTo} decides about the other errors.
   */
  isTerminal?(error: KubeMQError): boolean;
  /**
   * Called directly before an item is delivered. True drops the item, because it is of no use any
   * more.
   */
  isStale?(item: Item): boolean;
  /** Called for a buffered item that will not be delivered. */
  onRelease?(item: Item): void;
  /**
   * Called when the body of this item has finished. `reached` is the last item with no unfinished
   * item before it, or null when that has not changed. Undefined means the item itself, in a loop
   * that works on one item at a time.
   */
  onFinished?(item: Item, reached?: Item | null): void;
  /**
   * Called when the attempt is over and the server holds none of its messages. True drops the
   * buffered items of the attempt.
   */
  onLost?(error: KubeMQError): boolean;
  /**
   * Called when the loop waits and nothing is buffered. `heldBackMs` is the time for which the
   * server had been held back before, in milliseconds; 0 when it was not.
   */
  onDemand?(heldBackMs: number): void;
  /** Called when the loop was left in the body of this item, by `break`, `return` or `throw`. */
  onAbandoned?(item: Item): void;
  /**
   * Called when the stream was left; `inBody` is the item of the body that still runs. The source
   * stays open until the promise settles. The plan limits this time.
   */
  onLeave?(how: Leave, inBody: Item | undefined): Promise<void> | undefined;
  /** The last sequence that the stream has passed, for the status. */
  afterSequence?(): bigint | undefined;
}
