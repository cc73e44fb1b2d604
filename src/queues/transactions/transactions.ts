import type { KubeMQError } from "../../api/errors.js";
import type { Connection } from "../../connection/connection.js";
import type { Subject } from "../../support/checks.js";
import { setImmediate } from "../../support/timers.js";
import { leaseLost } from "../settle-fault.js";
import type { WireQueueMessage } from "../wire.js";
import { Call, type CallOwner, type Polled } from "./call.js";
import { HeldMessage, type Transaction } from "./held.js";
import type { Confirming } from "./confirmations.js";
import { Settlements, type SettlementsOwner } from "./settlements.js";
import type { WireDownstreamResponse } from "./wire.js";

/** Each call has one open transaction. At this many calls nothing more is polled until a message is settled. */
const MAX_CALLS = 64;

/** While a transaction is open, what was confirmed this short a time ago may be on its way inside the server, and counts as held. */
const SETTLING_MS = 50;

/** A message that expires this soon is not returned to the queue even for a moment: the server would drop it. */
const EXPIRY_MARGIN_MS = 10_000;

/** How many settled messages are remembered, for a server that delivers one of them a second time. */
const MAX_REMEMBERED = 4_096;

/** What this consumer has of the queue. */
export interface Own {
  /** Messages received and not confirmed as settled. */
  readonly held: number;
  /** Calls with an open transaction or a poll. */
  readonly transactions: number;
}

export interface TransactionsOwner {
  polled(call: Call, polled: Polled): void;
  /** Settlements were written. */
  written(): void;
  /** Settlements have their outcome. */
  concluded(): void;
  failed(error: KubeMQError): void;
}

/** What a poll brought, beside what was held before. */
export interface Taken {
  readonly messages: readonly WireQueueMessage[];
  readonly held: readonly HeldMessage[];
}

/** The calls of a consumer, the transactions that are open on them, and the messages that these hold. */
export class Transactions implements CallOwner, SettlementsOwner {
  readonly settlements: Settlements;
  readonly #connection: Connection;
  readonly #subject: Subject & { readonly channel: string };
  readonly #owner: TransactionsOwner;
  readonly #calls = new Set<Call>();
  /** Messages without a written settlement. */
  readonly #held = new Map<bigint, HeldMessage>();
  /** Transactions with messages that are not handed out any more. */
  readonly #released = new Set<Transaction>();
  /** Of what is written, how much has no outcome yet. */
  #unconfirmed = 0;
  #confirmedLately = { count: 0, at: -Infinity };
  readonly #settled = new Set<bigint>();
  /** The messages that a poll in flight takes again. */
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
    this.settlements = new Settlements(connection, confirming, subject, this);
  }

  /** How many messages have no settlement written. */
  get unsettled(): number {
    return this.#held.size;
  }

  /** How many messages of those that the server counts as waiting are here. */
  get counted(): number {
    return this.#held.size + this.#unconfirmed;
  }

  get isMoving(): boolean {
    return this.#moving !== undefined;
  }

  /** What to subtract from the server's count, were it asked now. */
  own(): Own {
    const lately = this.#connection.clock.now() - this.#confirmedLately.at < SETTLING_MS;
    let transactions = 0;
    for (const call of this.#calls) if (!call.isFree) transactions += 1;
    const onTheirWay = this.#held.size > 0 && lately ? this.#confirmedLately.count : 0;
    return { held: this.counted + onTheirWay, transactions };
  }

  /** A call on which a poll would hold nothing up. */
  freeCall(): Call | undefined {
    for (const call of this.#calls) if (call.isFree) return call;
    if (this.#calls.size >= MAX_CALLS) return undefined;
    const call = new Call(this, this.#connection, this.#subject, () => (++this.#requests).toString(36));
    this.#calls.add(call);
    return call;
  }

  /** Whether what is held can be returned to the queue for a moment: it is in one transaction, and does not expire meanwhile. */
  canMove(): boolean {
    const limit = Date.now() + EXPIRY_MARGIN_MS;
    let transaction;
    for (const message of this.#held.values()) {
      if (message.expiresAtMs < limit) return false;
      if ((transaction ??= message.transaction) !== message.transaction) return false;
    }
    return true;
  }

  /** Returns what is held to the queue. It is first in the next poll on the call, and settled by that from then on. */
  move(): Call | undefined {
    this.settlements.writeDue();
    const [first] = this.#held.values();
    if (first === undefined) return undefined; // all was due
    const { call, id } = first.transaction;
    this.settlements.pause();
    this.#moving = new Set(this.#held.values());
    call.unsettled = 0;
    call.close(id);
    return call;
  }

  /** Takes what a poll brought. `handsOut` is false when the rest is to return to the queue with the end of the call. */
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
        void taken.settle("ack").catch(() => {}); // delivered twice by the server, and done
        continue;
      }
      fresh.push(message);
      held.push(taken);
    }
    this.#endMove();
    return { messages: fresh, held };
  }

  /** What did not come again is lost to another consumer. */
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

  /** A message that will not be handed out. */
  release(message: HeldMessage): void {
    message.release();
    this.#drop(message);
    this.#released.add(message.transaction);
  }

  /** Returns what is held to the queue, behind the settlements that were asked for. */
  giveBack(): void {
    setImmediate(() => {
      if (this.settlements.hasEnded || this.isMoving) return; // the end of the call returns it
      const transactions = new Set(this.#released);
      for (const { transaction } of this.#held.values()) transactions.add(transaction);
      for (const { call, id } of transactions) if (!call.isPolling) call.close(id);
    });
  }

  /** Ends all calls: what is unsettled returns to the queue. */
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

  written(messages: readonly HeldMessage[]): void {
    for (const message of messages) this.#drop(message);
    this.#unconfirmed += messages.length;
    this.#owner.written();
  }

  reopened(messages: readonly HeldMessage[]): void {
    this.#unconfirmed -= messages.length;
    for (const message of messages) {
      this.#held.set(message.sequence, message);
      message.transaction.call.unsettled += 1;
    }
  }

  concluded(messages: readonly HeldMessage[], isConfirmed: boolean): void {
    this.#unconfirmed -= messages.length;
    const lately = this.#confirmedLately;
    const at = this.#connection.clock.now();
    const before = at - lately.at < SETTLING_MS ? lately.count : 0;
    this.#confirmedLately = { count: before + messages.length, at };
    for (const message of messages) {
      if (isConfirmed) this.#remember(message.sequence);
      const { call, id, isShort } = message.transaction;
      if (isShort && call.unsettled === 0 && !call.isPolling && this.#unconfirmed === 0) call.close(id);
    }
    this.#owner.concluded();
  }

  #remember(sequence: bigint): void {
    this.#settled.add(sequence);
    if (this.#settled.size <= MAX_REMEMBERED) return;
    for (const oldest of this.#settled) {
      this.#settled.delete(oldest);
      return;
    }
  }

  #drop(message: HeldMessage): void {
    if (this.#held.delete(message.sequence)) message.transaction.call.unsettled -= 1;
  }
}
