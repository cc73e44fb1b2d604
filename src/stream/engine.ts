import { checkKnown } from "../support/names/known.js";
import { REQUEST_PLACES } from "../support/names/places.js";
import { KubeMQError } from "../api/errors.js";
import type { StreamOptions } from "../api/message.js";
import type { Subscription } from "../api/subscription.js";
import type { StreamHost } from "../connection/hosted-stream.js";
import { customInspect, type InspectArguments, shown } from "../support/inspect.js";
import { onAbort } from "../support/abort.js";
import { policyOf } from "../support/time/backoff.js";
import { connectionLost, fault } from "../support/faults.js";
import { yielded } from "../support/yielded.js";
import { Attempts, type AttemptsOwner } from "./attempts.js";
import { DONE, LoopBuffer } from "./loop-buffer.js";
import type { Leave, StreamPlan } from "./plan.js";

type State =
  | { readonly kind: "open" }
  /** Ended by itself; buffered items are still to be delivered. */
  | { readonly kind: "ended"; readonly error: KubeMQError | undefined }
  | { readonly kind: "left" };

/**
 * The stream engine. It opens its first source immediately, limits its buffer, reconnects, allows
 * one iteration, and cancels its source at every kind of end. It is a hand-written iterator,
 * because an async generator that waits in an `await` cannot be stopped.
 */
export class StreamEngine<Wire, Item>
  extends LoopBuffer<Wire, Item>
  implements Subscription<Item>, AsyncIterator<Item, void, void>, AttemptsOwner<Wire>
{
  #state: State = { kind: "open" };
  readonly ready: Promise<void>;
  readonly closed: Promise<KubeMQError | undefined>;
  readonly #plan: StreamPlan<Wire, Item>;
  readonly #host: StreamHost;
  readonly #attempts: Attempts<Wire, Item>;
  readonly #unwatch: () => void = () => {};
  #consumed = false;
  #finished = false;
  isDraining = false;
  #resolveReady: () => void = () => {};
  #rejectReady: (reason: unknown) => void = () => {};
  #resolveClosed: (error: KubeMQError | undefined) => void = () => {};

  constructor(plan: StreamPlan<Wire, Item>, host: StreamHost, options: StreamOptions = {}) {
    super(plan, host.clock);
    checkKnown(plan, "", options, ["signal", "reconnect"], REQUEST_PLACES[plan.kind]);
    this.#plan = plan;
    this.#host = host;
    this.#attempts = new Attempts(plan, host, policyOf(host.reconnect, options.reconnect), this);
    this.ready = new Promise((resolve, reject) => {
      this.#resolveReady = resolve;
      this.#rejectReady = reject;
    });
    this.ready.catch(() => {}); // promise: unobserved-subscription
    this.closed = new Promise((resolve) => (this.#resolveClosed = resolve));
    host.join(this, plan);
    // promise: abort-ends-loop
    this.#unwatch = onAbort(options.signal, () => this.#leave("abort", options.signal?.reason));
    void this.#attempts.run();
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
    this.finishBody();
    // The client no longer knows a stream that has ended.
    if (this.#state.kind === "ended" && !this.#host.isOpen && this.#plan.drains !== true) this.#leave("close"); // promise: close-drops-buffer
    const item = this.takeForBody();
    if (item !== undefined) return Promise.resolve(yielded(item));
    const state = this.#state;
    if (state.kind === "open") return this.waitForItem();
    if (state.kind === "left") return Promise.resolve(DONE);
    // promise: error-thrown-once
    this.#state = { kind: "left" }; // the error is thrown once
    this.#unwatch();
    return state.error === undefined ? Promise.resolve(DONE) : Promise.reject(state.error);
  }

  async return(): Promise<IteratorResult<Item, void>> {
    this.abandonBody();
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
    // A body that awaits this call would wait for itself. Its item stays open; `closed` resolves
    // after that.
    if (this.inBody === undefined) await this.closed; // promise: close-in-body
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  [customInspect](...inspection: InspectArguments): string {
    return shown(this.shownType, this.shownProperties(), inspection);
  }

  /** The public type of the subscription. */
  protected get shownType(): string {
    return "Subscription";
  }

  protected shownProperties(): Record<string, unknown> {
    const { operation, channel } = this.#plan;
    const { kind } = this.#state;
    return { operation, channel, state: kind === "left" ? "closed" : kind };
  }

  cancel(): void {
    this.#leave("close");
    if (this.isDraining) this.onEnd();
    this.#finish(undefined);
  }

  /**
   * Ends without an error. Releases the buffered items, and cancels the source after the plan's
   * cleanup.
   */
  #leave(how: Leave, reason?: unknown): void {
    if (this.#state.kind !== "open") {
      // A loop may be left after the end of the stream, before it has received the buffered items
      // or the error.
      if (this.#state.kind === "ended") {
        this.#state = { kind: "left" };
        this.#unwatch();
        this.release();
      }
      return;
    }
    if (this.#plan.drains === true && how !== "return") return this.#drain(how, reason);
    this.#state = { kind: "left" };
    this.#unwatch();
    this.#attempts.stop();
    this.release();
    this.dismiss();
    this.#refuseReady(reason);
    const cleaned = this.#plan.onLeave?.(how, this.inBody);
    // promise: call-open-until-cleaned-up
    if (cleaned === undefined) this.#finish(undefined);
    else {
      const finish = () => this.#finish(undefined);
      cleaned.then(finish, finish);
    }
  }

  /** Ends after the last item; the plan reports when no more can arrive. */
  #drain(how: Leave, reason: unknown): void {
    if (this.isDraining) return;
    this.isDraining = true;
    this.#unwatch();
    this.#refuseReady(reason);
    const end = () => this.onEnd();
    const over = this.#plan.onLeave?.(how, this.inBody);
    if (over === undefined) end();
    else over.then(end, end);
  }

  /** Rejects `ready`, unless it is settled, with the reason of the signal or as closed. */
  #refuseReady(reason: unknown): void {
    const closed = () => fault("CLIENT_CLOSED", this.#plan, "the subscription was closed");
    this.#rejectReady(reason === undefined ? closed() : reason);
  }

  #finish(error: KubeMQError | undefined): void {
    if (this.#finished) return;
    this.#finished = true;
    this.#attempts.cancel();
    this.#host.leave(this);
    this.#resolveClosed(error);
  }

  protected override onReceived(): void {
    this.#attempts.received();
  }

  protected override onFirstItem(): void {
    this.#attempts.delivered();
  }

  protected override onFailed(error: unknown): void {
    this.#attempts.fail(error);
  }

  protected override onRoom(): void {
    this.#attempts.resume();
  }

  override end(error?: unknown): void {
    this.onTurnEnd();
    // promise: clean-end-is-lost
    this.#attempts.fail(error ?? connectionLost(this.#plan, "the server ended the stream"));
  }

  onAttempt(): void {
    this.open();
  }

  onAttemptOver(): void {
    this.shut();
  }

  onUp(): void {
    this.#resolveReady();
  }

  onLost(error: KubeMQError): void {
    if (this.#plan.onLost?.(error) === true) this.release();
  }

  /**
   * Ends by itself. The loop receives the buffered items before the end and its error, if there is
   * one.
   */
  onEnd(error?: KubeMQError): void {
    if (this.#state.kind !== "open") return;
    this.onTurnEnd();
    this.#state = { kind: "ended", error }; // promise: error-after-buffered
    if (this.dismiss(error)) {
      this.#state = { kind: "left" };
      this.#unwatch();
    }
    if (error === undefined) this.#resolveReady();
    else this.#rejectReady(error);
    this.#finish(error);
  }
}
