import { onAbort } from "../support/abort.js";
import { type Clock, within } from "../support/time/clock.js";
import type { Subject } from "../support/checks.js";
import { MAX_TIMER_MS } from "../support/defaults.js";
import { clientClosed } from "../support/faults.js";
import type { HostedStream } from "./hosted-stream.js";

/**
 * Maximum time that a close waits for loop bodies, in milliseconds. One of them may be waiting for
 * the close.
 */
const BODY_MS = 500;

/** The open streams and calls of a client. They finish when the client closes, or are cancelled. */
export class OpenWork {
  readonly #clock: Clock;
  readonly #streams = new Set<HostedStream>();
  #phase: "open" | "closing" | "closed" = "open";
  #calls = 0;
  #onIdle: () => void = () => {};

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get isOpen(): boolean {
    return this.#phase === "open";
  }

  get isClosed(): boolean {
    return this.#phase === "closed";
  }

  get streams(): ReadonlySet<HostedStream> {
    return this.#streams;
  }

  get hasCalls(): boolean {
    return this.#calls > 0;
  }

  /** Refuses new work after `close` was called. `settles`: the work belongs to accepted work. */
  admit(subject: Subject, settles: boolean): void {
    // promise: closed-refuses
    if (this.#phase === "closed" || (this.#phase === "closing" && !settles)) throw clientClosed(subject);
  }

  beginCall(): void {
    this.#calls += 1;
  }

  endCall(): void {
    this.#calls -= 1;
    if (this.#calls === 0) this.#onIdle();
  }

  add(stream: HostedStream): void {
    this.#streams.add(stream);
  }

  /** Returns false when the stream was not open. */
  remove(stream: HostedStream): boolean {
    if (!this.#streams.delete(stream)) return false;
    if (this.#streams.size === 0) this.#onIdle();
    return true;
  }

  /** Refuses new work from now on. */
  startClosing(): void {
    this.#phase = "closing";
  }

  /**
   * Lets running work finish, within `timeoutMs` and until the signal aborts. Then calls `end`. See
   * `KubeMQClient.close`.
   */
  async finish(timeoutMs: number, signal: AbortSignal | undefined, end: () => Promise<void>): Promise<void> {
    const clock = this.#clock;
    const streams = this.#streams;
    const boundMs = Math.min(Math.max(timeoutMs, 0) || 0, MAX_TIMER_MS); // promise: close-any-bound
    const endsAt = clock.now() + boundMs;
    const aborted = new Promise<void>((resolve) => onAbort(signal, resolve));
    const leftMs = () => (signal?.aborted === true ? 0 : Math.max(0, endsAt - clock.now()));
    const wait = (ms: number, work: Promise<unknown>) => within(clock, ms, Promise.race([work, aborted]));
    const until = (condition: () => boolean) =>
      new Promise<void>((resolve) => {
        this.#onIdle = () => (condition() ? resolve() : undefined);
        if (condition()) resolve();
      });
    const idle = () => (this.hasCalls ? until(() => !this.hasCalls) : undefined); // promise: close-awaits-calls
    const left = () => until(() => streams.size === 0);
    const finished = Promise.all([...streams].map((stream) => stream.close())).then(idle);
    await wait(boundMs, finished); // promise: close-bounded
    // The remaining streams are loops with a running body. One of the bodies may be the caller, so
    // the promise resolves after a short wait, and the bodies keep the rest of the time.
    const isLong = leftMs() > BODY_MS;
    if (streams.size > 0) await wait(isLong ? BODY_MS : leftMs(), left());
    if (streams.size === 0 || !isLong || leftMs() === 0) return end();
    void wait(leftMs(), left().then(idle)).then(end);
  }

  /** Refuses all further work, and cancels the open streams. */
  end(): void {
    this.#phase = "closed";
    for (const stream of this.#streams) stream.cancel(); // promise: close-cancels-streams
  }
}
