import type { KubeMQError } from "../api/errors.js";
import type { ChannelKind } from "../api/server.js";
import type { BatchSource } from "../transport/index.js";

/** How a loop was left: by its own `break`, `return` or `throw`; by its signal; by a `close()`. */
export type Leave = "return" | "abort" | "close";

/** One RPC attempt of a stream. */
export interface Attempt {
  /** Aborts when the attempt is over, whatever ended it. */
  readonly signal: AbortSignal;
  /** 1 for the first. */
  readonly number: number;
  /** Ends this attempt, with what `map` has not seen of it, and opens the next at once: that is no lost connection. */
  renew(): void;
  /** Nothing more is to come: the loop sees what was accepted, and ends by itself. */
  finish(): void;
}

/** What an attempt reads, maybe after a while; nothing when the plan has ended it. */
export type Opened<Wire> = BatchSource<Wire> | Promise<BatchSource<Wire> | undefined>;

/** What a pattern tells the engine; all that differs between one stream and another. */
export interface StreamPlan<Wire, Item> {
  readonly operation: string;
  readonly channel: string;
  readonly kind: ChannelKind;
  /** How many items may wait for the loop. Beyond that nothing is read, and HTTP/2 holds the server back. */
  readonly capacity: number;
  /**
   * True: an abort or a close ends the stream only when `onLeave` has settled, and the loop still receives what came until then.
   * @default false
   */
  readonly drains?: boolean;
  /** Opens one attempt from the resume position, at once, and gives what it receives in batches. */
  open(attempt: Attempt): Opened<Wire>;
  /** Makes an item of what arrived then; undefined filters; a thrown error ends the attempt and counts like an error of the server. */
  map(wire: Wire, receivedMs: number): Item | undefined;
  /** Whether an error ends the stream, for errors that end it in any case. The others are judged by {@link patienceWith}. */
  isTerminal?(error: KubeMQError): boolean;
  /** Asked right before a buffered item is delivered: true drops it, since it is of no use any more. */
  isStale?(item: Item): boolean;
  /** An item that was buffered and will not be delivered. */
  onRelease?(item: Item): void;
  /** The loop asked for more after this item: its body has finished. */
  onFinished?(item: Item): void;
  /** The attempt is over and the server knows nothing of it any more: true drops what is buffered from it. */
  onLost?(error: KubeMQError): boolean;
  /** The loop waits and nothing is buffered; `heldBackMs` is how long the server had been held back before, 0 when it was not. */
  onDemand?(heldBackMs: number): void;
  /** The loop was left in the body of this item: by `break`, `return` or `throw`. */
  onAbandoned?(item: Item): void;
  /** The stream was left; `inBody` is what its body still works on. The attempt stays open until this settles, which the plan bounds. */
  onLeave?(how: Leave, inBody: Item | undefined): Promise<void> | undefined;
  /** Where the stream goes on, for the status. */
  afterSequence?(): bigint | undefined;
}
