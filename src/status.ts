import { channel as diagnosticsChannel } from "node:diagnostics_channel";
import type { ChannelKind } from "./channels.js";
import type { KubeMQError } from "./errors.js";
import { onAbort } from "./internal/abort.js";

/**
 * - `idle`: nothing was asked of the server yet, or the last call failed and no stream is open
 * - `connecting`: the first answer is awaited
 * - `ready`: the server answered the last time, and every open stream is up
 * - `reconnecting`: at least one stream is down and comes back
 * - `closing`, `closed`: `close()` was called
 */
export type ConnectionState = "idle" | "connecting" | "ready" | "reconnecting" | "closing" | "closed";

/** What happens to a client beside its messages. */
export type Status =
  /** The client's state changed. */
  | {
      readonly type: "state";
      readonly state: ConnectionState;
      readonly previous: ConnectionState;
      readonly error?: KubeMQError;
    }
  /** A stream was lost, and is tried again after the delay. */
  | { readonly type: "retry"; readonly attempt: number; readonly delayMs: number; readonly error: KubeMQError }
  /** A stream is back. `afterSequence`: where a store subscription went on. */
  | {
      readonly type: "resumed";
      readonly channel: string;
      readonly kind: ChannelKind;
      readonly downMs: number;
      readonly afterSequence?: bigint;
    }
  /**
   * A store subscription was sent another sequence than the one that was due. `lost` false: what is missing is fetched again. True: it
   * is gone, by the server's retention for instance, and the loop goes on. A sequence below the expected one: the channel began anew.
   */
  | {
      readonly type: "gap";
      readonly channel: string;
      readonly expected: bigint;
      readonly received: bigint;
      readonly lost: boolean;
    }
  /** A settlement failed after its promise could tell. */
  | { readonly type: "settle-failed"; readonly channel: string; readonly sequence: bigint; readonly error: KubeMQError }
  /** A handler's response could not be sent: it came too late (`TIMEOUT`), or the server could not be reached in time. */
  | {
      readonly type: "response-failed";
      readonly channel: string;
      readonly kind: ChannelKind;
      readonly requestId: string;
      readonly error: KubeMQError;
    }
  /** This reader of the status was too slow: so many entries were dropped, the oldest first. */
  | { readonly type: "overflow"; readonly dropped: number };

/** What is published on the channel `kubemq-es:status` of `node:diagnostics_channel`: every status of every client of the process. */
export interface DiagnosticStatus {
  /** Whose status it is. */
  readonly clientId: string;
  /** What happened. */
  readonly status: Status;
}

const diagnostics = diagnosticsChannel("kubemq-es:status");

/** How many entries a slow reader of the status may lag behind. */
const CAPACITY = 256;

/** Hands every status to every reader; a slow reader loses the oldest entries and is told how many. */
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

  /** A reader sees what is published from this call on. */
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

  /** Ends every reader once it has read what is left. */
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
