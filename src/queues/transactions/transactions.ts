import type { KubeMQError } from "../../api/errors.js";
import type { Connection } from "../../connection/connection.js";
import type { Subject } from "../../support/checks.js";
import { Latest } from "../../support/latest.js";
import { leaseLost } from "../settle-fault.js";
import type { WireQueueMessage } from "../wire.js";
import { Call, type CallOwner, type Polled } from "./call.js";
import { HeldMessage, type Transaction } from "./held.js";
import { CountedSettlements, type Own } from "./own.js";
import type { Confirming } from "./confirmations.js";
import { Returning } from "./returning.js";
import { Settlements, type SettlementsOwner } from "./settlements.js";
import type { WireDownstreamResponse } from "./wire.js";

/**
 * Maximum calls, each with one open transaction. At this limit no more is polled until a message is
 * settled.
 */
const MAX_CALLS = 64;

/**
 * A message that expires within this many milliseconds is never returned to the queue, where the
 * server would drop it.
 */
const EXPIRY_MARGIN_MS = 10_000;

/** Number of settled messages to remember, in case the server delivers one of them again. */
const REMEMBERED = 4_096;

export interface TransactionsOwner {
  polled(call: Call, polled: Polled): void;
  /** A settlement was requested, and is written at the end of this tick. */
  requested(): void;
  /** Settlements were written. */
  written(): void;
  /** Settlements have their outcome. */
  concluded(): void;
  failed(error: KubeMQError): void;
}

/** The new messages of a poll, without those held before. */
export interface Taken {
  readonly messages: readonly WireQueueMessage[];
  readonly held: readonly HeldMessage[];
}

/** The calls of a consumer, their open transactions, and the messages that these hold. */
export class Transactions implements CallOwner, SettlementsOwner {
  readonly settlements: Settlements;
  readonly #connection: Connection;
  readonly #subject: Subject & { readonly channel: string };
  readonly #owner: TransactionsOwner;
  readonly #returning: Returning;
  readonly #calls = new Set<Call>();
  /** Messages without a written settlement. */
  readonly #held = new Map<bigint, HeldMessage>();
  /** Transactions with messages that were released instead of handed out. */
  readonly #released = new Set<Transaction>();
  readonly #counted: CountedSettlements;
  readonly #settled = new Latest<bigint>(REMEMBERED);
  /** Held messages that return to the queue, and that the poll in flight receives again. */
  #moving: Set<HeldMessage> | undefined;
  #requests = 0;

  constructor(
    connection: Connection,
    confirming: Confirming,
    subject: Subject & { readonly channel: string },
    owner: TransactionsOwner,
  ) {
    this.#connection = connection;
    this.#subject = subject;
    this.#owner = owner;
    this.#counted = new CountedSettlements(connection.clock);
    this.settlements = new Settlements(connection, confirming, subject, this);
    this.#returning = new Returning(connection.clock, this.settlements, () => owner.concluded());
  }

  /** Number of messages without a written settlement. */
  get unsettled(): number {
    return this.#held.size;
  }

  /** Number of messages without a requested settlement. */
  get inHand(): number {
    return this.#held.size - this.settlements.unwritten;
  }

  /** Number of this consumer's messages that the server counts as waiting. */
  get counted(): number {
    return this.#held.size + this.#counted.unconfirmed;
  }

  get isMoving(): boolean {
    return this.#moving !== undefined;
  }

  /** Whether the server may still hold messages that are being returned. */
  get isReturning(): boolean {
    return this.#returning.isOpen;
  }

  /** This consumer's share of a count that the server would report now. */
  own(): Own {
    let transactions = 0;
    for (const call of this.#calls) if (!call.isFree) transactions += 1;
    const onTheirWay = this.#held.size > 0 ? this.#counted.confirmedLately : 0;
    return { held: this.counted + onTheirWay, transactions };
  }

  /**
   * Whether a poll could begin before the server has ended the transactions of other calls. It
   * serves the requests of one call in their order, and those of two calls in any order.
   */
  get areEnding(): boolean {
    const { areConcluded, areConfirmed } = this.settlements;
    return this.#calls.size > 1 && this.#held.size === 0 && areConfirmed && !areConcluded;
  }

  /** Returns a call on which a poll would delay no other request. */
  freeCall(): Call | undefined {
    for (const call of this.#calls) if (call.isFree) return call;
    if (this.#calls.size >= MAX_CALLS) return undefined;
    const call = new Call(this, this.#connection, this.#subject, () => (++this.#requests).toString(36));
    this.#calls.add(call);
    return call;
  }

  /**
   * Whether the held messages can return to the queue for a moment: they share one transaction, and
   * none expires meanwhile.
   */
  canMove(): boolean {
    const limit = Date.now() + EXPIRY_MARGIN_MS;
    let transaction;
    for (const message of this.#held.values()) {
      if (message.expiresAtMs < limit) return false;
      if ((transaction ??= message.transaction) !== message.transaction) return false;
    }
    return true;
  }

  /**
   * Returns the held messages to the queue. They are first in the next poll on the call, whose
   * transaction then settles them.
   */
  move(): Call | undefined {
    this.settlements.writeDue();
    const [first] = this.#held.values();
    if (first === undefined) return undefined; // every message was due
    const { call, id } = first.transaction;
    this.settlements.pause();
    this.#moving = new Set(this.#held.values());
    call.unsettled = 0;
    call.close(id);
    this.#released.delete(first.transaction);
    return call;
  }

  /**
   * Takes the messages of a poll. With `handsOut` false, new messages return to the queue when the
   * call ends.
   */
  take(call: Call, { transaction: id, messages, asked }: Polled, handsOut: boolean): Taken {
    const transaction = { call, id, isShort: messages.length < asked };
    const fresh: WireQueueMessage[] = [];
    const held: HeldMessage[] = [];
    for (const message of messages) {
      const { Sequence = 0n, ExpirationAt = 0n } = message.Attributes ?? {};
      const known = this.#held.get(Sequence);
      if (known !== undefined) {
        known.transaction = transaction;
        this.#moving?.delete(known);
        call.unsettled += 1;
        continue;
      }
      if (!handsOut) continue;
      const expiresAtMs = ExpirationAt === 0n ? Infinity : Number(ExpirationAt / 1_000_000n);
      const taken = new HeldMessage(this.settlements, Sequence, transaction, expiresAtMs);
      call.unsettled += 1;
      this.#held.set(Sequence, taken); // promise: prefetch-bound
      if (this.#settled.has(Sequence)) {
        void taken.settle("ack").catch(() => {}); // a duplicate delivery of a settled message
        continue;
      }
      fresh.push(message);
      held.push(taken);
    }
    this.#endMove();
    return { messages: fresh, held };
  }

  /** A moved message that did not return was taken by another consumer. */
  #endMove(): void {
    const missing = this.#moving;
    if (missing === undefined) return;
    this.#moving = undefined;
    for (const message of missing) {
      this.#held.delete(message.sequence);
      this.settlements.lose(message, leaseLost(this.#subject, message.sequence));
    }
    this.settlements.resume();
  }

  /** Releases messages that will not be handed out. */
  release(messages: readonly HeldMessage[]): void {
    for (const message of messages) {
      message.release();
      this.#drop(message);
      this.#released.add(message.transaction);
    }
  }

  /** Returns held messages to the queue, after the requested settlements. */
  returnHeld(): void {
    const transactions = new Set(this.#released);
    for (const { transaction } of this.#held.values()) transactions.add(transaction);
    this.#returning.begin(transactions, () => this.settlements.hasEnded || this.isMoving);
  }

  /** Ends all calls. Unsettled messages return to the queue. */
  cancel(error: KubeMQError): void {
    for (const call of this.#calls) call.cancel();
    this.settlements.end(error);
  }

  polled(call: Call, polled: Polled): void {
    this.#owner.polled(call, polled);
  }

  answered(response: WireDownstreamResponse): void {
    this.settlements.answered(response);
  }

  failed(_: Call, error: KubeMQError): void {
    this.#owner.failed(error);
  }

  requested(): void {
    this.#owner.requested();
  }

  written(messages: readonly HeldMessage[]): void {
    for (const message of messages) this.#drop(message);
    this.#counted.written(messages.length);
    this.#owner.written();
  }

  reopened(messages: readonly HeldMessage[]): void {
    this.#counted.reopened(messages.length);
    for (const message of messages) {
      this.#held.set(message.sequence, message);
      message.transaction.call.unsettled += 1;
    }
  }

  concluded(messages: readonly HeldMessage[], isConfirmed: boolean): void {
    this.#counted.concluded(messages, this.#held.size);
    for (const message of messages) {
      if (isConfirmed) this.#settled.add(message.sequence);
      const { call, id, isShort } = message.transaction;
      if (isShort && call.unsettled === 0 && !call.isPolling && this.#counted.unconfirmed === 0) call.close(id);
    }
    this.#owner.concluded();
  }

  #drop(message: HeldMessage): void {
    if (this.#held.delete(message.sequence)) message.transaction.call.unsettled -= 1;
  }
}
