import type { Connection } from "../../connection/connection.js";
import type { SettleKind } from "../delivery.js";
import type { Call } from "./call.js";
import type { HeldMessage, Transaction } from "./held.js";
import { activeOffsetsRequest, settleRequest, type WireDownstreamResponse } from "./wire.js";

/**
 * How a server confirms successful settlements. Learned once per client.
 *
 * - `fence`: not at all, but it answers an ActiveOffsets request after them, in order.
 * - `answer`: it answers each one.
 * - `none`: neither; a settlement counts as done when it is written.
 */
export interface Confirming {
  by: "unknown" | "fence" | "answer" | "none";
}

/**
 * Milliseconds that the first settlement waits for either confirmation before the server counts as
 * `none`.
 */
const LEARN_MS = 3_000;

/** Maximum unconfirmed settlements remembered, in case an error still arrives. */
const MAX_UNCONFIRMED = 256;

/** Messages of one transaction that one request settles in one way. */
export interface Range {
  readonly kind: SettleKind;
  readonly transaction: Transaction;
  readonly channel: string;
  readonly messages: readonly HeldMessage[];
}

type Pending =
  | { readonly kind: "range"; readonly range: Range; readonly at: number }
  /** Assumed settled, because this server sends no confirmations; a refusal may still come. */
  | { readonly kind: "assumed"; readonly range: Range; readonly at: number }
  | {
      readonly kind: "fence";
      readonly at: number;
      readonly call: Call;
      readonly answered: ((open: readonly bigint[] | undefined) => void) | undefined;
    };

/** Receives the outcome of written settlements. */
export interface ConfirmationsOwner {
  /** The messages are settled. `isConfirmed`: the server has confirmed it. */
  confirm(messages: readonly HeldMessage[], isConfirmed: boolean): void;
  /**
   * The server refused a range or a part of it. `isLate`: its messages already counted as settled.
   */
  refused(range: Range, reason: string, isLate: boolean): void;
  /** No answer arrived in time. */
  timedOut(messages: readonly HeldMessage[]): void;
}

/** Written settlements that the server has not yet confirmed or refused. */
export class Confirmations {
  readonly #connection: Connection;
  readonly #confirming: Confirming;
  readonly #owner: ConfirmationsOwner;
  /** Requests that await an answer, in the order of writing. */
  readonly #pending = new Map<string, Pending>();
  #cancelTimer: (() => void) | undefined;

  constructor(connection: Connection, confirming: Confirming, owner: ConfirmationsOwner) {
    this.#connection = connection;
    this.#confirming = confirming;
    this.#owner = owner;
  }

  /** Whether the server is known to confirm settlements. */
  get areGiven(): boolean {
    return this.#confirming.by === "fence" || this.#confirming.by === "answer";
  }

  /** Writes ranges, and the fences that confirm them. */
  write(ranges: readonly Range[]): void {
    const at = this.#connection.clock.now();
    const calls = new Map<Call, Transaction>();
    for (const range of ranges) {
      const { kind, transaction, messages, channel } = range;
      const sequences = messages.map(({ sequence }) => sequence);
      const id = transaction.call.send((id, clientId) =>
        settleRequest(id, clientId, transaction.id, kind, sequences, channel),
      );
      this.#pending.set(id, { kind: "range", range, at }); // promise: settlement-processed
      calls.set(transaction.call, transaction);
    }
    const { by } = this.#confirming;
    for (const [call, transaction] of calls) {
      if (by !== "none" && by !== "answer") this.#writeFence(transaction, undefined);
      if (by !== "none") continue;
      call.flushed().then(
        () => this.#assumeSettled(),
        () => {}, // the end of the call is handled where it is read
      );
    }
    if (by !== "none") this.#watch();
  }

  /**
   * Returns the open sequences of a transaction on the server; undefined if this server does not
   * report them.
   */
  openSequences(transaction: Transaction): Promise<readonly bigint[] | undefined> {
    const { by } = this.#confirming;
    if (by === "answer" || by === "none") return Promise.resolve(undefined);
    return new Promise((answered) => {
      this.#writeFence(transaction, answered);
      this.#watch();
    });
  }

  /** An answer to a settlement or to a fence. */
  answered(response: WireDownstreamResponse): void {
    const id = response.RefRequestId;
    const pending = this.#pending.get(id);
    if (pending === undefined) return; // a duplicate answer, or an answer after the timeout
    if (pending.kind === "fence") return this.#passFence(id, pending.call, response);
    this.#pending.delete(id);
    if (response.IsError) return this.#owner.refused(pending.range, response.Error, pending.kind === "assumed");
    this.#confirming.by = "answer";
    this.#forgetFences();
    if (pending.kind === "range") this.#owner.confirm(pending.range.messages, true);
  }

  /** Abandons all pending requests. Returns the messages of the ranges among them. */
  abandon(): HeldMessage[] {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    const pending = [...this.#pending.values()];
    this.#pending.clear();
    const abandoned: HeldMessage[] = [];
    for (const each of pending) {
      if (each.kind === "fence") each.answered?.(undefined);
      else if (each.kind === "range") abandoned.push(...each.range.messages);
    }
    return abandoned;
  }

  #writeFence(transaction: Transaction, answered: Extract<Pending, { kind: "fence" }>["answered"]): void {
    const { call } = transaction;
    const id = call.send((id, clientId) => activeOffsetsRequest(id, clientId, transaction.id));
    this.#pending.set(id, { kind: "fence", at: this.#connection.clock.now(), call, answered });
  }

  /**
   * The server has processed all requests that were written to the call before the fence. Its
   * refusals of them have already arrived.
   */
  #passFence(fence: string, call: Call, response: WireDownstreamResponse): void {
    this.#confirming.by = "fence";
    for (const [id, pending] of this.#pending) {
      if (callOf(pending) !== call) continue;
      this.#pending.delete(id);
      if (pending.kind === "range") this.#owner.confirm(pending.range.messages, true);
      else if (pending.kind === "fence") {
        if (id === fence) {
          pending.answered?.(response.IsError ? [] : response.ActiveOffsets); // promise: batch-open-sequences
          return;
        }
        pending.answered?.(undefined);
      }
    }
  }

  /** A server that answers settlements does not answer fences. */
  #forgetFences(): void {
    for (const [id, pending] of this.#pending) {
      if (pending.kind !== "fence") continue;
      this.#pending.delete(id);
      pending.answered?.(undefined);
    }
  }

  /**
   * Without confirmations, a settlement counts as done when it is written. It is remembered for a
   * late error.
   */
  #assumeSettled(): void {
    for (const [id, pending] of this.#pending) {
      if (pending.kind === "fence") pending.answered?.(undefined);
      else if (pending.kind === "range") {
        this.#pending.set(id, { ...pending, kind: "assumed" }); // promise: settlements-believed-again
        this.#owner.confirm(pending.range.messages, false);
      }
    }
    for (const id of this.#pending.keys()) {
      if (this.#pending.size <= MAX_UNCONFIRMED) break;
      this.#pending.delete(id);
    }
  }

  /** One timer for all pending requests. It checks the oldest one. */
  #watch(): void {
    if (this.#cancelTimer !== undefined) return;
    const { clock, options } = this.#connection;
    const confirming = this.#confirming;
    const limitMs = () => (confirming.by === "unknown" ? LEARN_MS : options.timeoutMs);
    this.#cancelTimer = clock.setTimer(limitMs(), () => {
      this.#cancelTimer = undefined;
      const oldest = this.#pending.values().next().value;
      if (oldest === undefined || confirming.by === "none") return;
      if (clock.now() - oldest.at < limitMs()) return this.#watch();
      if (confirming.by === "unknown") {
        confirming.by = "none"; // promise: settlements-unconfirmed
        return this.#assumeSettled();
      }
      confirming.by = "unknown"; // the server may have been replaced
      this.#owner.timedOut(this.abandon()); // promise: settlement-timeout
    });
  }
}

function callOf(pending: Pending): Call {
  return pending.kind === "fence" ? pending.call : pending.range.transaction.call;
}
