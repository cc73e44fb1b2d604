import { KubeMQError } from "../api/errors.js";
import type { StreamOptions } from "../api/message.js";
import type { Subscription } from "../api/subscription.js";
import { onAbort } from "../support/abort.js";
import { backoffDelay, type ReconnectPolicy, policyOf } from "../support/backoff.js";
import { clientClosed, connectionLost, toKubeMQError } from "../support/faults.js";
import { Fifo } from "../support/fifo.js";
import { yielded } from "../support/yielded.js";
import { type Intake, RpcAttempt } from "./attempt.js";
import type { HostedStream, StreamHost } from "../connection/hosted-stream.js";
import { patienceWith } from "./patience.js";
import type { Leave, StreamPlan } from "./plan.js";

/** A `next()` that waits for its answer. */
interface Waiter<Item> {
  resolve(this: void, result: IteratorResult<Item, void>): void;
  reject(this: void, error: KubeMQError): void;
}

type State =
  | { readonly kind: "open" }
  /** By itself; what was buffered before is still to be seen. */
  | { readonly kind: "ended"; readonly error: KubeMQError | undefined }
  | { readonly kind: "left" };

const OPEN: State = { kind: "open" };

const DONE = { done: true, value: undefined } as const;

/**
 * The stream engine: eager (the RPC is opened at once), bounded, single use, reconnecting, and cancelled on every way out.
 * A hand-written iterator: an async generator that is parked on an `await` cannot be stopped.
 */
export class StreamEngine<Wire, Item>
  implements Subscription<Item>, AsyncIterator<Item, void, void>, HostedStream, Intake<Wire>
{
  // First what every message meets: among a thousand subscriptions each line of memory is one that the processor has to wait for.
  readonly #plan: StreamPlan<Wire, Item>;
  readonly #buffer = new Fifo<Item>();
  /** Whoever waits; no object of its own for the one there is. */
  #resolve: Waiter<Item>["resolve"] | undefined;
  #reject: Waiter<Item>["reject"] | undefined;
  #inBody: Item | undefined;
  #state: State = OPEN;
  /** The buffer is full: the attempt waits for the loop. */
  #isHeld = false;
  /** Since when the loop has been behind. */
  #heldBackSince: number | undefined;
  #attempt: RpcAttempt<Wire> | undefined;
  /** Who asked without waiting for the answer before. */
  #others: Fifo<Waiter<Item>> | undefined;
  readonly ready: Promise<void>;
  readonly closed: Promise<KubeMQError | undefined>;
  readonly #host: StreamHost;
  readonly #policy: false | ReconnectPolicy;
  readonly #unwatch: () => void = () => {};
  #consumed = false;
  #finished = false;
  /** The stream is left, and what still comes is delivered. */
  #draining = false;
  /** Wakes the pump out of a back-off. */
  #wake: (() => void) | undefined;
  #downSince: number | undefined;
  #resolveReady: () => void = () => {};
  #rejectReady: (reason: unknown) => void = () => {};
  #resolveClosed: (error: KubeMQError | undefined) => void = () => {};

  constructor(plan: StreamPlan<Wire, Item>, host: StreamHost, options: StreamOptions = {}) {
    this.#plan = plan;
    this.#host = host;
    this.#policy = policyOf(host.reconnect, options.reconnect);
    this.ready = new Promise((resolve, reject) => {
      this.#resolveReady = resolve;
      this.#rejectReady = reject;
    });
    this.ready.catch(() => {}); // nobody has to look at it
    this.closed = new Promise((resolve) => (this.#resolveClosed = resolve));
    host.join(this);
    // promise: abort-ends-loop
    this.#unwatch = onAbort(options.signal, () => this.#leave("abort", options.signal?.reason));
    if (this.#state.kind === "open") void this.#run(); // promise: aborted-before-start
  }

  [Symbol.asyncIterator](): AsyncIterator<Item, void, void> {
    if (this.#consumed) {
      const { operation, channel } = this.#plan;
      const text = `${operation} on ${channel}: a subscription can be iterated once, subscribe again`;
      throw new KubeMQError("STREAM_CONSUMED", text, { operation, channel });
    }
    this.#consumed = true; // promise: iterated-once
    return this;
  }

  next(): Promise<IteratorResult<Item, void>> {
    this.#finishBody();
    const item = this.#take();
    if (item !== undefined) {
      this.#inBody = item;
      return Promise.resolve(yielded(item));
    }
    const state = this.#state;
    if (state.kind === "open") {
      this.#demand();
      return new Promise((resolve, reject) => this.#wait(resolve, reject));
    }
    if (state.kind === "left") return Promise.resolve(DONE);
    // promise: error-thrown-once
    this.#state = { kind: "left" }; // the error is thrown once
    this.#unwatch();
    return state.error === undefined ? Promise.resolve(DONE) : Promise.reject(state.error);
  }

  #wait(resolve: Waiter<Item>["resolve"], reject: Waiter<Item>["reject"]): void {
    if (this.#resolve === undefined) {
      this.#resolve = resolve;
      this.#reject = reject;
    } else (this.#others ??= new Fifo()).push({ resolve, reject });
  }

  #takeWaiter(): Waiter<Item>["resolve"] | undefined {
    const resolve = this.#resolve;
    const next = this.#others?.shift();
    this.#resolve = next?.resolve;
    this.#reject = next?.reject;
    return resolve;
  }

  #take(): Item | undefined {
    let item = this.#buffer.shift();
    // promise: stale-items-skipped
    while (item !== undefined && this.#plan.isStale?.(item) === true) item = this.#buffer.shift();
    if (!this.#isHeld || this.#buffer.size > this.#plan.capacity >> 1) return item;
    this.#isHeld = false;
    this.#attempt?.takeIn(); // promise: room-resumes-reading
    return item ?? this.#take();
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
    // A body that awaits this would wait for itself. What it has in hand stays open, and `closed` tells when that is over.
    if (this.#inBody === undefined) await this.closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  cancel(): void {
    this.#leave("close");
    if (this.#draining) this.#end();
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
    if (this.#plan.drains === true && how !== "return") return this.#drain(how);
    this.#state = { kind: "left" };
    this.#unwatch();
    this.#attempt?.stop();
    this.#releaseBuffer();
    this.#dismiss();
    this.#rejectReady(reason ?? clientClosed(this.#plan));
    const cleaned = this.#plan.onLeave?.(how, this.#inBody);
    // promise: call-open-until-cleaned-up
    if (cleaned === undefined) this.#finish(undefined);
    else {
      const finish = () => this.#finish(undefined);
      cleaned.then(finish, finish);
    }
  }

  /** Ends once nothing more comes, which the plan tells. */
  #drain(how: Leave): void {
    if (this.#draining) return;
    this.#draining = true;
    this.#unwatch();
    const end = () => this.#end();
    const over = this.#plan.onLeave?.(how, this.#inBody);
    if (over === undefined) end();
    else over.then(end, end);
  }

  /** Ends by itself. The loop sees that, and the error if there is one, after what was buffered before. */
  #end(error?: KubeMQError): void {
    if (this.#state.kind !== "open") return;
    this.#state = { kind: "ended", error }; // promise: error-after-buffered
    const reject = this.#reject;
    const resolve = this.#takeWaiter();
    if (resolve !== undefined) {
      this.#state = { kind: "left" };
      this.#unwatch();
      if (error === undefined) resolve(DONE);
      else reject?.(error);
      this.#dismiss();
    }
    if (error === undefined) this.#resolveReady();
    else this.#rejectReady(error);
    this.#finish(error);
  }

  #finish(error: KubeMQError | undefined): void {
    if (this.#finished) return;
    this.#finished = true;
    this.#attempt?.cancel(); // promise: stop-cancels-call
    this.#wake?.(); // promise: stop-wakes-backoff
    this.#host.leave(this);
    this.#resolveClosed(error);
  }

  #dismiss(): void {
    // promise: stop-ends-waiting-next
    for (let resolve = this.#takeWaiter(); resolve !== undefined; resolve = this.#takeWaiter()) resolve(DONE);
  }

  #releaseBuffer(): void {
    for (const item of this.#buffer.drain()) this.#plan.onRelease?.(item); // promise: buffered-items-released
  }

  async #run(): Promise<void> {
    const { clock } = this.#host;
    let hasWorked = false;
    for (let number = 1, failures = 0; ; number++) {
      const attempt = this.#begin(number);
      const outcome = await attempt.over;
      if (outcome === undefined || this.#state.kind !== "open") return;
      if (outcome === "finish") return this.#end();
      if (outcome === "renew") {
        if (attempt.wasHealthy) failures = 0;
        continue;
      }
      if (this.#draining) return this.#end();
      const error = outcome;
      if (this.#plan.onLost?.(error) === true) this.#releaseBuffer();
      hasWorked ||= attempt.hasWorked; // promise: worked-stream-comes-back
      const patience = this.#plan.isTerminal?.(error) === true ? "ends" : patienceWith(error, hasWorked);
      // promise: terminal-errors-thrown
      if (this.#policy === false || patience === "ends") return this.#end(error);
      failures = attempt.wasHealthy ? 1 : failures + 1; // promise: backoff-doubles
      const { maxAttempts, firstAttempts } = this.#policy;
      // promise: max-attempts
      if (failures >= (patience === "few" ? Math.min(firstAttempts, maxAttempts) : maxAttempts))
        return this.#end(error);
      this.#downSince ??= clock.now(); // promise: status-down-since
      this.#host.down(this, error);
      const delayMs = backoffDelay(this.#policy, failures, () => this.#host.random());
      const { channel, kind } = this.#plan;
      this.#host.report({ type: "retry", channel, kind, attempt: failures, delayMs, error }); // promise: status-retry
      await this.#sleep(delayMs);
      if (this.#state.kind !== "open") return;
    }
  }

  #begin(number: number): RpcAttempt<Wire> {
    const attempt = new RpcAttempt<Wire>(number, this.#host.clock, this);
    this.#attempt = attempt;
    this.#isHeld = false;
    void attempt.begin(() => this.#plan.open(attempt));
    this.#host.probe(attempt.signal).then(
      () => attempt.answered(),
      () => {}, // the stream itself, or the liveness check, tells what is wrong
    );
    return attempt;
  }

  up(): void {
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

  accept(batch: readonly Wire[], from: number, receivedMs: number, attempt: RpcAttempt<Wire>): number {
    const { capacity } = this.#plan;
    let at = from;
    // promise: bounded-buffer
    while (at < batch.length && this.#buffer.size < capacity && !attempt.isOver) {
      const item = this.#plan.map(batch[at++] as Wire, receivedMs);
      if (item !== undefined) this.#deliver(item);
    }
    if (at < batch.length && !attempt.isOver) {
      this.#isHeld = true;
      this.#heldBackSince ??= this.#host.clock.now();
    }
    return at;
  }

  failure(error: unknown): KubeMQError {
    // promise: clean-end-is-lost
    if (error === undefined) return connectionLost(this.#plan, "the server ended the stream");
    return toKubeMQError(error, this.#plan);
  }

  #deliver(item: Item): void {
    const resolve = this.#takeWaiter();
    if (resolve === undefined) {
      this.#buffer.push(item); // promise: buffered-while-body-runs
      return;
    }
    this.#finishBody(); // the loop has asked twice: it is done with the one before
    this.#inBody = item;
    resolve(yielded(item));
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
