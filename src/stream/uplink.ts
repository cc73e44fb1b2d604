import { attach, type PushEvents, type PushSink, type PushSource } from "../transport/push.js";

type State =
  | { readonly t: "open" }
  /** Half-closed behind what is pending. */
  | { readonly t: "closing" }
  | { readonly t: "ended"; readonly error: Error | undefined };

interface Sender<T> {
  readonly message: T;
  resolve(): void;
  reject(error: Error): void;
}

interface Flusher {
  resolve(): void;
  reject(error: Error): void;
}

/** How many senders may wait for room before the next one is refused. */
const MOST_WAITING = 65_536;

/**
 * The client-to-server half of a bidi call: bounded, back-pressured, ends at once.
 *
 * Our own transport takes messages as they are sent ({@link attach}); Connect's asks for them one by one. Written by hand,
 * because Connect asks twice for the iterator and calls `throw()` and `return()` on one that is waiting, where a generator
 * would go on waiting.
 */
export class Uplink<T> implements PushSource<T>, AsyncIterableIterator<T, undefined, undefined> {
  private state: State = { t: "open" };
  private pending: T[] = [];
  private senders: Sender<T>[] = [];
  private flushers: Flusher[] = [];
  private parked: ((result: IteratorResult<T, undefined>) => void) | undefined;
  private sink: { readonly to: PushSink<T>; room: boolean } | undefined;

  /** @param capacity messages that are accepted before they can be sent on; senders wait above it */
  constructor(private readonly capacity: number = 256) {}

  /**
   * Accepts a message: at once (undefined) while there is room, else when there is.
   *
   * Bytes of 8 KiB and more are not copied: they must not change before {@link flushed}.
   *
   * @returns a promise that rejects when the call has ended, when the message cannot be encoded, or when too many wait already
   */
  send(message: T): Promise<void> | undefined {
    if (this.state.t !== "open") return Promise.reject(endedError(this.state));
    const sink = this.sink;
    if (sink?.room === true) {
      try {
        sink.room = sink.to.write(message);
        return undefined;
      } catch (error) {
        return Promise.reject(error);
      }
    }
    if (this.senders.length === 0 && this.parked !== undefined) {
      this.answer({ done: false, value: message });
      return undefined;
    }
    if (this.senders.length === 0 && this.pending.length < this.capacity) {
      this.pending.push(message);
      return undefined;
    }
    // promise: bounded-senders
    if (this.senders.length >= MOST_WAITING) {
      return Promise.reject(
        new Error(`send refused: ${MOST_WAITING} sends are waiting for room, await them before sending more`),
      );
    }
    return new Promise((resolve, reject) => this.senders.push({ message, resolve, reject }));
  }

  /** Ends the requests behind everything accepted and everything waiting. The responses go on. */
  close(): void {
    if (this.state.t !== "open") return;
    this.state = { t: "closing" };
    this.endWhenEmpty();
  }

  /** Ends at once: what is pending is dropped, who waits is rejected. */
  fail(error: Error | undefined): void {
    if (this.state.t === "ended") return;
    this.state = { t: "ended", error };
    const lost = endedError(this.state);
    const { senders, flushers } = this;
    const unsent = this.pending.length > 0 || !this.isFlushed();
    this.pending = [];
    this.senders = [];
    this.flushers = [];
    this.sink = undefined;
    for (const sender of senders) sender.reject(lost);
    for (const flusher of flushers) {
      if (unsent) flusher.reject(lost);
      else flusher.resolve();
    }
    this.answer({ done: true, value: undefined });
  }

  /** Resolves when everything sent so far has left for the socket; rejects when the call ended before. */
  flushed(): Promise<void> {
    if (this.state.t === "ended") {
      return this.state.error === undefined ? Promise.resolve() : Promise.reject(endedError(this.state));
    }
    if (this.isFlushed()) return Promise.resolve();
    return new Promise((resolve, reject) => this.flushers.push({ resolve, reject }));
  }

  [attach](sink: PushSink<T>): PushEvents {
    if (this.state.t !== "ended") {
      this.sink = { to: sink, room: true };
      this.pour();
    }
    return {
      onRoom: () => {
        if (this.sink === undefined) return;
        this.sink.room = true;
        this.pour();
      },
      onFlushed: () => this.settleFlushers(),
      onEnd: (error) => this.fail(error),
    };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<IteratorResult<T, undefined>> {
    if (this.state.t === "ended") return Promise.resolve({ done: true, value: undefined });
    const message = this.shift();
    if (message !== undefined) return Promise.resolve({ done: false, value: message.value });
    if (this.state.t === "closing") {
      this.settleFlushers();
      return Promise.resolve({ done: true, value: undefined });
    }
    return new Promise((resolve) => {
      this.parked = resolve;
      this.settleFlushers();
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

  private shift(): { readonly value: T } | undefined {
    if (this.pending.length === 0) return undefined;
    const value = this.pending.shift() as T;
    const sender = this.senders.shift();
    if (sender !== undefined) {
      this.pending.push(sender.message);
      sender.resolve();
    }
    return { value };
  }

  /** Pours what waits into the sink, in order, for as long as it has room. */
  private pour(): void {
    for (let sink = this.sink; sink?.room === true; sink = this.sink) {
      if (this.pending.length > 0) {
        try {
          sink.room = sink.to.write(this.pending.shift() as T);
        } catch (error) {
          // It was accepted: nobody waits for it whom this could be told.
          return sink.to.fail(error);
        }
        continue;
      }
      const sender = this.senders.shift();
      if (sender === undefined) break;
      try {
        sink.room = sink.to.write(sender.message);
        sender.resolve();
      } catch (error) {
        sender.reject(error as Error);
      }
    }
    this.endWhenEmpty();
  }

  private endWhenEmpty(): void {
    if (this.state.t !== "closing" || this.pending.length > 0 || this.senders.length > 0) return;
    this.sink?.to.end();
    this.answer({ done: true, value: undefined });
  }

  private answer(result: IteratorResult<T, undefined>): void {
    const parked = this.parked;
    this.parked = undefined;
    parked?.(result);
  }

  private isFlushed(): boolean {
    if (this.pending.length > 0 || this.senders.length > 0) return false;
    // Connect asks for the next message when the one before has been written.
    return this.sink === undefined ? this.parked !== undefined : this.sink.to.isFlushed();
  }

  private settleFlushers(): void {
    if (this.flushers.length === 0) return;
    if (this.state.t === "open" && !this.isFlushed()) return;
    if (this.pending.length > 0 || this.senders.length > 0) return;
    const flushers = this.flushers;
    this.flushers = [];
    for (const flusher of flushers) flusher.resolve();
  }
}

function endedError(state: Exclude<State, { t: "open" }>): Error {
  if (state.t === "ended" && state.error !== undefined) return state.error;
  return new Error(
    state.t === "closing" ? "send refused: the stream is closing" : "send refused: the stream has ended",
  );
}
