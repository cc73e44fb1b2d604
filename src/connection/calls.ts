import { KubeMQError } from "../api/errors.js";
import type { CallOptions } from "../api/message.js";
import { onAbort } from "../support/abort.js";
import type { Subject } from "../support/checks.js";
import { cancelled, clientClosed, fault } from "../support/faults.js";
import type { Clock } from "../support/time/clock.js";

/** A unary call. */
export interface Call extends Subject {
  readonly options?: CallOptions | undefined;
  /** Overrides the client's time-out as the default, in milliseconds. */
  readonly timeoutMs?: number;
  /**
   * True for calls that finish work accepted before a close, such as a response. They are allowed
   * while the client closes.
   */
  readonly settles?: boolean;
  /**
   * True for the client's own pings. They are allowed while the client closes, and a close does not
   * wait for them.
   */
  readonly background?: boolean;
}

/**
 * A timeout during which the connection received nothing. It is retryable, because the connection
 * may be dead.
 */
export function silentTimeout(error: KubeMQError, subject: Subject, silence: string): KubeMQError {
  const text = `${error.message}; ${silence}`;
  return new KubeMQError(error.code, text, { ...subject, cause: error.cause, retryable: true });
}

/** Waits of calls that the end of the session does not settle. They end when the client closes. */
export class CallWaits {
  readonly #clock: Clock;
  readonly #releases = new Set<() => void>();
  #isClosed = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Ends every wait. */
  close(): void {
    this.#isClosed = true;
    for (const release of this.#releases) release();
  }

  /** Bounds the token provider by the timeout and the signal of the call; it may never settle. */
  inTime<T>(promise: Promise<T>, subject: Subject, timeoutMs: number, signal: AbortSignal | undefined): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const free: (() => void)[] = [];
      const end = (settle: () => void) => {
        for (const one of free.splice(0)) one();
        settle();
      };
      const late = () => fault("TIMEOUT", subject, "the token provider gave no token in time", { retryable: true });
      const cancel = () => end(() => reject(cancelled()));
      // promise: token-in-time
      if (timeoutMs > 0) free.push(this.#clock.setTimer(timeoutMs, () => end(() => reject(late()))));
      free.push(onAbort(signal, cancel), this.#onClose(cancel));
      promise.then(
        (value) => end(() => resolve(value)),
        (error: unknown) => end(() => reject(error)),
      );
    });
  }

  /**
   * Calls `release` when the client has closed; returns how to unregister. Cheaper than a signal
   * listener per call.
   */
  #onClose(release: () => void): () => void {
    if (this.#isClosed) {
      release();
      return () => {};
    }
    this.#releases.add(release);
    return () => void this.#releases.delete(release);
  }

  /**
   * Rejects a call when the client has closed: node:http2 can lose the streams of a session that it
   * has destroyed, and such a call would never settle. No upstream issue found.
   */
  untilClosed<T>(answer: Promise<T>, subject: Subject): Promise<T> {
    return new Promise((resolve, reject) => {
      const forget = this.#onClose(() => reject(clientClosed(subject)));
      answer.then(
        (value) => {
          forget();
          resolve(value);
        },
        (error: unknown) => {
          forget();
          reject(error);
        },
      );
    });
  }
}
