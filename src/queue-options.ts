import type { Codec } from "./codec.js";
import type { StreamOptions } from "./message.js";

/** What to take from a queue in one call. */
export interface ReceiveRequest<T = Uint8Array> {
  /** The queue. */
  channel: string;
  /** How many messages at most, 1 to 1024. @default 1 */
  max?: number;
  /** How long the server waits when there are fewer, in seconds, 1 to 3600: the whole time, unless `max` are there. @default 1 */
  waitSeconds?: number;
  /** Decodes `message.value`. Default: none, the value is the body. */
  codec?: Codec<T>;
}

/** What to consume, and how. */
export interface ConsumeOptions<T = Uint8Array> {
  /** The queue. */
  channel: string;
  /** Decodes `message.value`. Default: none, the value is the body. */
  codec?: Codec<T>;
  /**
   * How many messages are held unsettled at once, 1 to 100000. One that is never settled keeps its place, and with 1 the loop then
   * waits for ever. Several at once need as many here. @default 1
   */
  prefetch?: number;
  /**
   * Who settles. `manual`: you, by the methods of the message. `on-next`: asking for the next message acknowledges the one before;
   * leaving the loop by `break` or `throw` rejects it. `on-delivery`: the server, before it sends: what is lost on the way or in the
   * loop is lost for good, at most `prefetch` messages, and one more that comes within a second after the loop was left.
   * @default "manual"
   */
  settle?: "manual" | "on-next" | "on-delivery";
}

/** Holds each message under the server's visibility timer. */
export interface LeaseOptions {
  /** How long a message is held before the server gives it to somebody else, in seconds, 1 to 43200. */
  visibilitySeconds: number;
  /**
   * Extends the visibility at half of its time, until the message is settled or the loop is done with it: with a prefetch of 1 when
   * it asks for the next, else when it is left. @default false
   */
  autoExtend?: boolean;
}

/** What to consume by the batch. */
export interface BatchOptions<T = Uint8Array> {
  /** The queue. */
  channel: string;
  /** Decodes `message.value`. Default: none, the value is the body. */
  codec?: Codec<T>;
  /** How many messages a batch may have, 1 to 100000. */
  max: number;
  /** How long the server waits when there are fewer, in milliseconds, from 1000: the whole time, unless `max` are there. @default 1000 */
  waitMs?: number;
}

/** How many messages are handled at once. */
export interface ProcessOptions extends StreamOptions {
  /** How many handlers run at once. @default 1 */
  concurrency?: number;
}

/** How to send over a stream. */
export interface PublisherOptions extends StreamOptions {
  /** True: one request is on its way at a time, so that the queue has the order of the sends. False: several, in no order. @default true */
  ordered?: boolean;
  /** How many requests may be on their way with `ordered: false`, 1 to 1024. @default 16 */
  maxInFlight?: number;
}
