import type { KubeMQError } from "../../api/errors.js";
import type { Connection } from "../../connection/connection.js";
import type { Subject } from "../../support/checks.js";
import { connectionLost } from "../../support/faults.js";
import { LIMITS } from "../checks.js";
import { setImmediate } from "../../support/timers.js";
import { leaseLost } from "../settle-fault.js";
import { countWaiting, peekWaiting } from "../waiting.js";
import type { WireQueueMessage } from "../wire.js";
import { Backlog } from "./backlog.js";
import { Call, type CallOwner, type Polled } from "./call.js";
import { HeldMessage, type Transaction } from "./held.js";
import { type Confirming, Settlements, type SettlementsOwner } from "./settlements.js";
import { StallWatch } from "./stall-watch.js";
import type { WireDownstreamResponse } from "./wire.js";

/** What to take, and how. */
export interface Taking {
  readonly subject: Subject & { readonly channel: string };
  /** How many messages may be unsettled at once; of a batch, how many it may have. */
  readonly prefetch: number;
  readonly by: "message" | "batch";
  /** How long a batch may wait for more. */
  readonly waitMs: number;
  /** Whether the server acknowledges messages as it sends them. */
  readonly autoAck: boolean;
}

export interface TakerOwner {
  /** Messages came. `held` has one entry for each, and none when the server has acknowledged them. */
  taken(messages: readonly WireQueueMessage[], held: readonly HeldMessage[]): void;
  /** A poll was answered. */
  answered(): void;
  /** Something has changed in what is unsettled, or in flight. */
  changed(): void;
  failed(error: KubeMQError): void;
}

interface Poll {
  readonly call: Call;
  readonly asked: number;
  readonly since: number;
}

/** Each call has one open transaction. At this many calls nothing more is polled until a message is settled. */
const MAX_CALLS = 64;

/**
 * How long workers may be idle beside others that work: since the last messages came when half of the prefetch is free, else since
 * the last settlement. Messages that take less are settled together, and the next ones polled for without taking any again.
 */
const LULL_MS = 10;

/** How often the server is asked whether more waits while messages are worked on: at first, and at the least. */
const LOOK_MS = { first: 20, longest: 250 } as const;

/** Taking again what is held costs the server some work: no more than one part in this many of the time goes into it. */
const MOVE_SHARE = 8;

/** A message that expires this soon is not returned to the queue even for a moment: the server would drop it. */
const EXPIRY_MARGIN_MS = 10_000;

/** A poll for messages which wait is answered in a few milliseconds. After this time it waits for a connection that is locked. */
const LATE_MS = 200;

/** How many polls that are late may be left behind. */
const MAX_LATE = 3;

/** A batch that has this little of its wait left has waited. */
const WAITED_MS = 50;

/** While a transaction is open, what was confirmed this short a time ago may be on its way inside the server, and counts as held. */
const SETTLING_MS = 50;

/** From this size on a message is not sent twice: the consumer waits by polls, not by peeks. */
const LARGE_BODY = 256 * 1_024;

/**
 * Takes messages from a queue for one attempt of a consumer: when to wait, when to poll, and for how many.
 *
 * A community server (v2.4.0) keeps the order of a queue, and loses sight of no message, as long as a queue has one poll or open
 * transaction at a time. So there is one, and when the loop wants more while messages are worked on, that transaction is closed
 * and polled again for what it held and more: what was held comes first, in its order.
 */
export class Taker implements CallOwner, SettlementsOwner {
  readonly settlements: Settlements;
  readonly #connection: Connection;
  readonly #taking: Taking;
  readonly #owner: TakerOwner;
  readonly #backlog: Backlog;
  readonly #stallWatch: StallWatch;
  readonly #calls = new Set<Call>();
  /** Messages without a written settlement. */
  readonly #held = new Map<bigint, HeldMessage>();
  /** Transactions with messages that are not handed out any more. */
  readonly #released = new Set<Transaction>();
  /** Of what is written, how much has no outcome yet. */
  #unconfirmed = 0;
  #confirmedLately = { count: 0, at: -Infinity };
  #step: "rest" | "counting" | "peeking" | "polling" = "rest";
  #poll: Poll | undefined;
  /** The messages that a poll in flight takes again. */
  #moving: Set<HeldMessage> | undefined;
  #late = 0;
  #demand = true;
  #canPeek = true;
  #requests = 0;
  #lastTaken = 0;
  #lastSettled = 0;
  #noMoveBefore = 0;
  #lookMs: number = LOOK_MS.first;
  #nextLook = 0;
  #cancelTimer: (() => void) | undefined;
  #cancelLate: (() => void) | undefined;
  readonly #peek = new AbortController();
  #isLeft = false;
  #hasEnded = false;

  constructor(connection: Connection, confirming: Confirming, taking: Taking, owner: TakerOwner) {
    this.#connection = connection;
    this.#taking = taking;
    this.#owner = owner;
    this.#backlog = new Backlog(taking.prefetch);
    this.settlements = new Settlements(connection, confirming, taking.subject, this);
    this.#freeCall(); // a lost connection is noticed by its end
    this.#stallWatch = new StallWatch(connection, taking.subject, () => this.#held.size + this.#unconfirmed);
    this.#schedule();
  }

  /** Whether nothing is handed out, nor on its way back. */
  get isSettled(): boolean {
    return this.#held.size === 0 && this.settlements.areConcluded;
  }

  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** Whether a poll is in flight whose messages the server acknowledges. */
  get takesForGood(): boolean {
    return this.#taking.autoAck && this.#step === "polling";
  }

  /** The loop waits for a message. */
  demand(): void {
    this.#demand = true;
    this.#schedule();
  }

  /** A message that will not be handed out. */
  release(message: HeldMessage): void {
    message.release();
    this.#drop(message);
    this.#released.add(message.transaction);
    this.#owner.changed();
  }

  /** Takes nothing more; what is held can still be settled. */
  leave(): void {
    this.#isLeft = true;
    this.#stop();
  }

  /** Returns what is held to the queue, behind the settlements that were asked for. */
  giveBack(): void {
    setImmediate(() => {
      if (this.#hasEnded || this.#moving !== undefined) return; // the end of the call returns it
      const transactions = new Set(this.#released);
      for (const { transaction } of this.#held.values()) transactions.add(transaction);
      for (const { call, id } of transactions) if (!call.isPolling) call.close(id);
    });
  }

  /** Ends all calls: what is unsettled returns to the queue. */
  cancel(error: KubeMQError = connectionLost(this.#taking.subject, "the stream was left")): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#stop();
    for (const call of this.#calls) call.cancel();
    this.settlements.end(error);
    this.#owner.changed();
  }

  #stop(): void {
    this.#peek.abort();
    this.#cancelTimer?.();
    this.#cancelLate?.();
    this.#stallWatch.stop();
  }

  get #isOver(): boolean {
    return this.#isLeft || this.#hasEnded;
  }

  get #now(): number {
    return this.#connection.clock.now();
  }

  #schedule(): void {
    if (this.#isOver || this.#step !== "rest") return;
    // While the loop works on what came, so that the next poll can follow its settlement at once.
    if (this.#backlog.next(1) === 0 && this.#backlog.wantsCount(this.#now)) return void this.#count();
    if (this.#held.size > 0) {
      if (this.#demand) this.#takeBeside();
    } else if (this.#demand || !this.#taking.autoAck) this.#take();
  }

  /** Nothing is unsettled: waits until a message is there, without taking it, and polls for what waits. */
  #take(): void {
    const { by, prefetch } = this.#taking;
    const max = this.#backlog.next(prefetch);
    const most = by === "batch" ? prefetch : max; // promise: lone-message-polled
    if (max > 0) return this.#pollFor(most);
    if (!this.#canPeek) return this.#pollFor(by === "batch" ? prefetch : 1);
    const { areConfirmed, areConcluded } = this.settlements;
    // The transaction is closed by then: a peek beside it would have messages sent to it.
    if (areConcluded || !areConfirmed) void this.#awaitMessage();
  }

  /** The loop wants more while messages are unsettled. */
  #takeBeside(): void {
    const { by, prefetch } = this.#taking;
    const room = by === "batch" ? prefetch : prefetch - this.#held.size;
    if (room <= 0) return;
    const idleAt = 2 * room >= prefetch ? this.#lastTaken + LULL_MS : this.#lastSettled + LULL_MS;
    const at = Math.max(idleAt, this.#noMoveBefore, this.#nextLook);
    if (this.#now < at) return this.#later(at - this.#now);
    if (this.#backlog.canAsk) void this.#look(room);
    else this.#pollFor(by === "batch" ? prefetch : 1);
  }

  async #look(room: number): Promise<void> {
    this.#step = "counting";
    await this.#ask();
    if (this.#isOver) return;
    this.#step = "rest";
    const backlog = this.#backlog;
    const { by, prefetch } = this.#taking;
    const isAlone = backlog.canAsk && !backlog.hasOthers; // promise: one-transaction
    if (this.#held.size === 0 || !this.#demand) this.#schedule();
    else if (!isAlone || !this.#canMove()) this.#pollFor(by === "batch" ? prefetch : 1);
    else if (backlog.known > 0) this.#move(Math.min(room, backlog.known));
    else {
      this.#nextLook = this.#now + this.#lookMs;
      this.#lookMs = Math.min(2 * this.#lookMs, LOOK_MS.longest);
      this.#schedule();
    }
  }

  /** Whether what is held can be returned to the queue for a moment: it is in one transaction, and does not expire meanwhile. */
  #canMove(): boolean {
    const limit = Date.now() + EXPIRY_MARGIN_MS;
    let transaction;
    for (const message of this.#held.values()) {
      if (message.expiresAtMs < limit) return false;
      if ((transaction ??= message.transaction) !== message.transaction) return false;
    }
    return true;
  }

  /** Returns what is held to the queue and takes it again at once, together with more: one transaction at a time. */
  #move(more: number): void {
    const [first] = this.#held.values();
    if (first === undefined) return;
    this.settlements.writeDue();
    const { call, id } = first.transaction;
    if (this.#held.size === 0) return this.#schedule(); // all were due
    this.settlements.pause();
    this.#moving = new Set(this.#held.values());
    call.unsettled -= this.#moving.size;
    call.close(id);
    this.#pollOn(call, this.#moving.size + more);
  }

  #later(delayMs: number): void {
    this.#cancelTimer?.();
    this.#cancelTimer = this.#connection.clock.setTimer(delayMs, () => this.#schedule());
  }

  #pollFor(max: number): void {
    const call = this.#freeCall();
    if (call !== undefined) this.#pollOn(call, max);
  }

  #freeCall(): Call | undefined {
    for (const call of this.#calls) if (call.isFree) return call;
    if (this.#calls.size >= MAX_CALLS) return undefined;
    const call = new Call(this, this.#connection, this.#taking.subject, () => (++this.#requests).toString(36));
    this.#calls.add(call);
    return call;
  }

  #pollOn(call: Call, max: number): void {
    this.#step = "polling";
    this.#poll = { call, asked: max, since: this.#now };
    call.poll(max, LIMITS.leastWaitMs, this.#taking.autoAck);
    this.#watchPoll();
  }

  /** A poll for what is known to wait, and which is not answered: another poll meets another connection of the server. */
  #watchPoll(): void {
    if (this.#taking.by === "batch" || this.#backlog.known === 0 || this.#backlog.hasOthers) return;
    const poll = this.#poll;
    this.#cancelLate = this.#connection.clock.setTimer(LATE_MS, () => void this.#pollAgain(poll));
  }

  async #pollAgain(late: Poll | undefined): Promise<void> {
    if (late === undefined || late !== this.#poll || this.#late >= MAX_LATE || !this.#backlog.canAsk) return;
    await this.#ask();
    if (late !== this.#poll || this.#isOver) return;
    if (this.#backlog.hasOthers || (this.#backlog.known === 0 && this.#moving === undefined)) return;
    const call = this.#freeCall();
    if (call === undefined) return;
    this.#late += 1;
    this.#pollOn(call, late.asked);
  }

  async #count(): Promise<void> {
    this.#step = "counting";
    await this.#ask();
    this.#step = "rest";
    this.#schedule();
  }

  /** Asks the server how the queue stands. */
  async #ask(): Promise<void> {
    const backlog = this.#backlog;
    const at = this.#now;
    const isSettling = this.#held.size > 0 && at - this.#confirmedLately.at < SETTLING_MS;
    const lately = isSettling ? this.#confirmedLately.count : 0;
    let transactions = 0;
    for (const call of this.#calls) if (!call.isFree) transactions += 1;
    const own = { held: this.#held.size + this.#unconfirmed + lately, transactions };
    const count = await countWaiting(this.#connection, this.#taking.subject);
    if (count === "refused") backlog.cannotAsk();
    else backlog.counted(count, own, this.#now - at, this.#now);
  }

  async #awaitMessage(): Promise<void> {
    const at = this.#now;
    this.#step = "peeking";
    const peeked = await peekWaiting(this.#connection, this.#taking.subject, this.#peek.signal);
    if (this.#isOver) return;
    this.#step = "rest";
    if (peeked.kind === "message") {
      this.#backlog.seen(this.#now - at);
      this.#canPeek = peeked.message.Body.length < LARGE_BODY;
    } else if (peeked.kind === "refused") this.#canPeek = false;
    // A peek that failed at once must not be repeated at once.
    else if (this.#now - at < LIMITS.leastWaitMs / 2) return this.#pollFor(1);
    this.#schedule();
  }

  polled(call: Call, polled: Polled): void {
    const poll = this.#poll;
    const { by, waitMs, autoAck } = this.#taking;
    const { messages, transaction, asked, tookMs } = polled;
    if (poll?.call === call) {
      const leftMs = poll.since + waitMs - this.#now;
      if (
        by === "batch" &&
        this.#moving === undefined &&
        messages.length < asked &&
        leftMs > WAITED_MS &&
        !this.#isOver
      ) {
        // It waits on for more: what came is returned, and is the first to come again.
        if (messages.length > 0) call.close(transaction);
        return call.poll(asked, Math.max(LIMITS.leastWaitMs, leftMs < 2_000 ? leftMs : 0), autoAck);
      }
      this.#poll = undefined;
      this.#cancelLate?.();
      this.#step = "rest";
    } else this.#late -= 1;
    this.#owner.answered();
    this.#receive(call, transaction, messages, asked, tookMs);
    this.#owner.changed();
    this.#schedule();
  }

  #receive(call: Call, id: string, messages: Polled["messages"], asked: number, tookMs: number): void {
    const transaction = { call, id };
    const moving = this.#moving;
    const fresh: WireQueueMessage[] = [];
    const held: HeldMessage[] = [];
    const again = moving?.size ?? 0;
    for (const message of messages) {
      const { Sequence = 0n, ExpirationAt = 0n } = message.Attributes ?? {};
      const known = this.#held.get(Sequence);
      if (known !== undefined) {
        known.transaction = transaction;
        moving?.delete(known);
        call.unsettled += 1;
        continue;
      }
      if (this.#isLeft && !this.#taking.autoAck) continue; // it returns to the queue with the end of the call
      fresh.push(message);
      if (this.#taking.autoAck) continue;
      const expiresAtMs = ExpirationAt === 0n ? Infinity : Number(ExpirationAt / 1_000_000n);
      held.push(new HeldMessage(this.settlements, Sequence, transaction, expiresAtMs));
    }
    for (const message of held) this.#held.set(message.sequence, message); // promise: prefetch-bound
    call.unsettled += held.length;
    if (moving !== undefined) this.#endMove(moving, tookMs);
    const got = messages.length - again;
    if (this.#taking.by === "batch") this.#backlog.polled(fresh.length, fresh.length, Infinity);
    else this.#backlog.polled(asked - again, got, tookMs);
    if (fresh.length === 0) return;
    this.#demand = false;
    this.#lookMs = LOOK_MS.first;
    this.#nextLook = 0;
    this.#lastTaken = this.#lastSettled = this.#now;
    this.#stallWatch.taken();
    this.#owner.taken(fresh, held);
  }

  #endMove(missing: ReadonlySet<HeldMessage>, tookMs: number): void {
    this.#moving = undefined;
    this.#noMoveBefore = this.#now + MOVE_SHARE * tookMs;
    for (const message of missing) {
      this.#held.delete(message.sequence);
      this.settlements.lose(message, leaseLost(this.#taking.subject, message.sequence));
    }
    this.settlements.resume();
  }

  answered(response: WireDownstreamResponse): void {
    this.settlements.answered(response);
  }

  failed(_: Call, error: KubeMQError): void {
    if (this.#hasEnded) return;
    this.cancel(error);
    this.#owner.failed(error);
  }

  written(messages: readonly HeldMessage[]): void {
    for (const message of messages) this.#drop(message);
    this.#unconfirmed += messages.length;
    this.#lastSettled = this.#now;
    this.#schedule();
  }

  reopened(messages: readonly HeldMessage[]): void {
    this.#unconfirmed -= messages.length;
    for (const message of messages) {
      this.#held.set(message.sequence, message);
      message.transaction.call.unsettled += 1;
    }
  }

  concluded(messages: readonly HeldMessage[]): void {
    this.#unconfirmed -= messages.length;
    const lately = this.#confirmedLately;
    const count = this.#now - lately.at < SETTLING_MS ? lately.count + messages.length : messages.length;
    this.#confirmedLately = { count, at: this.#now };
    this.#owner.changed();
    this.#schedule();
  }

  #drop(message: HeldMessage): void {
    if (this.#held.delete(message.sequence)) message.transaction.call.unsettled -= 1;
  }
}
