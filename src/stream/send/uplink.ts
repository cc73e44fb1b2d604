import { Fifo } from "../../support/fifo.js";
import { attach, type PushEvents, type PushSink, type PushSource } from "../../transport/push.js";

type State =
  | { readonly kind: "open" }
  /** Accepts no more messages; the pending messages are still to be sent. */
  | { readonly kind: "closing" }
  | { readonly kind: "ended"; readonly error: Error | undefined };

interface Sender<T> {
  readonly message: T;
  resolve(): void;
  reject(error: Error): void;
}

interface Flusher {
  resolve(): void;
  reject(error: Error): void;
}

/** Maximum number of senders that wait for room. Further sends are refused. */
const MOST_WAITING = 65_536;

/**
 * The client-to-server half of a bidirectional call. It has limited capacity, holds back its
 * senders when the server accepts nothing, and ends immediately with the call.
 *
 * This library's transport accepts messages as they are sent ({@link attach}). Connect's transport
 * requests them one at a time. It requests the iterator twice, and calls `throw()` and `return()`
 * while `next()` is pending, which a generator would not notice.
 */
export class Uplink<T> implements PushSource<T>, AsyncIterableIterator<T, undefined, undefined> {
  readonly #capacity: number;
  #state: State = { kind: "open" };
  #isHalfClosed = false;
  /** Accepted messages that the transport has not taken. */
  readonly #pending = new Fifo<T>();
  #senders: Sender<T>[] = [];
  #flushers: Flusher[] = [];
  #parked: ((result: IteratorResult<T, undefined>) => void) | undefined;
  #sink: { readonly to: PushSink<T>; room: boolean } | undefined;

  /** @param capacity maximum number of pending messages; further senders wait */
  constructor(capacity = 256) {
    this.#capacity = capacity;
  }

  /** Whether the transport has taken all messages and the end of the requests. */
  get isHalfClosed(): boolean {
    return this.#isHalfClosed;
  }

  /**
   * Accepts a message: immediately while there is room (returns undefined), otherwise later.
   *
   * Bytes of 8 KiB and more are not copied: they must not change before {@link flushed}.
   *
   * @returns a promise that rejects when the call has ended, when the message cannot be encoded, or
   *   when too many senders wait
   */
  send(message: T): Promise<void> | undefined {
    if (this.#state.kind !== "open") return Promise.reject(endedError(this.#state));
    const sink = this.#sink;
    if (sink?.room === true) {
      try {
        sink.room = sink.to.write(message);
        return undefined;
      } catch (error) {
        return Promise.reject(error);
      }
    }
    if (this.#senders.length === 0 && this.#parked !== undefined) {
      this.#answer({ done: false, value: message });
      return undefined;
    }
    if (this.#senders.length === 0 && this.#pending.size < this.#capacity) {
      this.#pending.push(message);
      return undefined;
    }
    // promise: bounded-senders
    if (this.#senders.length >= MOST_WAITING) {
      return Promise.reject(
        new Error(`send refused: ${MOST_WAITING} sends are waiting for room, await them before sending more`),
      );
    }
    return new Promise((resolve, reject) => this.#senders.push({ message, resolve, reject }));
  }

  /** Ends the requests after all accepted and waiting messages. Responses continue. */
  close(): void {
    if (this.#state.kind !== "open") return;
    this.#state = { kind: "closing" };
    this.#endWhenEmpty();
  }

  /** Ends immediately: drops pending messages and rejects waiting senders. */
  fail(error: Error | undefined): void {
    if (this.#state.kind === "ended") return;
    this.#state = { kind: "ended", error };
    const senders = this.#senders;
    const flushers = this.#flushers;
    const unsent = this.#pending.size > 0 || !this.#isFlushed();
    this.#pending.drain();
    this.#senders = [];
    this.#flushers = [];
    this.#sink = undefined;
    if (senders.length > 0 || flushers.length > 0) {
      const lost = endedError(this.#state);
      for (const sender of senders) sender.reject(lost);
      for (const flusher of flushers) {
        if (unsent) flusher.reject(lost);
        else flusher.resolve();
      }
    }
    this.#answer({ done: true, value: undefined });
  }

  /**
   * Resolves when all messages sent before have been written to the socket. Rejects when the call
   * ends before that.
   */
  flushed(): Promise<void> {
    if (this.#state.kind === "ended") {
      return this.#state.error === undefined ? Promise.resolve() : Promise.reject(endedError(this.#state));
    }
    if (this.#isFlushed()) return Promise.resolve();
    return new Promise((resolve, reject) => this.#flushers.push({ resolve, reject }));
  }

  [attach](sink: PushSink<T>): PushEvents {
    if (this.#state.kind !== "ended") {
      this.#sink = { to: sink, room: true };
      this.#fill();
    }
    return {
      onRoom: () => {
        if (this.#sink === undefined) return;
        this.#sink.room = true;
        this.#fill();
      },
      onFlushed: () => this.#settleFlushers(),
      onEnd: (error) => this.fail(error),
    };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<IteratorResult<T, undefined>> {
    if (this.#state.kind === "ended") return Promise.resolve({ done: true, value: undefined });
    const message = this.#shift();
    if (message !== undefined) return Promise.resolve({ done: false, value: message.value });
    if (this.#state.kind === "closing") {
      this.#settleFlushers();
      this.#isHalfClosed = true;
      return Promise.resolve({ done: true, value: undefined });
    }
    return new Promise((resolve) => {
      this.#parked = resolve;
      this.#settleFlushers();
    });
  }

  return(): Promise<IteratorReturnResult<undefined>> {
    this.fail(undefined);
    return Promise.resolve({ done: true, value: undefined });
  }

  throw(error: unknown): Promise<IteratorReturnResult<undefined>> {
    this.fail(error as Error);
    return Promise.resolve({ done: true, value: undefined });
  }

  #shift(): { readonly value: T } | undefined {
    if (this.#pending.size === 0) return undefined;
    const value = this.#pending.shift() as T;
    const sender = this.#senders.shift();
    if (sender !== undefined) {
      this.#pending.push(sender.message);
      sender.resolve();
    }
    return { value };
  }

  /** Writes the waiting messages to the transport, in order, while it has room. */
  #fill(): void {
    for (let sink = this.#sink; sink?.room === true; sink = this.#sink) {
      if (this.#pending.size > 0) {
        try {
          sink.room = sink.to.write(this.#pending.shift() as T);
        } catch (error) {
          // The sender of this message does not wait, so the error ends the call.
          return sink.to.fail(error);
        }
        continue;
      }
      const sender = this.#senders.shift();
      if (sender === undefined) break;
      try {
        sink.room = sink.to.write(sender.message);
        sender.resolve();
      } catch (error) {
        sender.reject(error as Error);
      }
    }
    this.#endWhenEmpty();
  }

  #endWhenEmpty(): void {
    if (this.#state.kind !== "closing" || this.#pending.size > 0 || this.#senders.length > 0) return;
    if (this.#sink !== undefined) {
      this.#isHalfClosed = true;
      this.#sink.to.end();
    }
    if (this.#parked !== undefined) this.#isHalfClosed = true;
    this.#answer({ done: true, value: undefined });
  }

  #answer(result: IteratorResult<T, undefined>): void {
    const parked = this.#parked;
    this.#parked = undefined;
    parked?.(result);
  }

  #isFlushed(): boolean {
    if (this.#pending.size > 0 || this.#senders.length > 0) return false;
    // Connect requests the next message after it has written the previous one.
    return this.#sink === undefined ? this.#parked !== undefined : this.#sink.to.isFlushed();
  }

  #settleFlushers(): void {
    if (this.#flushers.length === 0) return;
    if (this.#state.kind === "open" && !this.#isFlushed()) return;
    if (this.#pending.size > 0 || this.#senders.length > 0) return;
    const flushers = this.#flushers;
    this.#flushers = [];
    for (const flusher of flushers) flusher.resolve();
  }
}

function endedError(state: Exclude<State, { kind: "open" }>): Error {
  if (state.kind === "ended" && state.error !== undefined) return state.error;
  return new Error(
    state.kind === "closing" ? "send refused: the stream is closing" : "send refused: the stream has ended",
  );
}
