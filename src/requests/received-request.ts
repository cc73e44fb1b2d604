import type { Decoder } from "../api/codec.js";
import type { KubeMQError } from "../api/errors.js";
import type { CallOptions } from "../api/message.js";
import type { FailureReply } from "../api/requests/response.js";
import type { Clock } from "../support/time/clock.js";
import { textOfThrown } from "../support/thrown.js";
import { fault } from "../support/faults.js";
import { type CallHook, type Hooked, setCallHook } from "../support/message/call-hook.js";
import { IncomingMessage } from "../support/message/incoming-message.js";
import { checkReply } from "./ask.js";
import type { Outcome, RequestKind, RequestParts } from "./wire.js";

/** The part of a subscription that a received request needs to respond. */
export interface ResponsePath {
  readonly kind: RequestKind;
  readonly clock: Clock;
  send(operation: string, request: RequestParts, outcome: Outcome, options: CallOptions | undefined): Promise<void>;
}

type Progress =
  | { readonly kind: "open" }
  /** A response is on its way to the server. */
  | { readonly kind: "sending" }
  | { readonly kind: "answered" }
  /** The request was failed when its responder stopped. A later response rejects with `error`. */
  | { readonly kind: "released"; readonly error: KubeMQError };

/** `error`, because the whole {@link FailedResponse} to another request may be passed on. */
const FAILURE = ["tags", "span", "signal", "timeoutMs", "error"];

/** A received request and its state. It is answered once. */
export class ReceivedRequest<T> extends IncomingMessage<T> implements Hooked {
  /** The requester. */
  readonly clientId: string;
  readonly timeoutMs: number;
  readonly span?: Uint8Array;
  readonly #parts: RequestParts;
  readonly #path: ResponsePath;
  readonly #deadline: number;
  #progress: Progress = { kind: "open" };
  // Created on first access to `signal`. Most responders never use it, and a timer per request
  // would be wasted.
  #controller: AbortController | undefined;
  #cancelTimer: (() => void) | undefined;
  #onAnswered: (() => void) | undefined;
  #hook: CallHook | undefined;

  constructor(parts: RequestParts, codec: Decoder<T> | undefined, path: ResponsePath) {
    super(parts, codec);
    this.clientId = parts.clientId;
    this.timeoutMs = parts.timeoutMs;
    if (parts.span !== undefined) this.span = parts.span;
    this.#parts = parts;
    this.#path = path;
    this.#deadline = path.clock.now() + parts.timeoutMs;
  }

  get signal(): AbortSignal {
    if (this.#controller !== undefined) return this.#controller.signal;
    const controller = new AbortController();
    this.#controller = controller;
    const { kind } = this.#progress;
    if (kind === "released") controller.abort(this.#progress.error);
    else if (kind !== "answered") {
      const expire = () => controller.abort(this.#late("signal")); // promise: request-signal-expires
      if (this.isLate) expire();
      else this.#cancelTimer = this.#path.clock.setTimer(this.remainingMs, expire, { holdsProcess: false });
    }
    return controller.signal;
  }

  /** Milliseconds until the requester stops waiting, estimated from the arrival of the request. */
  get remainingMs(): number {
    return this.#deadline - this.#path.clock.now();
  }

  /** Timers may fire a millisecond early: after its signal has aborted, a request is late. */
  get isLate(): boolean {
    return this.remainingMs <= 0 || this.#controller?.signal.aborted === true;
  }

  get isOpen(): boolean {
    return this.#progress.kind === "open";
  }

  fail(error: string | Error, reply: FailureReply & CallOptions = {}): Promise<void> {
    const text = typeof error === "string" ? error : textOfThrown(error);
    const outcome = () => {
      checkReply(this.#subject("fail"), reply, FAILURE);
      const { tags, span } = reply;
      return { error: text === "" ? "failed without a reason" : text, tags, span }; // promise: failure-carries-tags
    };
    const { signal, timeoutMs } = reply ?? {}; // the outcome refuses null
    return this.answer("fail", outcome, { signal, timeoutMs });
  }

  /**
   * Sends the answer. If `outcome` throws or the send fails, the request stays open and can be
   * answered again.
   */
  answer(verb: "respond" | "fail", outcome: () => Outcome, options: CallOptions | undefined): Promise<void> {
    if (this.#hook === undefined) return this.#answer(verb, outcome, options);
    return this.#hook(verb, (carry) => {
      const carrying = () => {
        const { tags, ...rest } = outcome();
        return { ...rest, tags: carry(tags) };
      };
      return this.#answer(verb, carrying, options);
    });
  }

  [setCallHook](hook: CallHook): void {
    this.#hook = hook;
  }

  async #answer(verb: "respond" | "fail", outcome: () => Outcome, options: CallOptions | undefined): Promise<void> {
    const progress = this.#progress;
    if (progress.kind === "released") throw progress.error;
    // promise: answered-once
    if (progress.kind !== "open") {
      throw fault("ALREADY_RESPONDED", this.#subject(verb), `request ${this.id} was answered before`);
    }
    if (this.isLate) throw this.#late(verb);
    const answer = outcome();
    this.#progress = { kind: "sending" };
    try {
      await this.#path.send(this.#subject(verb).operation, this.#parts, answer, options);
    } catch (error) {
      this.#progress = { kind: "open" }; // promise: answer-repeatable
      throw error;
    }
    this.#end({ kind: "answered" });
  }

  /**
   * Fails an unanswered request immediately, so that its requester does not wait for the timeout.
   */
  release(why: string): void {
    if (!this.isOpen) return;
    const { isLate } = this;
    const { operation, channel } = this.#subject("respond");
    const error = fault("ALREADY_RESPONDED", { operation, channel }, `request ${this.id} was failed: ${why}`);
    this.#end({ kind: "released", error });
    this.#controller?.abort(error);
    if (isLate) return;
    // If this send fails, the request times out. No caller is left to receive the error.
    this.#path.send(this.#subject("fail").operation, this.#parts, { error: why }, undefined).catch(() => {});
  }

  /** Calls `watcher` when the request has been answered or released. */
  onAnswered(watcher: () => void): void {
    this.#onAnswered = watcher;
  }

  override toJSON(): Record<string, unknown> {
    return { ...super.toJSON(), clientId: this.clientId, timeoutMs: this.timeoutMs };
  }

  #end(progress: Progress): void {
    this.#progress = progress;
    this.#cancelTimer?.();
    this.#onAnswered?.();
  }

  #late(verb: string): KubeMQError {
    const text = `request ${this.id} expired: its requester waited ${this.timeoutMs} ms`;
    return fault("TIMEOUT", this.#subject(verb), text);
  }

  #subject(verb: string): { operation: string; channel: string } {
    return { operation: `${this.#path.kind}.${verb}`, channel: this.channel };
  }

  protected override get shownType(): string {
    return "IncomingCommand";
  }

  protected override shownProperties(): Record<string, unknown> {
    const { clientId, timeoutMs, isOpen } = this;
    return { clientId, timeoutMs, isOpen };
  }
}
