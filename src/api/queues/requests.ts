import type { Decoder } from "../codec.js";
import type { HandlerOptions, ResendOptions, StreamOptions } from "../message.js";

/** Selects the messages of a single receive. */
export interface ReceiveRequest<T = Uint8Array> {
  /** The queue. */
  readonly channel: string;
  /** Maximum number of messages, 1 to 1024. @default 1 */
  readonly max?: number | undefined;
  /**
   * How long the server waits for `max` messages, in seconds, 1 to 3600: the whole time if there
   * are fewer. A whole number, as on the wire. @default 1
   */
  readonly waitSeconds?: number | undefined;
  /** Decodes `message.value`. Default: none, the value is the body. */
  readonly codec?: Decoder<T> | undefined;
}

/** Selects the queue whose waiting messages are acknowledged. */
export interface AckAllRequest {
  /** The queue. */
  readonly channel: string;
  /**
   * How long the server acknowledges messages that arrive, in seconds: a whole number, 1 to 3600.
   * @default 1
   */
  readonly waitSeconds?: number | undefined;
}

/** The common properties of the requests that consume a queue message by message. */
export interface QueueRequest<T = Uint8Array> {
  /** The queue. */
  readonly channel: string;
  /** Decodes `message.value`. Default: none, the value is the body. */
  readonly codec?: Decoder<T> | undefined;
  /**
   * Maximum number of unsettled messages held at once, 1 to 100000. A message that is never settled
   * occupies its place; with 1, the loop then waits without end. To work on several messages at
   * once, set at least that number. For a loop that settles each message within 5 ms, a poll takes
   * up to eight small ones, which return to the queue when the loop needs 100 ms for a message.
   * @default 1
   */
  readonly prefetch?: number | undefined;
}

/** Selects the messages to consume, which are held until they are settled. */
export interface ConsumeRequest<T = Uint8Array> extends QueueRequest<T> {
  /**
   * When messages are settled. `manual`: by the methods of the message. `on-next`: requesting the
   * next message acknowledges the previous one; leaving the loop by `break` or `throw` rejects it.
   * `on-delivery`: see {@link OnDeliveryRequest}.
   * @default "manual"
   */
  readonly settle?: "manual" | "on-next" | undefined;
  /** Only in a {@link LeaseRequest}. */
  readonly visibilitySeconds?: undefined;
  /** Only in a {@link LeaseRequest}. */
  readonly autoExtend?: undefined;
}

/** Selects the messages to consume, each held under the server's visibility timer. */
export interface LeaseRequest<T = Uint8Array> extends QueueRequest<T>, Lease {
  /** When messages are settled, as in a {@link ConsumeRequest}. @default "manual" */
  readonly settle?: "manual" | "on-next" | undefined;
}

/**
 * Selects the messages to consume, which the server acknowledges before it sends them: messages
 * lost in transit or in the loop are gone, at most `prefetch` of them. After an abort or a
 * `close()` the loop still receives the messages that the server has acknowledged, for at most a
 * second; a `break` drops prefetched messages.
 */
export interface OnDeliveryRequest<T = Uint8Array> extends QueueRequest<T> {
  /** The server settles each message when it sends the message. */
  readonly settle: "on-delivery";
  /** Only in a {@link LeaseRequest}: these messages are not held. */
  readonly visibilitySeconds?: undefined;
  /** Only in a {@link LeaseRequest}. */
  readonly autoExtend?: undefined;
}

/** How long the server holds a message for its consumer. */
export interface Lease {
  /**
   * How long a message is held before the server delivers it to another consumer, in seconds, 1 to
   * 43200.
   */
  readonly visibilitySeconds: number;
  /**
   * Extends the visibility at half of its time, until the message is settled or the loop has
   * finished it: with a prefetch of 1 when it asks for the next message, otherwise when the loop
   * ends. @default false
   */
  readonly autoExtend?: boolean | undefined;
}

/** Selects the messages to process by a handler, whose outcome settles them. */
export interface ProcessRequest<T = Uint8Array> extends QueueRequest<T> {
  /** Not an option: the outcome of the handler settles the message. */
  readonly settle?: undefined;
  /** Only in a {@link ProcessLeaseRequest}. */
  readonly visibilitySeconds?: undefined;
  /** Only in a {@link ProcessLeaseRequest}. */
  readonly autoExtend?: undefined;
}

/** Selects the messages to process by a handler, each held under the server's visibility timer. */
export interface ProcessLeaseRequest<T = Uint8Array> extends QueueRequest<T>, Lease {
  /** Not an option: the outcome of the handler settles the message. */
  readonly settle?: undefined;
}

/** Selects the messages to consume in batches. */
export interface BatchRequest<T = Uint8Array> {
  /** The queue. */
  readonly channel: string;
  /** Decodes `message.value`. Default: none, the value is the body. */
  readonly codec?: Decoder<T> | undefined;
  /** Maximum number of messages in a batch, 1 to 100000. */
  readonly max: number;
  /**
   * How long the server waits for `max` messages, in seconds, 1 to 3600: the whole time if there
   * are fewer. Fractions are allowed, to the millisecond. @default 1
   */
  readonly waitSeconds?: number | undefined;
}

/** The delay before a failed message is delivered again. */
export interface RetryDelay {
  /** The delay after the first failure, in milliseconds. @default 100 */
  readonly initialDelayMs?: number | undefined;
  /** The longest delay, in milliseconds, at most 300000. @default 10000 */
  readonly maxDelayMs?: number | undefined;
  /** The fraction of the delay that is random, 0 to 1. @default 0.5 */
  readonly jitter?: number | undefined;
}

/** When messages whose handlers fail are redelivered, and what happens to them in the end. */
export interface RetryOptions {
  /**
   * Maximum number of failed deliveries of a message, 1 to 1024, including the first. Requires
   * `exhausted`. Default: no limit; the `deadLetter` policy of the message applies, and the server
   * drops a message after 1024 deliveries.
   */
  readonly maxAttempts?: number | undefined;
  /**
   * Outcome of a message that failed `maxAttempts` times. `"drop"` acknowledges it. `deadLetter`
   * sends a copy to a queue before it acknowledges the message: id, metadata, tags and body, and
   * the tags `dead-letter-reason` (the error's message), `dead-letter-channel` and
   * `dead-letter-attempts`.
   */
  readonly exhausted?: "drop" | { readonly deadLetter: string } | undefined;
  /**
   * How long a failed message is held before it is rejected, in milliseconds: `initialDelayMs`
   * after the first failure, doubled with each delivery up to `maxDelayMs` (at most 300000). The
   * fraction `jitter` (0 to 1) of the delay is random. A leased message is not held beyond its
   * lease. While waiting messages fill the prefetch, the oldest of them is rejected after a second,
   * so that the queue continues. `false` rejects at once: a message that always fails is then
   * delivered a thousand times a second.
   *
   * @default { initialDelayMs: 100, maxDelayMs: 10000, jitter: 0.5 }
   */
  readonly delay?: false | RetryDelay | undefined;
}

/** Options of `process`. */
export interface ProcessOptions<M = unknown> extends HandlerOptions<M> {
  /**
   * Outcome of messages whose handlers fail. Default: redelivered after a growing delay, without
   * limit.
   */
  readonly retry?: RetryOptions | undefined;
}

/** Options of a queue publisher. */
export interface PublisherOptions extends StreamOptions, ResendOptions {
  /**
   * True: one unanswered request at a time, so that the queue has the order of the sends. False:
   * several, in no order.
   * @default true
   */
  readonly ordered?: boolean | undefined;
  /** Maximum unanswered requests with `ordered: false`, 1 to 1024. @default 16 */
  readonly maxInFlight?: number | undefined;
}
