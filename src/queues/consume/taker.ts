import { KubeMQError } from "../../api/errors.js";
import type { Connection } from "../../connection/connection.js";
import { connectionLost } from "../../support/faults.js";
import { LIMITS } from "../checks.js";
import { takeMessages } from "../receive.js";
import { countWaiting, peekWaiting } from "../waiting.js";
import type { WireQueueMessage } from "../wire.js";
import { Backlog } from "./backlog.js";
import type { Call, Polled } from "../transactions/call.js";
import { awayMs, Pace } from "./pace.js";
import { Polls } from "./polls.js";
import type { TakerOwner, Taking } from "./taking.js";
import type { HeldMessage } from "../transactions/held.js";
import type { Confirming } from "../transactions/confirmations.js";
import type { Settlements } from "../transactions/settlements.js";
import { StallWatch } from "./stall-watch.js";
import { Transactions, type TransactionsOwner } from "../transactions/transactions.js";

/** From this body size in bytes, the consumer waits by polls: a peek would send the body twice. */
const LARGE_BODY = 256 * 1_024;

/**
 * Decides when a consumer waits, when it polls, and for how many messages, in one attempt.
 *
 * A community server (v2.4.0) keeps a queue in order, and loses no message, while the queue has one
 * poll or open transaction at a time. To take more while messages are worked on, the consumer
 * closes the transaction and polls for the held messages and more. Held ones come first, in order.
 */
export class Taker implements TransactionsOwner {
  readonly #connection: Connection;
  readonly #taking: Taking;
  readonly #owner: TakerOwner;
  readonly #backlog: Backlog;
  readonly #pace = new Pace();
  readonly #stallWatch: StallWatch;
  readonly #transactions: Transactions;
  readonly #polls: Polls;
  #step: "rest" | "counting" | "peeking" | "polling" = "rest";
  #awayUntil = 0;
  #demand = true;
  #canPeek = true;
  #cancelTimer: (() => void) | undefined;
  readonly #peek = new AbortController();
  #isLeft = false;
  #hasEnded = false;

  constructor(connection: Connection, confirming: Confirming, taking: Taking, owner: TakerOwner) {
    this.#connection = connection;
    this.#taking = taking;
    this.#owner = owner;
    this.#backlog = new Backlog(taking.prefetch);
    this.#transactions = new Transactions(connection, confirming, taking.subject, this);
    this.#polls = new Polls(connection, taking, this.#transactions, this.#backlog, () => this.#ask());
    this.#transactions.freeCall(); // opened now, because its end reveals a lost connection
    this.#stallWatch = new StallWatch(connection, taking.subject, () => this.#transactions.counted);
    this.#schedule();
  }

  /** Whether no message is handed out or being returned. */
  get isSettled(): boolean {
    return this.#transactions.unsettled === 0 && this.settlements.areConcluded;
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

  /** Releases a message that will not be handed out. */
  release(message: HeldMessage): void {
    this.#transactions.release(message);
    this.#owner.changed();
  }

  /** Stops taking messages. Held messages can still be settled. */
  leave(): void {
    this.#isLeft = true;
    this.#stop();
  }

  /** Returns held messages to the queue, after the requested settlements. */
  giveBack(): void {
    this.#transactions.giveBack();
  }

  /** Ends all calls. Unsettled messages return to the queue. */
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
    this.#polls.stop();
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
    // Counts while the loop works, so that the next poll can follow its settlement immediately.
    if (this.#backlog.next(1) === 0 && this.#backlog.wantsCount(this.#now)) return void this.#count();
    if (this.#transactions.unsettled > 0) {
      if (this.#demand) this.#takeBeside();
    } else if (this.#demand || !this.#taking.autoAck) this.#take();
  }

  /** Without unsettled messages: polls for known messages, otherwise peeks until one arrives. */
  #take(): void {
    const { by, prefetch } = this.#taking;
    if (this.#now < this.#awayUntil) return this.#later(this.#awayUntil - this.#now);
    const max = this.#backlog.next(prefetch);
    const most = by === "batch" ? prefetch : max; // promise: lone-message-polled
    if (max > 0) return this.#pollFor(most);
    if (!this.#canPeek) return this.#pollFor(by === "batch" ? prefetch : 1);
    const { areConfirmed, areConcluded } = this.settlements;
    // The transaction must be closed first: messages would be sent to it during the peek.
    if (areConcluded || !areConfirmed) void this.#awaitMessage();
  }

  /** The loop wants more messages while some are unsettled. */
  #takeBeside(): void {
    const { by, prefetch } = this.#taking;
    const room = by === "batch" ? prefetch : prefetch - this.#transactions.unsettled;
    if (room <= 0) return;
    const at = this.#pace.dueAt(room, prefetch);
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
      this.#pace.foundNothing(this.#now);
      this.#schedule();
    }
  }

  /** Returns the held messages to the queue and takes them again immediately, with more. */
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
   * Takes acknowledged messages by ReceiveQueueMessages, which servers serve one at a time per
   * queue. A poll with AutoAck would also acknowledge messages that arrive between the end of its
   * wait and its answer, without delivering them.
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
    this.#polls.start(call, max);
  }

  async #count(): Promise<void> {
    this.#step = "counting";
    await this.#ask();
    this.#step = "rest";
    this.#schedule();
  }

  /** Requests the server's count of the queue. */
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
    // A peek that failed immediately must not be repeated immediately.
    else if (this.#now - at < LIMITS.leastWaitMs / 2) return this.#pollFor(1);
    this.#schedule();
  }

  polled(call: Call, polled: Polled): void {
    const answered = this.#polls.answered(call, polled, !this.#isOver);
    if (answered.kind === "waits") return;
    if (answered.kind === "over") {
      this.#step = "rest";
      if (answered.isContended) this.#awayUntil = this.#now + awayMs(this.#connection.random());
    }
    this.#owner.answered();
    this.#receive(call, polled);
    this.#owner.changed();
    this.#schedule();
  }

  #receive(call: Call, polled: Polled): void {
    const { asked, tookMs } = polled;
    const isMove = this.#transactions.isMoving;
    const again = isMove ? this.#transactions.unsettled : 0;
    const { messages, held } = this.#transactions.take(call, polled, !this.#isLeft);
    if (isMove) this.#pace.moved(this.#now, tookMs);
    this.#backlog.took(messages, this.#now);
    if (this.#taking.by === "batch") this.#backlog.polled(messages.length, messages.length, Infinity);
    else this.#backlog.polled(asked - again, polled.messages.length - again, tookMs);
    if (messages.length > 0) this.#handOut(messages, held);
  }

  #handOut(messages: readonly WireQueueMessage[], held: readonly HeldMessage[]): void {
    this.#demand = false;
    this.#pace.taken(this.#now);
    this.#stallWatch.taken();
    this.#owner.taken(messages, held);
  }

  failed(error: KubeMQError): void {
    if (this.#hasEnded) return;
    this.cancel(error);
    this.#owner.failed(error);
  }

  written(): void {
    this.#pace.settled(this.#now);
    this.#schedule();
  }

  concluded(): void {
    this.#owner.changed();
    this.#schedule();
  }
}
