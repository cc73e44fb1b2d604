import type { ConnectError } from "@connectrpc/connect";
import { type Batched, batches, type BatchReader, BatchStream } from "./batches.js";
import { type Due, Round } from "./round.js";

/** Above either mark the HTTP/2 stream is paused: what the server still sends then stays within the stream's window. */
const HIGH_WATER_BYTES = 1024 * 1024;

const HIGH_WATER_MESSAGES = 4096;

/**
 * At either mark whoever waits gets what is there, before the next chunk is read. More at once would be slower: the messages would leave the
 * processor's cache before anybody looked at them, and live long enough for the garbage collector to move them.
 */
const BATCH_BYTES = 64 * 1024;

const BATCH_MESSAGES = 256;

const round = new Round();

/** Nothing is ever put into it. */
const none: never[] = [];

/** What received messages do to the call they came by. */
export interface Flow {
  pause(): void;
  resume(): void;
  /** The reader has gone: end the call. */
  cancel(): void;
}

type State =
  | { readonly t: "open" }
  /** The call is over; its messages are still to be taken, then its error, once. */
  | { readonly t: "ended"; readonly error: ConnectError | undefined };

/** The received messages of a call, between the socket and whoever reads them. */
export class Incoming<T> extends BatchStream<T> implements Due {
  private ready: T[] = none;
  private readyCount = 0;
  private readyBytes = 0;
  /** The one that is ready, while there is no other. */
  private only: T | undefined;
  private reader: BatchReader<T> | undefined;
  private state: State = { t: "open" };
  private paused = false;
  isDue = false;

  constructor(private readonly flow: Flow) {
    super();
  }

  push(message: T, bytes: number): void {
    // Among many streams it is very often the only one, and gets its array when it is handed over: V8 makes arrays old at once where
    // most of them have to wait, and old ones keep their messages until all of the heap is collected.
    if (this.readyCount === 0) this.only = message;
    else if (this.readyCount > 1) this.ready.push(message);
    else {
      this.ready = [this.only as T, message];
      this.only = undefined;
    }
    this.readyCount += 1;
    this.readyBytes += bytes;
  }

  /** Called once for each chunk, after its messages were pushed. */
  chunkDone(): void {
    if (this.readyCount === 0) return;
    if (this.reader !== undefined) {
      if (this.readyBytes >= BATCH_BYTES || this.readyCount >= BATCH_MESSAGES) this.handOver();
      else round.add(this);
    }
    if (!this.paused && (this.readyBytes >= HIGH_WATER_BYTES || this.readyCount >= HIGH_WATER_MESSAGES)) {
      this.paused = true;
      this.flow.pause(); // promise: reader-pauses
    }
  }

  /** The call ended; what was received before stays readable. */
  end(error: ConnectError | undefined): void {
    if (this.state.t === "ended") return;
    this.state = { t: "ended", error };
    this.handOver();
  }

  /** The call was cancelled on this side; what was received and not read is dropped. */
  drop(error: ConnectError | undefined): void {
    this.clear();
    if (this.state.t === "open") this.state = { t: "ended", error };
    this.handOver();
  }

  /** As Connect gives them: one at a time. */
  get messages(): Batched<T> {
    return { [batches]: this, [Symbol.asyncIterator]: () => singly(this[Symbol.asyncIterator]()) };
  }

  override read(reader: BatchReader<T>): void {
    this.reader = reader;
    this.handOver();
  }

  override leave(): void {
    const running = this.state.t === "open";
    this.state = { t: "ended", error: undefined };
    this.drop(undefined);
    if (running) this.flow.cancel();
  }

  private clear(): void {
    this.ready = none;
    this.readyCount = 0;
    this.readyBytes = 0;
    this.only = undefined;
  }

  private takeReady(): readonly T[] {
    const batch = this.readyCount === 1 ? [this.only as T] : this.ready;
    this.clear();
    if (this.paused) {
      this.paused = false;
      this.flow.resume(); // promise: reader-resumes
    }
    return batch;
  }

  /** Whoever waits gets what is there. */
  handOver(): void {
    const { reader, state } = this;
    if (reader === undefined) return;
    if (this.readyCount > 0) {
      this.reader = undefined;
      reader.batch(this.takeReady());
    } else if (state.t === "ended") {
      this.reader = undefined;
      this.state = { t: "ended", error: undefined };
      reader.end(state.error);
    }
  }
}

function singly<T>(source: AsyncIterator<readonly T[], undefined, undefined>): AsyncIterator<T, undefined, undefined> {
  let batch: readonly T[] = [];
  let at = 0;
  const take = (result: IteratorResult<readonly T[], undefined>): IteratorResult<T, undefined> => {
    if (result.done === true) return result;
    batch = result.value;
    at = 1;
    return { done: false, value: batch[0] as T };
  };
  return {
    next: () => {
      if (at < batch.length) return Promise.resolve({ done: false, value: batch[at++] as T });
      return source.next().then(take);
    },
    async return() {
      batch = [];
      await source.return?.();
      return { done: true, value: undefined };
    },
  };
}
