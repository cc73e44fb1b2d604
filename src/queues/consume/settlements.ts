import type { KubeMQError } from "../../api/errors.js";
import type { Connection } from "../../connection/connection.js";
import type { Subject } from "../../support/checks.js";
import { setImmediate } from "../../support/timers.js";
import type { SettleKind } from "../delivery.js";
import {
  alreadySettled,
  failedSequence,
  leaseLost,
  noConfirmation,
  outcomeUnknown,
  settleError,
} from "../settle-fault.js";
import type { Call } from "./call.js";
import type { HeldMessage, Settler, Transaction } from "./held.js";
import { activeOffsetsRequest, settleRequest, type WireDownstreamResponse } from "./wire.js";

/**
 * How a server confirms settlements that succeed. `fence`: it is silent, but answers an ActiveOffsets request behind them, in order.
 * `answer`: it answers each. `none`: neither, then a settlement counts as done when it is written. Learned once per client.
 */
export interface Confirming {
  by: "unknown" | "fence" | "answer" | "none";
}

/** How long the first settlement waits for either kind of confirmation before the server counts as one that gives none. */
const LEARN_MS = 3_000;

/** How many settlements without confirmation are remembered, for an error that still comes. */
const MAX_UNCONFIRMED = 256;

/** What settlements report. */
export interface SettlementsOwner {
  /** The settlements of these messages are written. */
  written(messages: readonly HeldMessage[]): void;
  /** The server refused to settle these messages, and still holds them. */
  reopened(messages: readonly HeldMessage[]): void;
  /** These messages have their outcome. `isConfirmed`: the server has said that they are settled. */
  concluded(messages: readonly HeldMessage[], isConfirmed: boolean): void;
}

/** Messages of one transaction that are settled in one way by one request. */
interface Range {
  readonly kind: SettleKind;
  readonly transaction: Transaction;
  readonly channel: string;
  readonly messages: readonly HeldMessage[];
}

interface Due {
  readonly message: HeldMessage;
  readonly kind: SettleKind;
  readonly channel: string;
}

type Pending =
  | { readonly kind: "range"; readonly range: Range; readonly at: number }
  /** Assumed settled, because this server sends no confirmations; a refusal may still come. */
  | { readonly kind: "believed"; readonly range: Range; readonly at: number }
  | {
      readonly kind: "fence";
      readonly at: number;
      readonly call: Call;
      readonly answered: ((open: readonly bigint[] | undefined) => void) | undefined;
    };

/** The settlements of a consumer: written by the range, and concluded when the server has confirmed or refused them. */
export class Settlements implements Settler {
  readonly #connection: Connection;
  readonly #confirming: Confirming;
  readonly #subject: Subject & { readonly channel: string };
  readonly #owner: SettlementsOwner;
  /** What awaits an answer, in the order of writing. */
  readonly #pending = new Map<string, Pending>();
  #due: Due[] = [];
  /** How many have no outcome yet. */
  #open = 0;
  /** True while messages move to another transaction: settlements are kept back until it is known. */
  #isPaused = false;
  #ended: KubeMQError | undefined;
  #cancelTimer: (() => void) | undefined;
  readonly #write = () => this.writeDue();

  constructor(
    connection: Connection,
    confirming: Confirming,
    subject: Subject & { readonly channel: string },
    owner: SettlementsOwner,
  ) {
    this.#connection = connection;
    this.#confirming = confirming;
    this.#subject = subject;
    this.#owner = owner;
  }

  get subject(): Subject & { readonly channel: string } {
    return this.#subject;
  }

  get hasEnded(): boolean {
    return this.#ended !== undefined;
  }

  /** Whether the server is known to confirm settlements. */
  get areConfirmed(): boolean {
    return this.#confirming.by === "fence" || this.#confirming.by === "answer";
  }

  /** Whether every settlement has its outcome. */
  get areConcluded(): boolean {
    return this.#open === 0;
  }

  settle(message: HeldMessage, kind: SettleKind, channel: string): Promise<void> {
    if (message.loss !== undefined) return Promise.reject(message.loss);
    if (!message.isOpen) return Promise.reject(alreadySettled(this.#subject, message.sequence)); // promise: settled-twice
    // promise: settled-after-loss
    if (this.#ended !== undefined) return Promise.reject(leaseLost(this.#subject, message.sequence, this.#ended));
    const outcome = message.begin();
    this.#open += 1;
    this.#enqueue({ message, kind, channel });
    return outcome;
  }

  /** The server does not hold this message for this consumer any more. */
  lose(message: HeldMessage, error: KubeMQError): void {
    const due = this.#due.findIndex((each) => each.message === message);
    if (due >= 0) {
      this.#due.splice(due, 1);
      this.#open -= 1;
    }
    message.lose(error);
  }

  /** Keeps settlements back until {@link resume}. */
  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
    this.writeDue();
  }

  /** Settlements of one tick share their request and their fence. */
  #enqueue(due: Due): void {
    if (this.#due.length === 0) setImmediate(this.#write);
    this.#due.push(due);
  }

  /** Asks the server what it still holds open of a transaction; undefined when this server does not tell. */
  openSequences(transaction: Transaction): Promise<readonly bigint[] | undefined> {
    const { by } = this.#confirming;
    if (this.#ended !== undefined || by === "answer" || by === "none") return Promise.resolve(undefined);
    this.writeDue();
    return new Promise((answered) => {
      this.#writeFence(transaction, answered);
      this.#watch();
    });
  }

  /** An answer to a settlement or to a fence. */
  answered(response: WireDownstreamResponse): void {
    const id = response.RefRequestId;
    const pending = this.#pending.get(id);
    if (pending === undefined) return; // answered twice, or after its time-out
    if (pending.kind === "fence") return this.#passFence(id, pending.call, response);
    this.#pending.delete(id);
    if (response.IsError) return this.#refused(pending, response.Error);
    this.#confirming.by = "answer";
    this.#forgetFences();
    if (pending.kind === "range") this.#confirm(pending.range.messages);
  }

  /** The calls are over: what was not written is not settled, and the outcome of what was written is unknown. */
  end(error: KubeMQError): void {
    if (this.#ended !== undefined) return;
    this.#ended = error;
    this.#cancelTimer?.();
    const due = this.#due;
    this.#due = [];
    this.#open -= due.length;
    for (const { message } of due) message.refuse(leaseLost(this.#subject, message.sequence, error), true);
    const why = "the stream ended before the answer";
    // promise: settlement-outcome-unknown
    this.#abandon((message) => outcomeUnknown(this.#subject, message.sequence, why, error));
  }

  /** Writes what was asked for, by the range. */
  writeDue(): void {
    if (this.#due.length === 0 || this.#isPaused) return;
    const ranges = this.#ranges();
    const written = this.#due.map(({ message }) => message);
    this.#due = [];
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
        () => this.#believe(),
        () => {}, // the end of the call is seen where it is read
      );
    }
    if (by !== "none") this.#watch();
    this.#owner.written(written);
  }

  #ranges(): Range[] {
    const ranges: (Range & { readonly messages: HeldMessage[] })[] = [];
    for (const { message, kind, channel } of this.#due) {
      const { transaction } = message;
      const range = ranges.find(
        (each) => each.transaction === transaction && each.kind === kind && each.channel === channel,
      );
      // promise: settlements-share-request
      if (range !== undefined) range.messages.push(message);
      else ranges.push({ kind, transaction, channel, messages: [message] });
    }
    return ranges;
  }

  #writeFence(transaction: Transaction, answered: Extract<Pending, { kind: "fence" }>["answered"]): void {
    const { call } = transaction;
    const id = call.send((id, clientId) => activeOffsetsRequest(id, clientId, transaction.id));
    this.#pending.set(id, { kind: "fence", at: this.#connection.clock.now(), call, answered });
  }

  /** Everything written to a call before its fence was processed; what was refused of it has been answered before. */
  #passFence(fence: string, call: Call, response: WireDownstreamResponse): void {
    this.#confirming.by = "fence";
    for (const [id, pending] of this.#pending) {
      if (callOf(pending) !== call) continue;
      this.#pending.delete(id);
      if (pending.kind === "range") this.#confirm(pending.range.messages);
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

  #confirm(messages: readonly HeldMessage[], isConfirmed = true): void {
    for (const message of messages) message.confirm();
    this.#open -= messages.length;
    this.#owner.concluded(messages, isConfirmed);
  }

  #refuse(messages: readonly HeldMessage[], staysOpen: boolean, errorFor: (message: HeldMessage) => KubeMQError): void {
    this.#open -= messages.length;
    for (const message of messages) message.refuse(errorFor(message), staysOpen);
  }

  #refused({ kind: state, range }: Exclude<Pending, { kind: "fence" }>, reason: string): void {
    const { messages, kind, channel } = range;
    const sequence = failedSequence(reason);
    const at = sequence === undefined ? -1 : messages.findIndex((message) => message.sequence === sequence);
    if (state === "believed") return this.#reportLate(at < 0 ? messages : messages.slice(at), reason);
    if (at < 0) return this.#reject(messages, reason);
    if (at > 0) this.#confirm(messages.slice(0, at));
    // The server stops at the first that fails: those behind it are asked for again.
    const behind = messages.slice(at + 1);
    this.#owner.reopened(behind);
    for (const message of behind) this.#enqueue({ message, kind, channel }); // promise: settlements-behind-refusal
    this.#reject(messages.slice(at, at + 1), reason);
  }

  #reject(messages: readonly HeldMessage[], reason: string): void {
    const error = settleError(reason, this.#subject);
    const staysOpen = error.code !== "LEASE_LOST"; // then it can be settled in another way
    if (staysOpen) this.#owner.reopened(messages);
    this.#refuse(messages, staysOpen, () => error);
    this.#owner.concluded(staysOpen ? [] : messages, false);
  }

  #reportLate(messages: readonly HeldMessage[], reason: string): void {
    const { channel } = this.#subject;
    const error = settleError(reason, this.#subject);
    for (const { sequence } of messages) {
      this.#connection.report({ type: "settle-failed", channel, sequence, error });
    }
  }

  /** Without confirmations a settlement counts as done when it is written; it is remembered for an error that comes later. */
  #believe(): void {
    for (const [id, pending] of this.#pending) {
      if (pending.kind === "fence") pending.answered?.(undefined);
      else if (pending.kind === "range") {
        this.#pending.set(id, { ...pending, kind: "believed" }); // promise: settlements-believed-again
        this.#confirm(pending.range.messages, false);
      }
    }
    for (const id of this.#pending.keys()) {
      if (this.#pending.size <= MAX_UNCONFIRMED) break;
      this.#pending.delete(id);
    }
  }

  /** One timer for all that is pending; it looks at the oldest. */
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
        return this.#believe();
      }
      confirming.by = "unknown"; // it may be another server by now
      this.#timeOut(); // promise: settlement-timeout
    });
  }

  #timeOut(): void {
    const abandoned = this.#abandon((message) => noConfirmation(this.#subject, message.sequence));
    this.#owner.concluded(abandoned, false);
  }

  /** No answer is expected any more to what was written. Returns the messages that it was about. */
  #abandon(errorFor: (message: HeldMessage) => KubeMQError): HeldMessage[] {
    const pending = [...this.#pending.values()];
    this.#pending.clear();
    const abandoned: HeldMessage[] = [];
    for (const each of pending) {
      if (each.kind === "fence") each.answered?.(undefined);
      else if (each.kind === "range") {
        this.#refuse(each.range.messages, false, errorFor);
        abandoned.push(...each.range.messages);
      }
    }
    return abandoned;
  }
}

function callOf(pending: Pending): Call {
  return pending.kind === "fence" ? pending.call : pending.range.transaction.call;
}
