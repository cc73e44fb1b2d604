import { channel as diagnosticsChannel } from "node:diagnostics_channel";
import type { DiagnosticStatus, Status } from "../api/status.js";
import { onAbort } from "../support/abort.js";

const diagnostics = diagnosticsChannel("kubemq-es:status");

/** Maximum entries buffered for a slow reader of the status. */
const CAPACITY = 256;

/**
 * Delivers every status to every reader. A slow reader loses the oldest entries and receives their
 * number.
 */
export class StatusFeed {
  readonly #readers = new Set<StatusReader>();
  readonly #clientId: string;
  #ended = false;

  constructor(clientId = "") {
    this.#clientId = clientId;
  }

  publish(status: Status): void {
    if (diagnostics.hasSubscribers) {
      diagnostics.publish({ clientId: this.#clientId, status } satisfies DiagnosticStatus);
    }
    for (const reader of this.#readers) reader.push(status);
  }

  /** Returns a reader of all entries published after this call. */
  read(signal: AbortSignal | undefined): AsyncIterable<Status> {
    const reader = new StatusReader();
    if (this.#ended || signal?.aborted === true) reader.end();
    else {
      this.#readers.add(reader);
      const unwatch = onAbort(signal, () => reader.end());
      reader.onEnd = () => {
        unwatch();
        this.#readers.delete(reader);
      };
    }
    return reader;
  }

  /** Ends every reader after its buffered entries. */
  end(): void {
    this.#ended = true;
    for (const reader of this.#readers) reader.end();
  }
}

class StatusReader implements AsyncIterableIterator<Status, void, void> {
  onEnd: () => void = () => {};
  readonly #entries: Status[] = [];
  readonly #waiting: ((result: IteratorResult<Status, void>) => void)[] = [];
  #dropped = 0;
  #ended = false;

  push(status: Status): void {
    const waiting = this.#waiting.shift();
    if (waiting !== undefined) return waiting({ done: false, value: status });
    this.#entries.push(status);
    // promise: status-bounded
    if (this.#entries.length > CAPACITY) {
      this.#entries.shift();
      this.#dropped += 1;
    }
  }

  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.onEnd();
    for (const waiting of this.#waiting.splice(0)) waiting({ done: true, value: undefined });
  }

  next(): Promise<IteratorResult<Status, void>> {
    if (this.#dropped > 0) {
      const dropped = this.#dropped;
      this.#dropped = 0;
      return Promise.resolve({ done: false, value: { type: "overflow", dropped } });
    }
    const entry = this.#entries.shift();
    if (entry !== undefined) return Promise.resolve({ done: false, value: entry });
    if (this.#ended) return Promise.resolve({ done: true, value: undefined });
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  return(): Promise<IteratorResult<Status, void>> {
    this.#entries.length = 0;
    this.#dropped = 0;
    this.end();
    return Promise.resolve({ done: true, value: undefined });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
