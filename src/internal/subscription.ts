import type { ChannelKind } from "../channels.js";
import { KubeMQError } from "../errors.js";
import { DEFAULTS } from "../options.js";
import type { Status } from "../status.js";
import type { StreamOptions } from "../message.js";
import type { Subscription } from "../subscription.js";
import { onAbort } from "./abort.js";
import { backoffDelay, type BackoffPolicy } from "./backoff.js";
import type { Clock } from "./clock.js";
import { cancelled, clientClosed, connectionLost, toKubeMQError } from "./fault.js";
import { Fifo } from "./fifo.js";

/** How a loop was left: by its own `break`, `return` or `throw`; by its signal; by a `close()`. */
export type Leave = "return" | "abort" | "close";

/** One RPC attempt of a stream. */
export interface Attempt {
  /** Aborts when the attempt is over, whatever ended it. */
  readonly signal: AbortSignal;
  /** 1 for the first. */
  readonly number: number;
  /** Ends this attempt, with what `map` has not seen of it, and opens the next at once: that is no lost connection. */
  renew(): void;
  /** Nothing more is to come: the loop sees what was accepted, and ends by itself. */
  finish(): void;
}

/** What a pattern tells the engine; all that differs between one stream and another. */
export interface StreamPlan<Wire, Item> {
  readonly operation: string;
  readonly channel: string;
  readonly kind: ChannelKind;
  /** How many items may wait for the loop. Beyond that nothing is read, and HTTP/2 holds the server back. */
  readonly capacity: number;
  /** Opens one attempt from the resume position, at once, and gives what it receives in batches. */
  open(attempt: Attempt): AsyncIterable<readonly Wire[]>;
  /** Makes an item; undefined filters; a thrown error ends the attempt and counts like an error of the server. */
  map(wire: Wire): Item | undefined;
  /** Whether an error ends the stream. Default: unless it is retryable. */
  isTerminal?(error: KubeMQError): boolean;
  /** Asked right before a buffered item is delivered: true drops it, since it is of no use any more. */
  isStale?(item: Item): boolean;
  /** An item that was buffered and will not be delivered. */
  onRelease?(item: Item): void;
  /** The loop asked for more after this item: its body has finished. */
  onFinished?(item: Item): void;
  /** The attempt is over and the server knows nothing of it any more: true drops what is buffered from it. */
  onLost?(error: KubeMQError): boolean;
  /** The loop waits and nothing is buffered; `heldBackMs` is how long the server had been held back before, 0 when it was not. */
  onDemand?(heldBackMs: number): void;
  /** The loop was left in the body of this item: by `break`, `return` or `throw`. */
  onAbandoned?(item: Item): void;
  /** The stream was left; `inBody` is what its body still works on. The attempt stays open until this settles, which the plan bounds. */
  onLeave?(how: Leave, inBody: Item | undefined): Promise<void> | undefined;
  /** Where the stream goes on, for the status. */
  afterSequence?(): bigint | undefined;
}

/** What the engine needs of the connection. */
export interface StreamHost {
  readonly clock: Clock;
  readonly reconnect: false | BackoffPolicy;
  random(): number;
  /** Registers a stream, or throws CLIENT_CLOSED. */
  join(stream: HostedStream): void;
  leave(stream: HostedStream): void;
  /** The stream works: something was received, or a ping behind its request was answered. */
  up(stream: HostedStream): void;
  down(stream: HostedStream, error: KubeMQError): void;
  /** Resolves when the server has answered a ping sent after now. */
  probe(signal: AbortSignal): Promise<void>;
  report(status: Status): void;
}

export interface HostedStream {
  /** Stops; resolves when everything that was accepted is done. */
  close(): Promise<void>;
  /** Lets go of everything at once: the client's time to close is over. */
  cancel(): void;
}

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

/** An attempt that has worked for so long starts its back-off anew. */
const HEALTHY_MS = 10_000;

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
    if (this.#buffer.size <= this.#plan.capacity >> 1) this.#makeRoom?.();
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
        if (!(await this.#accept(batch.value, health))) return health.verdict;
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

  /** Takes a batch in, as the loop makes room. False when the stream was left, or the attempt ended, meanwhile. */
  async #accept(batch: readonly Wire[], health: AttemptHealth): Promise<boolean> {
    const { capacity } = this.#plan;
    for (const wire of batch) {
      if (this.#buffer.size >= capacity) {
        this.#heldBackSince ??= this.#host.clock.now();
        await new Promise<void>((resolve) => (this.#makeRoom = resolve));
        this.#makeRoom = undefined;
        if (this.#state.kind !== "open" || health.verdict !== undefined) return false;
      }
      const item = this.#plan.map(wire);
      if (item !== undefined) this.#deliver(item);
      if (health.verdict !== undefined) return false;
    }
    return true;
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

/** How a plan ended an attempt. */
type Verdict = "renew" | "finish";

/** Whether an attempt has worked, for how long, and whether its plan ended it. */
class AttemptHealth {
  verdict: Verdict | undefined;
  readonly #clock: Clock;
  #upSince: number | undefined;
  #received = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** True the first time. */
  rises(): boolean {
    if (this.#upSince !== undefined) return false;
    this.#upSince = this.#clock.now();
    return true;
  }

  received(): void {
    this.#received = true;
  }

  get wasHealthy(): boolean {
    return this.#received || (this.#upSince !== undefined && this.#clock.now() - this.#upSince >= HEALTHY_MS);
  }
}

function policyOf(host: StreamHost, options: StreamOptions): false | BackoffPolicy {
  if (options.reconnect === false) return false;
  if (options.reconnect === true && host.reconnect === false) return DEFAULTS.reconnect;
  return host.reconnect;
}
