import type { ConnectError } from "@connectrpc/connect";
import { batches } from "./batches.js";
import type { BatchSource } from "./batches.js";

/** Above either mark the HTTP/2 stream is paused: what the server still sends then stays within the stream's window. */
const HIGH_WATER_BYTES = 1024 * 1024;
const HIGH_WATER_MESSAGES = 4096;

/**
 * At either mark whoever waits gets what is there, before the next chunk is read. More at once would be slower: the messages would leave the
 * processor's cache before anybody looked at them, and live long enough for the garbage collector to move them.
 */
const BATCH_BYTES = 64 * 1024;
const BATCH_MESSAGES = 256;

/** What received messages do to the call they came by. */
export interface Flow {
  pause(): void;
  resume(): void;
  /** The reader has gone: end the call. */
  cancel(): void;
}

interface Waiter<T> {
  resolve(result: IteratorResult<readonly T[], undefined>): void;
  reject(error: ConnectError): void;
}

type State =
  | { readonly t: "open" }
  /** The call is over; its messages are still to be taken, then its error, once. */
  | { readonly t: "ended"; readonly error: ConnectError | undefined };

/** The received messages of a call, between the socket and whoever reads them. */
export class Incoming<T> implements BatchSource<T> {
  private ready: T[] = [];
  private readyBytes = 0;
  private waiter: Waiter<T> | undefined;
  private state: State = { t: "open" };
  private paused = false;
  private handOverDue = false;

  constructor(private readonly flow: Flow) {}

  push(message: T, bytes: number): void {
    this.ready.push(message);
    this.readyBytes += bytes;
  }

  /** Called once for each chunk, after its messages were pushed. */
  chunkDone(): void {
    if (this.ready.length === 0) return;
    if (this.waiter !== undefined) {
      if (this.readyBytes >= BATCH_BYTES || this.ready.length >= BATCH_MESSAGES) this.handOver();
      else if (!this.handOverDue) {
        // A server sends a frame for each message, and node gives each frame a turn of its own: waiting for the end of this
        // round of the event loop makes one batch of what the socket had.
        this.handOverDue = true;
        setImmediate(this.onTurn);
      }
    }
    if (!this.paused && (this.readyBytes >= HIGH_WATER_BYTES || this.ready.length >= HIGH_WATER_MESSAGES)) {
      this.paused = true;
      this.flow.pause();
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
    this.ready = [];
    this.readyBytes = 0;
    if (this.state.t === "open") this.state = { t: "ended", error };
    this.handOver();
  }

  [batches](): AsyncIterator<readonly T[], undefined, undefined> {
    return {
      next: () => this.next(),
      return: () => this.leave(),
    };
  }

  [Symbol.asyncIterator](): AsyncIterator<T, undefined, undefined> {
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
        return this.next().then(take);
      },
      return: () => {
        batch = [];
        return this.leave();
      },
    };
  }

  private next(): Promise<IteratorResult<readonly T[], undefined>> {
    if (this.ready.length > 0 && this.waiter === undefined) {
      return Promise.resolve({ done: false, value: this.takeReady() });
    }
    if (this.waiter === undefined && this.state.t === "ended") return this.takeEnd(this.state.error);
    return new Promise((resolve, reject) => {
      const before = this.waiter;
      if (before === undefined) {
        this.waiter = { resolve, reject };
        return;
      }
      // A second next() before the first has its answer: it comes after it.
      this.waiter = {
        resolve: (result) => {
          before.resolve(result);
          resolve(this.next());
        },
        reject: (error) => {
          before.reject(error);
          resolve(this.next());
        },
      };
    });
  }

  private leave(): Promise<IteratorReturnResult<undefined>> {
    const running = this.state.t === "open";
    this.state = { t: "ended", error: undefined };
    this.drop(undefined);
    if (running) this.flow.cancel();
    return Promise.resolve({ done: true, value: undefined });
  }

  private takeReady(): readonly T[] {
    const batch = this.ready;
    this.ready = [];
    this.readyBytes = 0;
    if (this.paused) {
      this.paused = false;
      this.flow.resume();
    }
    return batch;
  }

  private takeEnd(reason: ConnectError | undefined): Promise<IteratorReturnResult<undefined>> {
    this.state = { t: "ended", error: undefined };
    return reason === undefined ? Promise.resolve({ done: true, value: undefined }) : Promise.reject(reason);
  }

  private readonly onTurn = (): void => {
    this.handOverDue = false;
    this.handOver();
  };

  private handOver(): void {
    const waiter = this.waiter;
    if (waiter === undefined) return;
    if (this.ready.length > 0) {
      this.waiter = undefined;
      waiter.resolve({ done: false, value: this.takeReady() });
    } else if (this.state.t === "ended") {
      this.waiter = undefined;
      const error = this.state.error;
      this.state = { t: "ended", error: undefined };
      if (error === undefined) waiter.resolve({ done: true, value: undefined });
      else waiter.reject(error);
    }
  }
}
