import type { Codec } from "../api/codec.js";
import type { KubeMQError } from "../api/errors.js";
import type { CallOptions } from "../api/message.js";
import type { Clock } from "../support/time/clock.js";
import { fault } from "../support/faults.js";
import { IncomingMessage } from "../support/message/incoming-message.js";
import type { Outcome, RequestKind, RequestParts } from "./wire.js";

/** What a received request needs of the subscription it came from. */
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
  /** Failed in the place of a responder that left it; `error` says so to whoever still answers. */
  | { readonly kind: "released"; readonly error: KubeMQError };

/** A request that was received, and what has become of it. It is answered once. */
export class ReceivedRequest<T> extends IncomingMessage<T> {
  /** Who asks. */
  readonly clientId: string;
  readonly timeoutMs: number;
  readonly span?: Uint8Array;
  readonly #parts: RequestParts;
  readonly #path: ResponsePath;
  readonly #deadline: number;
  #progress: Progress = { kind: "open" };
  // Made when somebody asks for the signal: most responders never do, and a timer for each request would be for nothing.
  #controller: AbortController | undefined;
  #cancelTimer: (() => void) | undefined;
  #onAnswered: (() => void) | undefined;

  constructor(parts: RequestParts, codec: Codec<T> | undefined, path: ResponsePath) {
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

  /** How long its asker still waits, as far as one can know here. */
  get remainingMs(): number {
    return this.#deadline - this.#path.clock.now();
  }

  get isLate(): boolean {
    return this.remainingMs <= 0;
  }

  get isOpen(): boolean {
    return this.#progress.kind === "open";
  }

  fail(error: string | Error, options?: CallOptions): Promise<void> {
    const text = typeof error === "string" ? error : error.message || error.name;
    return this.answer("fail", () => ({ error: text === "" ? "failed without a reason" : text }), options);
  }

  /** Answers. What `outcome` throws, and a send that fails, leave the request open: it may be answered otherwise, or once more. */
  async answer(verb: "respond" | "fail", outcome: () => Outcome, options: CallOptions | undefined): Promise<void> {
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

  /** Fails it at once if nobody has answered it, so that its asker need not wait for nothing. */
  release(why: string): void {
    if (!this.isOpen) return;
    const { operation, channel } = this.#subject("respond");
    const error = fault("ALREADY_RESPONDED", { operation, channel }, `request ${this.id} was failed: ${why}`);
    this.#end({ kind: "released", error });
    this.#controller?.abort(error);
    if (this.isLate) return;
    // Its failure is the asker's time-out, and there is nobody here any more to tell.
    this.#path.send(this.#subject("fail").operation, this.#parts, { error: why }, undefined).catch(() => {});
  }

  /** Calls `watcher` when it has been answered. */
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
    const text = `too late for request ${this.id}: its asker waited ${this.timeoutMs} ms`;
    return fault("TIMEOUT", this.#subject(verb), text);
  }

  #subject(verb: string): { operation: string; channel: string } {
    return { operation: `${this.#path.kind}.${verb}`, channel: this.channel };
  }
}
