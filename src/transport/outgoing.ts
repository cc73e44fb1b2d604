import type { ClientHttp2Stream } from "node:http2";
import { WireWriter } from "../codec/writer.js";
import type { MessageCodec } from "./message-codec.js";
import type { PushEvents, PushSink } from "./push.js";
import { Fifo } from "../support/fifo.js";
import { nextTick } from "../support/timers.js";

/** Maximum bytes accepted and not yet taken by the socket. Above it writers wait. */
const HIGH_WATER_BYTES = 1024 * 1024;

/**
 * The writer of a call that has written its last message, for the next call. Streams of few
 * messages are frequent, and each would allocate memory for its writer.
 */
let spare: WireWriter | undefined;

const nobody: PushEvents = { onRoom() {}, onFlushed() {}, onEnd() {} };

/**
 * The request messages of a call: encoded immediately, written once a tick.
 *
 * A write to an HTTP/2 stream costs as much as encoding dozens of small messages. One write per
 * tick makes small messages cheap.
 */
export class Outgoing<T> implements PushSink<T> {
  #events: PushEvents = nobody;
  #stopped: { readonly error: Error | undefined } | undefined;
  /** Undefined before the first message and after the last. */
  #writer: WireWriter | undefined;
  #flushDue = false;
  #draining = false;
  /** True when writers were told to wait. */
  #full = false;
  #ended = false;
  #unwritten = 0;
  /** The bytes of each unfinished write. */
  readonly #writing = new Fifo<number>();

  readonly #stream: ClientHttp2Stream;
  readonly #codec: MessageCodec;
  readonly #maxBytes: number;
  readonly fail: (error: unknown) => void;

  constructor(stream: ClientHttp2Stream, codec: MessageCodec, maxBytes: number, fail: (error: unknown) => void) {
    this.#stream = stream;
    this.#codec = codec;
    this.#maxBytes = maxBytes;
    this.fail = fail;
    stream.on("drain", this.#onDrain);
  }

  /** Sets the receiver of the events for room, for an empty buffer and for the end. */
  tell(events: PushEvents): void {
    if (this.#stopped === undefined) this.#events = events;
    else events.onEnd(this.#stopped.error);
  }

  write(message: T): boolean {
    this.#codec.write((this.#writer ??= newWriter()), message, this.#maxBytes);
    this.#scheduleFlush();
    this.#full = !this.#hasRoom();
    return !this.#full;
  }

  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#scheduleFlush();
  }

  isFlushed(): boolean {
    return this.#pendingBytes === 0 && this.#unwritten === 0;
  }

  /** Called when the call is over. */
  stop(error: Error | undefined): void {
    const events = this.#events;
    this.#events = nobody;
    this.#ended = true;
    this.#stopped ??= { error };
    events.onEnd(error);
  }

  #scheduleFlush(): void {
    if (this.#flushDue || this.#draining) return;
    this.#flushDue = true;
    // The next-tick queue runs when the microtask queue is empty, after all messages of this turn.
    nextTick(this.#flush);
  }

  readonly #flush = (): void => {
    this.#flushDue = false;
    const stream = this.#stream;
    if (stream.destroyed || stream.writableEnded) return;
    const writer = this.#writer;
    const bytes = this.#pendingBytes;
    if (writer !== undefined && bytes > 0) {
      this.#unwritten += bytes;
      this.#writing.push(bytes);
      this.#draining = !writeParts(stream, writer.take(), this.#onWritten);
    }
    if (!this.#ended) return;
    stream.end();
    spare = writer ?? spare;
    this.#writer = undefined;
  };

  /** The callback of each write; they arrive in the order of the writes. */
  readonly #onWritten = (): void => {
    this.#unwritten -= this.#writing.shift() ?? 0;
    this.#offerRoom();
    if (this.isFlushed()) this.#events.onFlushed();
  };

  readonly #onDrain = (): void => {
    this.#draining = false;
    if (this.#pendingBytes > 0 || (this.#ended && !this.#stream.writableEnded)) this.#flush();
    this.#offerRoom();
  };

  /** Bytes encoded and not yet written. */
  get #pendingBytes(): number {
    return this.#writer?.byteLength ?? 0;
  }

  #hasRoom(): boolean {
    return this.#pendingBytes + this.#unwritten < HIGH_WATER_BYTES;
  }

  /**
   * Reports room. Node emits "drain" before the callbacks of the writes behind it, so both events
   * call this.
   */
  #offerRoom(): void {
    if (!this.#full || !this.#hasRoom()) return;
    this.#full = false;
    this.#events.onRoom();
  }
}

function newWriter(): WireWriter {
  const writer = spare ?? new WireWriter();
  spare = undefined;
  return writer;
}

/** Writes the parts together. Returns false when the stream is full. */
export function writeParts(stream: ClientHttp2Stream, parts: readonly Uint8Array[], written: () => void): boolean {
  const last = parts.at(-1);
  if (last === undefined) return true;
  if (parts.length === 1) return stream.write(last, written);
  stream.cork();
  for (let index = 0; index < parts.length - 1; index++) stream.write(parts[index]);
  const more = stream.write(last, written);
  stream.uncork();
  return more;
}

/** Sends the messages of an ordinary iterable, at the speed of the socket. */
export class Pull<T> implements PushEvents {
  readonly #iterator: AsyncIterator<T>;
  #state: "pulling" | "full" | "over" = "pulling";

  readonly #sink: PushSink<T>;

  constructor(source: AsyncIterable<T>, sink: PushSink<T>) {
    this.#sink = sink;
    this.#iterator = source[Symbol.asyncIterator]();
    this.#pull();
  }

  onRoom(): void {
    if (this.#state !== "full") return;
    this.#state = "pulling";
    this.#pull();
  }

  onFlushed(): void {}

  onEnd(reason: Error | undefined): void {
    if (this.#state === "over") return;
    this.#state = "over";
    // Calls `throw()` for a failed call and then `return()`, and awaits neither, as Connect does.
    if (reason !== undefined) this.#iterator.throw?.(reason).catch(ignore);
    this.#iterator.return?.().catch(ignore);
  }

  #pull(): void {
    this.#iterator.next().then(this.#onResult, this.#onError);
  }

  readonly #onResult = (result: IteratorResult<T, unknown>): void => {
    if (this.#state === "over") return;
    if (result.done === true) {
      this.#state = "over";
      this.#sink.end();
      return;
    }
    try {
      if (this.#sink.write(result.value)) this.#pull();
      else this.#state = "full";
    } catch (error) {
      this.#sink.fail(error);
    }
  };

  readonly #onError = (error: unknown): void => {
    if (this.#state === "over") return;
    this.#state = "over";
    this.#sink.fail(error);
  };
}

function ignore(): void {
  // the call is over: these errors have no receiver
}
