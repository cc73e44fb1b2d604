import { checkKnown } from "../support/names/known.js";
import { REQUEST_PLACES } from "../support/names/places.js";
import type { KubeMQError } from "../api/errors.js";
import type { HandlerOptions, StreamOptions } from "../api/message.js";
import type { ChannelKind } from "../api/server.js";
import type { Status } from "../api/status.js";
import type { Service, Subscription } from "../api/subscription.js";
import type { HostedStream, StreamHost } from "../connection/hosted-stream.js";
import { onAbort } from "../support/abort.js";
import { checkInteger, type Subject } from "../support/checks.js";
import { DEFAULTS, MAX_TIMER_MS } from "../support/defaults.js";
import { fault, toKubeMQError } from "../support/faults.js";
import { customInspect, type InspectArguments, shown } from "../support/inspect.js";
import { Awaitable } from "../support/handlers/awaitable.js";
import { isInHandler, outsideHandlers, runHandler } from "../support/handlers/context.js";

/** Maximum time for handlers to obey their signals, in milliseconds. */
const GRACE_MS = 1_000;

/** The same after the client's time to close: its process can exit within a second. */
const GRACE_AFTER_CLOSE_MS = 500;

/**
 * The subscription whose messages the handlers receive. `cancel` ends it at the end of the client's
 * time to close.
 */
export interface Source<Item> extends Subscription<Item> {
  cancel(): void;
}

/** The differences between the patterns. */
export interface HandlerPlan<Item> {
  /** Opens the subscription, or throws. */
  open(): Source<Item>;
  /** Runs the handler for one message and settles or answers the message. Never rejects. */
  work(item: Item): Promise<void>;
  /** Called when no more messages are received. Delayed work is done immediately. */
  onStop?(): void;
  /**
   * Resolves when the work beside the handlers, such as delayed settlements, is done. Never
   * rejects.
   */
  settled?(): Promise<void>;
  /** Whether messages have a `signal`, which tells a handler to stop. */
  readonly hasSignals: boolean;
  /** The kind of the messages, and the outcome of a message whose handler is given up. */
  readonly givenUp: Pick<HandlerFailure<unknown>, "kind" | "outcome">;
  /** Gives up the message of a handler that still runs after its time to finish. */
  giveUp(item: Item): void;
}

/** The checked concurrency and drain time-out. */
export interface Limits {
  readonly concurrency: number;
  readonly drainTimeoutMs: number;
}

/**
 * Checks the options of `handle` and `process`.
 *
 * @param known - the names of further options of the method
 */
export function checkLimits(
  subject: Subject,
  kind: ChannelKind,
  options: HandlerOptions<never>,
  defaults: { readonly drainTimeoutMs: number; readonly mostConcurrent: number },
  known: readonly string[] = [],
): Limits {
  checkKnown(subject, "", options, [...HANDLER_OPTIONS, ...known], {
    ...REQUEST_PLACES[kind],
    ...(known.includes("retry") && { retry: ["maxAttempts", "exhausted"] }),
  });
  const { concurrency = DEFAULTS.concurrency, drainTimeoutMs = defaults.drainTimeoutMs } = options;
  return {
    concurrency: checkInteger(subject, "concurrency", concurrency, 1, defaults.mostConcurrent),
    drainTimeoutMs: checkInteger(subject, "drainTimeoutMs", drainTimeoutMs, 1, MAX_TIMER_MS),
  };
}

const HANDLER_OPTIONS = ["signal", "reconnect", "concurrency", "drainTimeoutMs", "onError"];

/** Returns the options of the subscription below handlers. */
export function streamOptionsOf({ signal, reconnect }: StreamOptions): StreamOptions {
  return { signal, reconnect };
}

/** A handler that failed. */
export interface HandlerFailure<M> {
  readonly kind: ChannelKind;
  readonly message: M;
  readonly error: unknown;
  readonly outcome: Extract<Status, { type: "handler-failed" }>["outcome"];
}

/**
 * Reports a failed handler to the status and to the application's `onError`, which may fail too.
 */
export function reportFailure<M extends { readonly id: string; readonly channel: string }>(
  host: Pick<StreamHost, "report">,
  { kind, message, error, outcome }: HandlerFailure<M>,
  options: Pick<HandlerOptions<M>, "onError">,
): void {
  const { channel, id } = message;
  const report = (error: unknown) => host.report({ type: "handler-failed", channel, kind, id, error, outcome });
  report(error); // promise: handler-failure-reported
  try {
    const told: unknown = options.onError?.(error, message);
    if (told instanceof Promise) told.catch(report);
  } catch (thrown) {
    report(thrown);
  }
}

/** Calls a handler for every message of a subscription, several at a time, until it is stopped. */
export class HandlerService<Item extends { readonly id: string }> extends Awaitable implements Service, HostedStream {
  readonly ready: Promise<void>;
  readonly #host: StreamHost;
  readonly #subject: Subject;
  readonly #plan: HandlerPlan<Item>;
  readonly #limits: Limits;
  readonly #source: Source<Item>;
  readonly #running = new Set<Item>();
  /** Rejects with the error that ended the service. */
  readonly #done: Promise<void>;
  /** Resolves for any end, so that waiting for it does not count as handling the error. */
  readonly #over: Promise<void>;
  #resolveOver: () => void = () => {};
  #stopped = false;
  #isClosed = false;
  #isCancelled = false;
  /** Ends the time for the running handlers to finish. */
  #expire: () => void = () => {};
  /** Wakes the code that waits for a handler to finish. */
  #wake: () => void = () => {};
  readonly #unwatch: () => void;

  constructor(host: StreamHost, subject: Subject, plan: HandlerPlan<Item>, limits: Limits, signal?: AbortSignal) {
    super();
    this.#host = host;
    this.#subject = subject;
    this.#plan = plan;
    this.#limits = limits;
    this.#over = new Promise((resolve) => (this.#resolveOver = resolve));
    this.#source = plan.open();
    this.ready = this.#source.ready;
    host.join(this, subject, false);
    this.#unwatch = onAbort(signal, () => this.#stop());
    this.#done = outsideHandlers(() => this.#run());
  }

  protected override get done(): Promise<void> {
    return this.#done;
  }

  get closed(): Promise<KubeMQError | undefined> {
    return this.#done.then(
      () => undefined,
      (error: unknown) => toKubeMQError(error, this.#subject),
    );
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#stop();
    // A handler that waits here would wait for itself, or for another handler that does the same.
    if (!isInHandler(this.#host)) await this.#over;
  }

  [customInspect](...inspection: InspectArguments): string {
    const { operation, channel } = this.#subject;
    const state = this.#stopped ? "closed" : "open";
    return shown("Service", { operation, channel, state, running: this.#running.size }, inspection);
  }

  /** Ends the service at the end of the client's time to close. */
  cancel(): void {
    this.#stop();
    this.#source.cancel();
    this.#isCancelled = true;
    this.#expire(); // promise: handlers-end-with-close
  }

  #stop(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    void this.#source.close();
    this.#plan.onStop?.();
    this.#wake();
  }

  async #run(): Promise<void> {
    try {
      let failure: { readonly error: unknown } | undefined;
      try {
        for await (const item of this.#source) {
          this.#begin(item);
          // Not Promise.race, which would retain a reaction on each running handler for every
          // message: https://github.com/nodejs/node/issues/17469.
          // promise: handle-concurrency
          if (this.#running.size >= this.#limits.concurrency && !this.#stopped) await this.#nextWake();
        }
      } catch (error) {
        failure = { error };
      }
      this.#stop();
      const ignoring = await this.#drain();
      await this.#plan.settled?.();
      this.#source.cancel(); // unsettled messages go back to their queue
      if (failure !== undefined) throw failure.error;
      if (ignoring === undefined) return;
      // The owner has closed the service and need not await it: the status reports the handlers.
      if (this.#isClosed) this.#done.catch(() => {}); // promise: closed-service-rejection-handled
      throw ignoring;
    } finally {
      this.#unwatch();
      this.#host.leave(this);
      this.#resolveOver();
    }
  }

  #begin(item: Item): void {
    this.#running.add(item);
    void runHandler(this.#host, () => this.#plan.work(item)).then(() => {
      this.#running.delete(item);
      this.#wake();
    });
  }

  #nextWake(): Promise<void> {
    return new Promise((resolve) => (this.#wake = resolve));
  }

  /**
   * Waits for the running handlers. Reports those that ignore their signals, and resolves with the
   * error about them.
   */
  async #drain(): Promise<KubeMQError | undefined> {
    const boundMs = this.#limits.drainTimeoutMs;
    const startedAt = this.#host.clock.now();
    const waitMs = this.#isCancelled ? 0 : boundMs;
    if (await this.#idle(waitMs)) return undefined; // promise: handlers-drained
    for (const item of this.#running) this.#plan.giveUp(item);
    const obeyed = this.#idle(Math.min(boundMs, this.#isCancelled ? GRACE_AFTER_CLOSE_MS : GRACE_MS));
    this.#expire = () => {}; // handlers always get the whole of this short time
    if (await obeyed) return undefined;
    const ids = [...this.#running].slice(0, 3).map(({ id }) => id);
    const tookMs = Math.round(this.#host.clock.now() - startedAt);
    const why = this.#plan.hasSignals ? "ignore the signals of their messages and " : "";
    const text = `stopped, but handlers ${why}still run after ${tookMs} ms: ${this.#running.size}, such as of ${ids.join(", ")}`;
    const error = fault("TIMEOUT", this.#subject, text);
    const { channel = "" } = this.#subject;
    for (const { id } of this.#running) {
      this.#host.report({ type: "handler-failed", channel, id, error, ...this.#plan.givenUp });
    }
    return error;
  }

  /** Resolves with true when no handler runs, or with false after `boundMs` milliseconds. */
  #idle(boundMs: number): Promise<boolean> {
    return new Promise((resolve) => {
      const cancelTimer = this.#host.clock.setTimer(boundMs, () => resolve(false));
      this.#expire = () => {
        cancelTimer();
        resolve(false);
      };
      this.#wake = () => {
        if (this.#running.size > 0) return;
        cancelTimer();
        resolve(true);
      };
      this.#wake();
    });
  }
}
