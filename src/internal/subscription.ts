import { KubeMQError } from "../errors.js";
import { DEFAULTS } from "../options.js";
import type { StreamOptions } from "../message.js";
import type { Subscription } from "../subscription.js";
import { onAbort } from "./abort.js";
import { AttemptHealth, type Verdict } from "./attempt-health.js";
import { backoffDelay, type BackoffPolicy } from "./backoff.js";
import { cancelled, clientClosed, connectionLost, toKubeMQError } from "./fault.js";
import { Fifo } from "./fifo.js";
import type { HostedStream, Leave, StreamHost, StreamPlan } from "./stream-plan.js";

type State =
  | { readonly kind: "open" }
  /** By itself; what was buffered before is still to be seen. */
  | { readonly kind: "ended"; readonly error: KubeMQError | undefined }
  | { readonly kind: "left" };

interface Waiter<Item> {
  resolve(result: IteratorResult<Item, void>): void;
  reject(error: unknown): void;
}

const DONE = { done: true, value: undefined } as const;

/**
 * The stream engine: eager (the RPC is opened at once), bounded, single use, reconnecting, and cancelled on every way out.
 * A hand-written iterator: an async generator that is parked on an `await` cannot be stopped.
 */
export class StreamEngine<Wire, Item> implements Subscription<Item>, AsyncIterator<Item, void, void>, HostedStream {
  readonly ready: Promise<void>;
  readonly closed: Promise<KubeMQError | undefined>;
  readonly #plan: StreamPlan<Wire, Item>;
  readonly #host: StreamHost;
  readonly #policy: false | BackoffPolicy;
  readonly #buffer = new Fifo<Item>();
  readonly #waiters = new Fifo<Waiter<Item>>();
  readonly #unwatch: () => void = () => {};
  #state: State = { kind: "open" };
  #consumed = false;
  #finished = false;
  #inBody: Item | undefined;
  #controller: AbortController | undefined;
  /** Lets the pump, which waits at a full buffer, go on. */
  #makeRoom: (() => void) | undefined;
  /** Wakes the pump out of a back-off. */
  #wake: (() => void) | undefined;
  #downSince: number | undefined;
  /** Since when the loop has been behind. */
  #heldBackSince: number | undefined;
  #resolveReady: () => void = () => {};
  #rejectReady: (reason: unknown) => void = () => {};
  #resolveClosed: (error: KubeMQError | undefined) => void = () => {};

  constructor(plan: StreamPlan<Wire, Item>, host: StreamHost, options: StreamOptions = {}) {
    this.#plan = plan;
    this.#host = host;
    this.#policy = policyOf(host, options);
    this.ready = new Promise((resolve, reject) => {
      this.#resolveReady = resolve;
      this.#rejectReady = reject;
    });
    this.ready.catch(() => {}); // nobody has to look at it
    this.closed = new Promise((resolve) => (this.#resolveClosed = resolve));
    host.join(this);
    this.#unwatch = onAbort(options.signal, () => this.#leave("abort", options.signal?.reason));
    if (this.#state.kind === "open") void this.#run();
  }

  [Symbol.asyncIterator](): AsyncIterator<Item, void, void> {
    if (this.#consumed) {
      const { operation, channel } = this.#plan;
      const text = `${operation} on ${channel}: a subscription can be iterated once, subscribe again`;
      throw new KubeMQError("STREAM_CONSUMED", text, { operation, channel });
    }
    this.#consumed = true;
    return this;
  }

  next(): Promise<IteratorResult<Item, void>> {
    this.#finishBody();
    let item = this.#buffer.shift();
    while (item !== undefined && this.#plan.isStale?.(item) === true) item = this.#buffer.shift();
    if (this.#makeRoom !== undefined && this.#buffer.size <= this.#plan.capacity >> 1) this.#makeRoom();
    if (item !== undefined) {
      this.#inBody = item;
      return Promise.resolve({ done: false, value: item });
    }
    const state = this.#state;
    if (state.kind === "open") {
      this.#demand();
      return new Promise((resolve, reject) => this.#waiters.push({ resolve, reject }));
    }
    if (state.kind === "left") return Promise.resolve(DONE);
    this.#state = { kind: "left" }; // the error is thrown once
    this.#unwatch();
    return state.error === undefined ? Promise.resolve(DONE) : Promise.reject(state.error);
  }

  async return(): Promise<IteratorResult<Item, void>> {
    const abandoned = this.#inBody;
    this.#inBody = undefined;
    if (abandoned !== undefined) this.#plan.onAbandoned?.(abandoned);
    this.#leave("return");
    await this.closed;
    return DONE;
  }

  async throw(error?: unknown): Promise<IteratorResult<Item, void>> {
    await this.return();
    throw error;
  }

  async close(): Promise<void> {
    this.#leave("close");
    await this.closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  cancel(): void {
    this.#leave("close");
    this.#finish(undefined);
  }

  #finishBody(): void {
    const finished = this.#inBody;
    if (finished === undefined) return;
    this.#inBody = undefined;
    this.#plan.onFinished?.(finished);
  }

  #demand(): void {
    const since = this.#heldBackSince;
    this.#heldBackSince = undefined;
    this.#plan.onDemand?.(since === undefined ? 0 : this.#host.clock.now() - since);
  }

  /** Ends quietly: what is buffered goes back, and the RPC is cancelled once the plan has cleaned up. */
  #leave(how: Leave, reason?: unknown): void {
    if (this.#state.kind !== "open") {
      // After its end the loop may be left without having seen what was buffered before it, or the error.
      if (this.#state.kind === "ended") {
        this.#state = { kind: "left" };
        this.#unwatch();
        this.#releaseBuffer();
      }
      return;
    }
    this.#state = { kind: "left" };
    this.#unwatch();
    this.#releaseBuffer();
    for (const waiter of this.#waiters.drain()) waiter.resolve(DONE);
    this.#rejectReady(reason ?? clientClosed(this.#plan));
    const cleaned = this.#plan.onLeave?.(how, this.#inBody);
    if (cleaned === undefined) this.#finish(undefined);
    else {
      const finish = () => this.#finish(undefined);
      cleaned.then(finish, finish);
    }
  }

  /** Ends by itself. The loop sees that, and the error if there is one, after what was buffered before. */
  #end(error?: KubeMQError): void {
    if (this.#state.kind !== "open") return;
    this.#state = { kind: "ended", error };
    const [first, ...others] = this.#waiters.drain();
    if (first !== undefined) {
      this.#state = { kind: "left" };
      this.#unwatch();
      if (error === undefined) first.resolve(DONE);
      else first.reject(error);
      for (const waiter of others) waiter.resolve(DONE);
    }
    if (error === undefined) this.#resolveReady();
    else this.#rejectReady(error);
    this.#finish(error);
  }

  #finish(error: KubeMQError | undefined): void {
    if (this.#finished) return;
    this.#finished = true;
    this.#controller?.abort(cancelled());
    this.#makeRoom?.();
    this.#wake?.();
    this.#host.leave(this);
    this.#resolveClosed(error);
  }

  #releaseBuffer(): void {
    for (const item of this.#buffer.drain()) this.#plan.onRelease?.(item);
  }

  async #run(): Promise<void> {
    const { clock } = this.#host;
    for (let number = 1, failures = 0; ; number++) {
      const attempt = new AttemptHealth(clock);
      const error = await this.#attempt(number, attempt);
      if (error === undefined || this.#state.kind !== "open") return;
      if (error === "finish") return this.#end();
      if (error === "renew") {
        if (attempt.wasHealthy) failures = 0;
        continue;
      }
      if (this.#plan.onLost?.(error) === true) this.#releaseBuffer();
      if (this.#plan.isTerminal?.(error) ?? !error.retryable) return this.#end(error);
      failures = attempt.wasHealthy ? 1 : failures + 1;
      if (this.#policy === false || failures >= this.#policy.maxAttempts) return this.#end(error);
      this.#downSince ??= clock.now();
      this.#host.down(this, error);
      const delayMs = backoffDelay(this.#policy, failures, () => this.#host.random());
      this.#host.report({ type: "retry", attempt: failures, delayMs, error });
      await this.#sleep(delayMs);
      if (this.#state.kind !== "open") return;
    }
  }

  /** Runs one RPC attempt to its end. Gives what ended it, or undefined when the stream was left. */
  async #attempt(number: number, health: AttemptHealth): Promise<KubeMQError | Verdict | undefined> {
    const controller = new AbortController();
    this.#controller = controller;
    const end = (verdict: Verdict) => {
      health.verdict ??= verdict;
      controller.abort(cancelled());
    };
    const attempt = {
      signal: controller.signal,
      number,
      renew: () => end("renew"),
      finish: () => end("finish"),
    };
    try {
      const source = this.#plan.open(attempt)[Symbol.asyncIterator]();
      this.#host.probe(controller.signal).then(
        () => !controller.signal.aborted && this.#up(health), // an answer that comes after the end says nothing
        () => {}, // the stream itself, or the liveness check, tells what is wrong
      );
      for (;;) {
        const batch = await source.next();
        if (this.#state.kind !== "open") return undefined;
        if (health.verdict !== undefined) return health.verdict;
        if (batch.done === true) return connectionLost(this.#plan, "the server ended the stream");
        this.#up(health);
        health.received();
        const receivedMs = Date.now(); // once a batch: a look at the clock costs twice as much as making a message
        for (let taken = 0; taken < batch.value.length;) {
          taken = this.#accept(batch.value, taken, receivedMs, health);
          if (taken < batch.value.length && health.verdict === undefined) await this.#room();
          if (this.#state.kind !== "open" || health.verdict !== undefined) return health.verdict;
        }
      }
    } catch (error) {
      if (this.#state.kind !== "open") return undefined;
      return health.verdict ?? toKubeMQError(error, this.#plan);
    } finally {
      if (this.#state.kind !== "left") controller.abort(cancelled()); // one that was left is cancelled after its clean-up
    }
  }

  #up(health: AttemptHealth): void {
    if (!health.rises() || this.#state.kind !== "open") return;
    this.#resolveReady();
    this.#host.up(this);
    if (this.#downSince === undefined) return;
    const downMs = Math.round(this.#host.clock.now() - this.#downSince);
    this.#downSince = undefined;
    const afterSequence = this.#plan.afterSequence?.();
    const { channel, kind } = this.#plan;
    this.#host.report({
      type: "resumed",
      channel,
      kind,
      downMs,
      ...(afterSequence === undefined ? {} : { afterSequence }),
    });
  }

  /** Takes in what there is room for, from one place in a batch on; gives where it stopped. */
  #accept(batch: readonly Wire[], from: number, receivedMs: number, health: AttemptHealth): number {
    const { capacity } = this.#plan;
    let at = from;
    while (at < batch.length && this.#buffer.size < capacity && health.verdict === undefined) {
      const item = this.#plan.map(batch[at++] as Wire, receivedMs);
      if (item !== undefined) this.#deliver(item);
    }
    return at;
  }

  async #room(): Promise<void> {
    this.#heldBackSince ??= this.#host.clock.now();
    await new Promise<void>((resolve) => (this.#makeRoom = resolve));
    this.#makeRoom = undefined;
  }

  #deliver(item: Item): void {
    const waiter = this.#waiters.shift();
    if (waiter === undefined) {
      this.#buffer.push(item);
      return;
    }
    this.#finishBody(); // the loop has asked twice: it is done with the one before
    this.#inBody = item;
    waiter.resolve({ done: false, value: item });
  }

  async #sleep(delayMs: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const cancel = this.#host.clock.setTimer(delayMs, resolve);
      this.#wake = () => {
        cancel();
        resolve();
      };
    });
    this.#wake = undefined;
  }
}

function policyOf(host: StreamHost, options: StreamOptions): false | BackoffPolicy {
  if (options.reconnect === false) return false;
  if (options.reconnect === true && host.reconnect === false) return DEFAULTS.reconnect;
  return host.reconnect;
}
