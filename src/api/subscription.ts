import type { Codec } from "./codec.js";
import type { KubeMQError } from "./errors.js";

/** What a subscription is to. */
export interface ChannelFilter<T = Uint8Array> {
  /** The channel. Where wildcards are allowed, `*` stands for one part between dots and a last `>` for one or more. */
  channel: string;
  /** Members of one group share the messages: each goes to one of them. Default: no group, every message. */
  group?: string;
  /** Decodes `message.value`. Default: none, the value is the body. */
  codec?: Codec<T>;
}

/**
 * A started, single-use stream of messages. Iterate it once, with `for await`; every way out of the loop ends it and cancels
 * its call. It ends quietly by `break`, by its signal, by `close()` and by the client's `close()`; it throws a
 * {@link KubeMQError} only when the server refuses it for good. A second iteration throws `STREAM_CONSUMED`.
 */
export interface Subscription<T> extends AsyncIterable<T>, AsyncDisposable {
  [Symbol.asyncIterator](): AsyncIterator<T, void, void>;
  /**
   * Resolves when the request is on the wire and the server has answered a ping sent behind it. KubeMQ does not confirm
   * subscriptions, this is as near as a client gets. Rejects when the stream ends before that.
   */
  readonly ready: Promise<void>;
  /** Resolves when the stream ended for good, with the error if one ended it; never rejects. */
  readonly closed: Promise<KubeMQError | undefined>;
  /** Stops the stream: its loop ends quietly after the current body. Resolves when its resources are gone. */
  close(): Promise<void>;
}
