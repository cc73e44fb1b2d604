import { Code, ConnectError } from "@connectrpc/connect";
import { onAbort } from "../support/abort.js";
import { setDeadline, systemClock } from "../support/time/clock.js";

/**
 * The reason with which the signal of a call aborts at its end, as in Connect. Shared, because
 * each new error would record a stack trace.
 */
export const ENDED = new ConnectError("the call has ended", Code.Canceled);

/**
 * When a call ends early: with the caller's signal, or at its deadline. A controller for each call
 * would be a tenth of its CPU time, so there is one only when an interceptor asks for the signal.
 */
export class Deadline {
  readonly #signal: AbortSignal | undefined;
  readonly #timeoutMs: number | undefined;
  readonly #due: number;
  readonly #reason: (timeoutMs: number) => ConnectError;
  #controller: AbortController | undefined;
  #unwatch: (() => void) | undefined;

  constructor(
    signal: AbortSignal | undefined,
    timeoutMs: number | undefined,
    reason: (timeoutMs: number) => ConnectError,
  ) {
    this.#signal = signal;
    this.#timeoutMs = timeoutMs;
    this.#due = systemClock.now() + (timeoutMs ?? 0);
    this.#reason = reason;
  }

  /** A signal that aborts with the caller's, at the deadline, and when the call is over. */
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      const controller = new AbortController();
      this.#controller = controller;
      this.#unwatch = onAbort(this.#signal, () => controller.abort(this.#signal?.reason));
    }
    return this.#controller.signal;
  }

  /** What cancels the query of the call, without creating a signal for it. */
  get cheapSignal(): AbortSignal | undefined {
    return this.#controller?.signal ?? this.#signal;
  }

  /** The time that is left, as a time-out of a query; undefined without a deadline. */
  get remainingMs(): number | undefined {
    return this.#timeoutMs === undefined ? undefined : Math.max(1, Math.ceil(this.#due - systemClock.now()));
  }

  /**
   * Waits for the answer until the deadline. A query that is not cancelled then ends by itself: the
   * server has its time-out.
   */
  bound<T>(answer: Promise<T>): Promise<T> {
    const timeoutMs = this.#timeoutMs;
    if (timeoutMs === undefined) return answer;
    return new Promise((resolve, reject) => {
      // promise: rpc-deadline-ends-call
      const expire = () => {
        const error = this.#reason(timeoutMs);
        reject(error);
        this.#controller?.abort(error);
      };
      const cancelTimer = setDeadline(systemClock, timeoutMs, expire);
      answer.then(
        (value) => {
          cancelTimer();
          resolve(value);
        },
        (error: unknown) => {
          cancelTimer();
          reject(error);
        },
      );
    });
  }

  end(): void {
    this.#unwatch?.();
    this.#controller?.abort(ENDED);
  }
}
