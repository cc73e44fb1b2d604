import { KubeMQError } from "../../api/errors.js";
import type { Connection } from "../../connection/connection.js";
import type { Subject } from "../../support/checks.js";
import { connectionLost } from "../../support/faults.js";
import { LIMITS } from "../checks.js";
import { takeMessages } from "../receive.js";
import { countWaiting, peekWaiting } from "../waiting.js";
import type { WireQueueMessage } from "../wire.js";
import { Backlog } from "./backlog.js";
import type { Call, Polled } from "./call.js";
import type { HeldMessage } from "./held.js";
import type { Confirming, Settlements } from "./settlements.js";
import { StallWatch } from "./stall-watch.js";
import { Transactions, type TransactionsOwner } from "./transactions.js";

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
  /** Whether as many messages are known to wait. */
  readonly isExpected: boolean;
}

/**
 * How long workers may be idle beside others that work: since the last messages came when half of the prefetch is free, else since
 * the last settlement. Messages that take less are settled together, and the next ones polled for without taking any again.
 */
const LULL_MS = 10;

/** How often the server is asked whether more waits while messages are worked on: at first, and at the least. */
const LOOK_MS = { first: 20, longest: 250 } as const;

/** Taking again what is held costs the server some work: no more than one part in this many of the time goes into it. */
const MOVE_SHARE = 8;

/** A poll for messages which wait is answered in a few milliseconds. After this time the server is asked why it is not. */
const LATE_MS = 60;

/** After this time it is taken for one that waits for a locked connection. */
const LOCKED_MS = 200;

/**
 * How long a consumer stays away from a queue whose messages move to and fro between consumers, at random: a community server
 * (v2.4.0) passes messages on whenever a poll ends beside another one. Alone, the other consumer gets them, and in order.
 */
const AWAY_MS = { least: 200, most: 1_400 } as const;

/** How many polls that are late may be left behind. */
const MAX_LATE = 3;

/** A batch that has this little of its wait left has waited. */
const WAITED_MS = 50;

/** From this size on a message is not sent twice: the consumer waits by polls, not by peeks. */
const LARGE_BODY = 256 * 1_024;

/**
 * Takes messages from a queue for one attempt of a consumer: when to wait, when to poll, and for how many.
 *
 * A community server (v2.4.0) keeps the order of a queue, and loses sight of no message, as long as a queue has one poll or open
 * transaction at a time. So there is one, and when the loop wants more while messages are worked on, that transaction is closed
 * and polled again for what it held and more: what was held comes first, in its order.
 */
export class Taker implements TransactionsOwner {
  readonly #connection: Connection;
  readonly #taking: Taking;
  readonly #owner: TakerOwner;
  readonly #backlog: Backlog;
  readonly #stallWatch: StallWatch;
  readonly #transactions: Transactions;
  #step: "rest" | "counting" | "peeking" | "polling" = "rest";
  #poll: Poll | undefined;
  #late = 0;
  #awayUntil = 0;
  #demand = true;
  #lastSequence = 0n;
  #canPeek = true;
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
    this.#transactions = new Transactions(connection, confirming, taking.subject, this);
    this.#transactions.freeCall(); // a lost connection is noticed by its end
    this.#stallWatch = new StallWatch(connection, taking.subject, () => this.#transactions.counted);
    this.#schedule();
  }

  /** Whether nothing is handed out, nor on its way back. */
  get isSettled(): boolean {
    return this.#transactions.unsettled === 0 && this.areConcluded;
  }

  /** Whether every settlement has its outcome. */
  get areConcluded(): boolean {
    return this.#transactions.settlements.areConcluded;
  }

  get settlements(): Settlements {
    return this.#transactions.settlements;
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
    this.#transactions.release(message);
    this.#owner.changed();
  }

  /** Takes nothing more; what is held can still be settled. */
  leave(): void {
    this.#isLeft = true;
    this.#stop();
  }

  /** Returns what is held to the queue, behind the settlements that were asked for. */
  giveBack(): void {
    this.#transactions.giveBack();
  }

  /** Ends all calls: what is unsettled returns to the queue. */
  cancel(error: KubeMQError = connectionLost(this.#taking.subject, "the stream was left")): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#stop();
    this.#transactions.cancel(error);
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
    if (this.#transactions.unsettled > 0) {
      if (this.#demand) this.#takeBeside();
    } else if (this.#demand || !this.#taking.autoAck) this.#take();
  }

  /** Nothing is unsettled: waits until a message is there, without taking it, and polls for what waits. */
  #take(): void {
    const { by, prefetch } = this.#taking;
    if (this.#now < this.#awayUntil) return this.#later(this.#awayUntil - this.#now);
    const max = this.#backlog.next(prefetch);
    const most = by === "batch" ? prefetch : max; // promise: lone-message-polled
    if (max > 0) return this.#pollFor(most);
    if (!this.#canPeek) return this.#pollFor(by === "batch" ? prefetch : 1);
    const { areConfirmed, areConcluded } = this.#transactions.settlements;
    // The transaction is closed by then: a peek beside it would have messages sent to it.
    if (areConcluded || !areConfirmed) void this.#awaitMessage();
  }

  /** The loop wants more while messages are unsettled. */
  #takeBeside(): void {
    const { by, prefetch } = this.#taking;
    const room = by === "batch" ? prefetch : prefetch - this.#transactions.unsettled;
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
    if (this.#transactions.unsettled === 0 || !this.#demand) this.#schedule();
    else if (!isAlone || !this.#transactions.canMove()) this.#pollFor(by === "batch" ? prefetch : 1);
    else if (backlog.known > 0) this.#move(Math.min(room, backlog.known));
    else {
      this.#nextLook = this.#now + this.#lookMs;
      this.#lookMs = Math.min(2 * this.#lookMs, LOOK_MS.longest);
      this.#schedule();
    }
  }

  /** Returns what is held to the queue and takes it again at once, together with more: one transaction at a time. */
  #move(more: number): void {
    const call = this.#transactions.move();
    if (call === undefined) this.#schedule();
    else this.#pollOn(call, this.#transactions.unsettled + more);
  }

  #later(delayMs: number): void {
    this.#cancelTimer?.();
    this.#cancelTimer = this.#connection.clock.setTimer(delayMs, () => this.#schedule());
  }

  #pollFor(max: number): void {
    if (this.#taking.autoAck) return void this.#receiveFor(Math.min(max, LIMITS.messages));
    const call = this.#transactions.freeCall();
    if (call !== undefined) this.#pollOn(call, max);
  }

  /**
   * Takes messages that the server acknowledges. By ReceiveQueueMessages, which servers serve one call of a queue at a time: a poll
   * with AutoAck acknowledges what arrives between the end of its wait and its answer, too, and does not deliver it.
   */
  async #receiveFor(max: number): Promise<void> {
    const { subject } = this.#taking;
    const at = this.#now;
    this.#step = "polling";
    const messages = await takeMessages(this.#connection, subject, max);
    this.#step = "rest";
    if (this.#hasEnded) return;
    if (messages instanceof KubeMQError) return this.failed(messages);
    this.#owner.answered();
    this.#backlog.polled(max, messages.length, this.#now - at);
    if (messages.length > 0) this.#handOut(messages, []);
    this.#owner.changed();
    this.#schedule();
  }

  #pollOn(call: Call, max: number): void {
    this.#step = "polling";
    const isExpected = this.#taking.by === "message" && this.#backlog.known > 0;
    this.#poll = { call, asked: max, since: this.#now, isExpected };
    call.poll(max, LIMITS.leastWaitMs);
    this.#watchPoll();
  }

  /** A poll for what is known to wait, and which is not answered: another poll meets another connection of the server. */
  #watchPoll(lateMs = LATE_MS): void {
    const poll = this.#poll;
    if (poll?.isExpected !== true) return;
    this.#cancelLate = this.#connection.clock.setTimer(lateMs, () => void this.#pollAgain(poll));
  }

  async #pollAgain(late: Poll | undefined): Promise<void> {
    const backlog = this.#backlog;
    if (late === undefined || late !== this.#poll || this.#late >= MAX_LATE || !backlog.canAsk) return;
    await this.#ask();
    if (late !== this.#poll || this.#isOver || backlog.hasOthers) return;
    if (backlog.known === 0 && !this.#transactions.isMoving) return;
    const lockedInMs = late.since + LOCKED_MS - this.#now;
    if (lockedInMs > 0) return this.#watchPoll(lockedInMs);
    const call = this.#transactions.freeCall();
    if (call === undefined) return;
    this.#late += 1;
    this.#pollOn(call, late.asked);
  }

  #stayAway(): void {
    const { least, most } = AWAY_MS;
    this.#awayUntil = this.#now + least + this.#connection.random() * (most - least);
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
    const own = this.#transactions.own();
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
    if (poll?.call === call) {
      if (this.#waitsOn(poll, polled)) return;
      this.#poll = undefined;
      this.#cancelLate?.();
      this.#step = "rest";
      if (poll.isExpected && polled.tookMs >= LATE_MS && this.#backlog.hasOthers) this.#stayAway();
    } else this.#late -= 1;
    this.#owner.answered();
    this.#receive(call, polled);
    this.#owner.changed();
    this.#schedule();
  }

  /** A batch that is not full waits on: what came is returned to the queue, and is the first to come again. */
  #waitsOn({ call, since }: Poll, { messages, transaction, asked }: Polled): boolean {
    const { by, waitMs } = this.#taking;
    const leftMs = since + waitMs - this.#now;
    if (by === "message" || messages.length >= asked || leftMs <= WAITED_MS) return false;
    if (this.#transactions.isMoving || this.#isOver) return false;
    if (messages.length > 0) call.close(transaction);
    call.poll(asked, Math.max(LIMITS.leastWaitMs, leftMs < 2 * LIMITS.leastWaitMs ? leftMs : 0));
    return true;
  }

  #receive(call: Call, polled: Polled): void {
    const { asked, tookMs } = polled;
    const isMove = this.#transactions.isMoving;
    const again = isMove ? this.#transactions.unsettled : 0;
    const { messages, held } = this.#transactions.take(call, polled, !this.#isLeft);
    if (isMove) this.#noMoveBefore = this.#now + MOVE_SHARE * tookMs;
    this.#findGap(messages);
    if (this.#taking.by === "batch") this.#backlog.polled(messages.length, messages.length, Infinity);
    else this.#backlog.polled(asked - again, polled.messages.length - again, tookMs);
    if (messages.length > 0) this.#handOut(messages, held);
  }

  #findGap(messages: readonly WireQueueMessage[]): void {
    for (const { Attributes } of messages) {
      const { Sequence = 0n } = Attributes ?? {};
      if (this.#lastSequence !== 0n && Sequence !== this.#lastSequence + 1n) this.#backlog.missed(this.#now);
      this.#lastSequence = Sequence;
    }
  }

  #handOut(messages: readonly WireQueueMessage[], held: readonly HeldMessage[]): void {
    this.#demand = false;
    this.#lookMs = LOOK_MS.first;
    this.#nextLook = 0;
    this.#lastTaken = this.#lastSettled = this.#now;
    this.#stallWatch.taken();
    this.#owner.taken(messages, held);
  }

  failed(error: KubeMQError): void {
    if (this.#hasEnded) return;
    this.cancel(error);
    this.#owner.failed(error);
  }

  written(): void {
    this.#lastSettled = this.#now;
    this.#schedule();
  }

  concluded(): void {
    this.#owner.changed();
    this.#schedule();
  }
}
