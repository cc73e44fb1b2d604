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
import { Confirmations, type ConfirmationsOwner, type Confirming, type Range } from "./confirmations.js";
import type { HeldMessage, Settler, Transaction } from "./held.js";
import type { WireDownstreamResponse } from "./wire.js";

/** Receives the progress of settlements. */
export interface SettlementsOwner {
  /** A settlement was requested, and is written at the end of this tick. */
  requested(): void;
  /** The settlements of these messages were written. */
  written(messages: readonly HeldMessage[]): void;
  /** The server refused to settle these messages, and still holds them. */
  reopened(messages: readonly HeldMessage[]): void;
  /** These messages have their outcome. `isConfirmed`: the server has confirmed the settlement. */
  concluded(messages: readonly HeldMessage[], isConfirmed: boolean): void;
}

interface Due {
  readonly message: HeldMessage;
  readonly kind: SettleKind;
  readonly channel: string;
}

/**
 * The settlements of a consumer. They are written as ranges, and concluded when the server has
 * confirmed or refused them.
 */
export class Settlements implements Settler, ConfirmationsOwner {
  readonly #connection: Connection;
  readonly #subject: Subject & { readonly channel: string };
  readonly #owner: SettlementsOwner;
  readonly #confirmations: Confirmations;
  #due: Due[] = [];
  /** Number of settlements without an outcome. */
  #open = 0;
  /**
   * True while messages move to another transaction. Settlements wait until that transaction is
   * known.
   */
  #isPaused = false;
  #ended: KubeMQError | undefined;
  readonly #write = () => this.writeDue();

  constructor(
    connection: Connection,
    confirming: Confirming,
    subject: Subject & { readonly channel: string },
    owner: SettlementsOwner,
  ) {
    this.#connection = connection;
    this.#subject = subject;
    this.#owner = owner;
    this.#confirmations = new Confirmations(connection, confirming, this);
  }

  get subject(): Subject & { readonly channel: string } {
    return this.#subject;
  }

  get hasEnded(): boolean {
    return this.#ended !== undefined;
  }

  /** Whether the server is known to confirm settlements. */
  get areConfirmed(): boolean {
    return this.#confirmations.areGiven;
  }

  /** Whether every settlement has an outcome. */
  get areConcluded(): boolean {
    return this.#open === 0;
  }

  /** Number of requested settlements that are not written yet. */
  get unwritten(): number {
    return this.#due.length;
  }

  settle(message: HeldMessage, kind: SettleKind, channel: string): Promise<void> {
    if (message.loss !== undefined) return Promise.reject(message.loss);
    if (!message.isOpen) return Promise.reject(alreadySettled(this.#subject, message.sequence)); // promise: settled-twice
    // promise: settled-after-loss
    if (this.#ended !== undefined) return Promise.reject(leaseLost(this.#subject, message.sequence, this.#ended));
    const outcome = message.begin();
    this.#open += 1;
    this.#enqueue({ message, kind, channel });
    this.#owner.requested();
    return outcome;
  }

  /** Records that the server no longer holds this message for this consumer. */
  lose(message: HeldMessage, error: KubeMQError): void {
    const due = this.#due.findIndex((each) => each.message === message);
    if (due >= 0) {
      this.#due.splice(due, 1);
      this.#open -= 1;
    }
    message.lose(error);
  }

  /** Delays settlements until {@link resume}. */
  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
    this.writeDue();
  }

  /** Settlements of one tick share a request and a fence. */
  #enqueue(due: Due): void {
    if (this.#due.length === 0) setImmediate(this.#write);
    this.#due.push(due);
  }

  /**
   * Returns the open sequences of a transaction on the server; undefined if this server does not
   * report them.
   */
  openSequences(transaction: Transaction): Promise<readonly bigint[] | undefined> {
    if (this.#ended !== undefined) return Promise.resolve(undefined);
    this.writeDue();
    return this.#confirmations.openSequences(transaction);
  }

  /** An answer to a settlement or to a fence. */
  answered(response: WireDownstreamResponse): void {
    this.#confirmations.answered(response);
  }

  /**
   * Ends all settlements with the calls. Unwritten ones are not performed; the outcome of written
   * ones is unknown.
   */
  end(error: KubeMQError): void {
    if (this.#ended !== undefined) return;
    this.#ended = error;
    const due = this.#due;
    this.#due = [];
    this.#open -= due.length;
    for (const { message } of due) message.refuse(leaseLost(this.#subject, message.sequence, error), true);
    const why = "the stream ended before the answer";
    const unanswered = this.#confirmations.abandon();
    // promise: settlement-outcome-unknown
    this.#refuse(unanswered, false, ({ sequence }) => outcomeUnknown(this.#subject, sequence, why, error));
  }

  /** Writes the requested settlements as ranges. */
  writeDue(): void {
    if (this.#due.length === 0 || this.#isPaused) return;
    const ranges = this.#ranges();
    const written = this.#due.map(({ message }) => message);
    this.#due = [];
    this.#confirmations.write(ranges);
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

  confirm(messages: readonly HeldMessage[], isConfirmed: boolean): void {
    for (const message of messages) message.confirm();
    this.#open -= messages.length;
    this.#owner.concluded(messages, isConfirmed);
  }

  timedOut(messages: readonly HeldMessage[]): void {
    this.#refuse(messages, false, ({ sequence }) => noConfirmation(this.#subject, sequence));
    this.#owner.concluded(messages, false);
  }

  #refuse(messages: readonly HeldMessage[], staysOpen: boolean, errorFor: (message: HeldMessage) => KubeMQError): void {
    this.#open -= messages.length;
    for (const message of messages) message.refuse(errorFor(message), staysOpen);
  }

  refused({ messages, kind, channel }: Range, reason: string, isLate: boolean): void {
    const sequence = failedSequence(reason);
    const at = sequence === undefined ? -1 : messages.findIndex((message) => message.sequence === sequence);
    if (isLate) return this.#reportLate(at < 0 ? messages : messages.slice(at), reason);
    if (at < 0) return this.#reject(messages, reason);
    if (at > 0) this.confirm(messages.slice(0, at), true);
    // The server stops at the first failed message. The messages after it are settled by a new
    // request.
    const behind = messages.slice(at + 1);
    this.#owner.reopened(behind);
    for (const message of behind) this.#enqueue({ message, kind, channel }); // promise: settlements-behind-refusal
    this.#reject(messages.slice(at, at + 1), reason);
  }

  #reject(messages: readonly HeldMessage[], reason: string): void {
    const error = settleError(reason, this.#subject);
    const staysOpen = error.code !== "LEASE_LOST"; // the message can then be settled in another way
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
}
