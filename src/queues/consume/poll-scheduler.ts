import { KubeMQError } from "../../api/errors.js";
import type { Connection } from "../../connection/connection.js";
import { microtask } from "../../support/timers.js";
import { connectionLost } from "../../support/faults.js";
import { LIMITS } from "../checks.js";
import { takeMessages } from "../receive.js";
import { Backlog } from "./backlog.js";
import type { Call, Polled } from "../transactions/call.js";
import { Contention, Pace } from "./pace.js";
import { Peeks } from "./peeks.js";
import { Polls } from "./polls.js";
import type { PollSchedulerOwner, Taking } from "./taking.js";
import type { HeldMessage } from "../transactions/held.js";
import type { Confirming } from "../transactions/confirmations.js";
import { Recount } from "./recount.js";
import { Spares } from "./spares.js";
import { StallWatch } from "./stall-watch.js";
import { type Taken, Transactions, type TransactionsOwner } from "../transactions/transactions.js";

/**
 * Decides when a consumer waits, when it polls, and for how many messages, in one attempt.
 *
 * A community server (v2.4.0) keeps a queue in order, and loses no message, while the queue has one
 * poll or open transaction at a time. To take more while messages are worked on, the consumer
 * closes the transaction and polls for the held messages and more. Held ones come first, in order.
 */
export class PollScheduler implements TransactionsOwner {
  readonly transactions: Transactions;
  readonly #connection: Connection;
  readonly #taking: Taking;
  readonly #owner: PollSchedulerOwner;
  readonly #backlog: Backlog;
  readonly #pace = new Pace();
  readonly #contention: Contention;
  readonly #spares: Spares;
  readonly #stallWatch: StallWatch;
  readonly #recount: Recount;
  readonly #polls: Polls;
  readonly #peeks: Peeks;
  #step: "idle" | "counting" | "peeking" | "polling" = "idle";
  #demand = true;
  #cancelTimer: (() => void) | undefined;
  #isLeft = false;
  #hasEnded = false;

  constructor(connection: Connection, confirming: Confirming, taking: Taking, owner: PollSchedulerOwner) {
    this.#connection = connection;
    this.#taking = taking;
    this.#owner = owner;
    this.#contention = new Contention(connection);
    this.#backlog = new Backlog(taking.prefetch);
    this.#spares = new Spares(taking);
    this.transactions = new Transactions(connection, confirming, taking.subject, this);
    this.#recount = new Recount(connection, taking, this.transactions, this.#backlog);
    this.#polls = new Polls(connection, taking, this.transactions, this.#backlog, this.#recount);
    this.#peeks = new Peeks(connection, taking, this.#backlog, this.#recount);
    this.transactions.freeCall(); // opened now, because its end reveals a lost connection
    this.#stallWatch = new StallWatch(connection, taking.subject, () => this.transactions.counted);
    this.#schedule();
  }

  /** Whether no message is handed out or being returned. */
  get isSettled(): boolean {
    return this.transactions.unsettled === 0 && this.transactions.settlements.areConcluded;
  }

  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** Whether a poll is in flight whose messages the server acknowledges. */
  get hasAutoAckPoll(): boolean {
    return this.#taking.autoAck && this.#step === "polling";
  }

  /** The loop waits for a message. */
  demand(): void {
    this.#demand = true;
    this.#schedule();
  }

  /** Releases a message that will not be handed out. */
  release(message: HeldMessage): void {
    this.transactions.release([message]);
    this.#owner.changed();
  }

  /** Stops taking messages. Held messages can still be settled. */
  leave(): void {
    this.#isLeft = true;
    this.#stop();
    this.transactions.release(this.#spares.drain());
  }

  /** Returns held messages to the queue, after the requested settlements. */
  returnHeld(): void {
    this.transactions.returnHeld();
  }

  /** Ends all calls. Unsettled messages return to the queue. */
  cancel(error: KubeMQError = connectionLost(this.#taking.subject, "the stream was left")): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#stop();
    this.transactions.cancel(error);
    this.#owner.changed();
  }

  #stop(): void {
    this.#peeks.stop();
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
    if (this.#isOver || this.#step !== "idle") return;
    const keptMs = this.#spares.dueAt - this.#now;
    if (this.#spares.count > 0) return keptMs > 0 ? this.#later(keptMs) : void this.#returnSpares();
    // Counts while the loop works, so that the next poll can follow its settlement immediately.
    if (this.#recount.isDue) return void this.#count().then(() => this.#schedule());
    if (this.transactions.unsettled > 0) {
      if (this.#demand) this.#takeBeside();
    } else if (this.#demand || !this.#taking.autoAck) this.#take();
  }

  /** Without unsettled messages: polls for known messages, otherwise peeks until one arrives. */
  #take(): void {
    if (this.#contention.leftMs > 0) return this.#later(this.#contention.leftMs);
    if (this.transactions.areEnding) return; // promise: calls-end-in-turn
    const max = this.#backlog.next(this.#backlog.isAlone ? this.#spares.pollSize : this.#taking.prefetch);
    const most = this.#taking.by === "batch" ? this.#taking.prefetch : max; // promise: lone-message-polled
    if (max > 0) return this.#pollFor(most);
    if (!this.#peeks.arePossible) return this.#pollFor(this.#taking.least);
    const { areConfirmed, areConcluded } = this.transactions.settlements;
    // The transaction must be closed first: messages would be sent to it during the peek.
    if (areConcluded || !areConfirmed) void this.#awaitMessage();
  }

  /** The loop wants more messages while some are unsettled. */
  #takeBeside(): void {
    const { by, prefetch } = this.#taking;
    const room = by === "batch" ? prefetch : prefetch - this.transactions.unsettled;
    if (room <= 0) return;
    const at = this.#pace.dueAt(room, prefetch);
    if (this.#now < at) return this.#later(at - this.#now);
    if (this.#backlog.canAsk) void this.#look(room);
    else this.#pollFor(this.#taking.least);
  }

  async #look(room: number): Promise<void> {
    await this.#count();
    if (this.#isOver) return;
    const { known, isAlone } = this.#backlog;
    if (this.transactions.unsettled === 0 || !this.#demand) this.#schedule();
    else if (!isAlone || !this.transactions.canMove()) this.#pollFor(this.#taking.least);
    else if (known > 0) this.#move(Math.min(room, known));
    else {
      this.#pace.foundNothing(this.#now);
      this.#schedule();
    }
  }

  /** The loop has become slow: messages that it does not work on return, for other consumers. */
  async #returnSpares(): Promise<void> {
    await this.#count();
    if (this.#isOver) return;
    // A server can process the end of a transaction before an acknowledgement written just before.
    this.transactions.settlements.writeDue();
    if (this.#now < this.#spares.dueAt) return this.#schedule();
    const [first] = this.#spares.held;
    if (first !== undefined && this.#backlog.isAlone && this.transactions.canMove()) {
      this.#backlog.returned(first.sequence, this.#spares.count);
      this.transactions.release(this.#spares.drain());
      return this.#move(0); // promise: spares-returned
    }
    this.#spares.keep(this.#now);
    this.#schedule();
  }

  /** Returns the held messages to the queue and takes them again immediately, with more. */
  #move(more: number): void {
    const call = this.transactions.move();
    if (call === undefined) this.#schedule();
    else this.#startPoll(call, this.transactions.unsettled + more);
  }

  #later(delayMs: number): void {
    this.#cancelTimer?.();
    this.#cancelTimer = this.#connection.clock.setTimer(delayMs, () => this.#schedule());
  }

  #pollFor(max: number): void {
    if (this.#taking.autoAck) return void this.#receiveFor(Math.min(max, LIMITS.taken));
    const call = this.transactions.freeCall();
    if (call !== undefined) this.#startPoll(call, max);
  }

  #startPoll(call: Call, max: number): void {
    this.#step = "polling";
    this.#polls.start(call, max);
  }

  async #receiveFor(max: number): Promise<void> {
    const at = this.#now;
    this.#step = "polling";
    const messages = await takeMessages(this.#connection, this.#taking.subject, max);
    this.#step = "idle";
    if (this.#hasEnded) return;
    if (messages instanceof KubeMQError) return this.failed(messages);
    this.#owner.answered();
    this.#backlog.polled(max, messages.length, this.#now - at);
    this.#handOut({ messages, held: [] });
    this.#owner.changed();
    this.#schedule();
  }

  async #count(): Promise<void> {
    this.#step = "counting";
    await this.#recount.run();
    this.#step = "idle";
  }

  async #awaitMessage(): Promise<void> {
    this.#step = "peeking";
    const isFailing = await this.#peeks.wait();
    this.#step = "idle";
    return isFailing ? this.#pollFor(1) : this.#schedule();
  }

  polled(call: Call, polled: Polled): void {
    const answered = this.#polls.answered(call, polled, !this.#isOver);
    if (answered.kind === "waits") return;
    if (answered.kind === "over") {
      this.#step = "idle";
      if (answered.isContended) this.#contention.met(this.#backlog.others);
    }
    this.#owner.answered();
    this.#receive(call, polled);
    this.#owner.changed();
    if (answered.kind === "late") this.#polls.deliverEarly();
    this.#schedule();
  }

  #receive(call: Call, polled: Polled): void {
    const isMove = this.transactions.isMoving;
    const again = isMove ? this.transactions.unsettled : 0;
    const asked = polled.asked - again;
    const taken = this.transactions.take(call, polled, !this.#isLeft);
    if (isMove) this.#pace.moved(this.#now, polled.tookMs);
    this.#backlog.took(taken.messages, this.#now);
    if (this.#taking.by === "batch") this.#backlog.polled(taken.held.length, taken.held.length, Infinity);
    else this.#backlog.polled(asked, polled.messages.length - again, polled.tookMs);
    this.#spares.put(taken);
    this.#handOutSpares(asked <= this.#taking.prefetch ? asked : 0);
  }

  #handOutSpares(least = 0): void {
    const room = this.#taking.prefetch - (this.transactions.inHand - this.#spares.count);
    this.#handOut(this.#spares.next(Math.max(least, room), this.#now));
  }

  #handOut({ messages, held }: Taken): void {
    if (messages.length === 0) return;
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

  requested(): void {
    this.#spares.settled(this.#now);
    // In the same tick, so that the settlements of a quick loop share a request.
    if (this.#spares.count > 0) microtask(() => this.#handOutSpares()); // promise: spares-settled-together
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
