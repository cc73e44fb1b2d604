import { KubeMQError } from "../../../api/errors.js";
import type { Connection } from "../../../connection/connection.js";
import { connectionLost } from "../../../support/faults.js";
import { LIMITS } from "../../checks.js";
import { takeMessages } from "../../receive.js";
import { Backlog } from "./backlog.js";
import type { Call, Polled } from "../../transactions/call.js";
import { Contention } from "./contention.js";
import { Pace } from "./pace.js";
import { Dispatch } from "./dispatch.js";
import { nextStep, type TakingParts } from "./next-step.js";
import { Peeks } from "./peeks.js";
import { Polls } from "./polls.js";
import type { PollSchedulerOwner, Taking } from "./taking.js";
import type { HeldMessage } from "../../transactions/held.js";
import type { Confirming } from "../../transactions/confirmations.js";
import { Recount } from "./recount.js";
import { Spares } from "./spares.js";
import { StallWatch } from "../stall-watch.js";
import { Transactions, type TransactionsOwner } from "../../transactions/transactions.js";

/**
 * Takes messages from the queue for one attempt of a consumer: does what {@link nextStep} decides.
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
  readonly #stallWatch: StallWatch;
  readonly #dispatch: Dispatch;
  readonly #polls: Polls;
  readonly #parts: TakingParts;
  #activity: "idle" | "counting" | "peeking" | "polling" = "idle";
  /** Cancels the timer that runs. It schedules again at `#timerAt`. */
  #cancelTimer: (() => void) | undefined;
  #timerAt = 0;
  #isLeft = false;
  #hasEnded = false;

  constructor(connection: Connection, confirming: Confirming, taking: Taking, owner: PollSchedulerOwner) {
    this.#connection = connection;
    this.#taking = taking;
    this.#owner = owner;
    this.transactions = new Transactions(connection, confirming, taking.subject, this);
    const { transactions } = this;
    const backlog = new Backlog(taking.prefetch);
    const recount = new Recount(connection, taking, transactions, backlog);
    this.#polls = new Polls(connection, taking, transactions, backlog, recount);
    this.#parts = {
      clock: connection.clock,
      taking,
      transactions,
      backlog,
      recount,
      contention: new Contention(connection),
      pace: new Pace(),
      peeks: new Peeks(connection, taking, backlog, recount),
      spares: new Spares(taking),
    };
    transactions.freeCall(); // opened now, because its end reveals a lost connection
    this.#stallWatch = new StallWatch(connection, taking.subject, () => transactions.counted);
    this.#dispatch = new Dispatch(this.#parts, this.#stallWatch, ({ messages, held }) => owner.taken(messages, held));
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
    return this.#taking.autoAck && this.#activity === "polling";
  }

  /** The loop waits for a message. */
  demand(): void {
    this.#dispatch.demand();
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
    this.transactions.release(this.#parts.spares.drain());
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
    this.#parts.peeks.stop();
    this.#cancelTimer?.();
    this.#polls.stop();
    this.#stallWatch.stop();
  }

  get #isOver(): boolean {
    return this.#isLeft || this.#hasEnded;
  }

  /** Whether gaps between the received messages are a reason to pause. */
  get #mayPause(): boolean {
    return this.#parts.backlog.isPassedOn && this.#parts.spares.isInstant; // promise: busy-loops-stay
  }

  get #now(): number {
    return this.#connection.clock.now();
  }

  #schedule(): void {
    if (this.#isOver || this.#activity !== "idle") return;
    const step = nextStep(this.#parts, this.#dispatch.isDemanded);
    switch (step.kind) {
      case "later":
        return this.#later(step.delayMs);
      case "count":
        return void this.#count().then(() => this.#schedule());
      case "peek":
        return void this.#awaitMessage();
      case "poll":
        return this.#pollFor(step.max);
      case "look":
        return void this.#look(step.room);
      case "return-spares":
        return void this.#returnSpares();
      case "nothing":
    }
  }

  async #look(room: number): Promise<void> {
    await this.#count();
    if (this.#isOver) return;
    const { known, isAlone } = this.#parts.backlog;
    if (this.transactions.unsettled === 0 || !this.#dispatch.isDemanded) this.#schedule();
    else if (!isAlone || !this.transactions.canMove()) this.#pollFor(this.#taking.least);
    else if (known > 0) this.#move(Math.min(room, known));
    else {
      this.#parts.pace.foundNothing(this.#now);
      this.#schedule();
    }
  }

  /** The loop has become slow: messages that it does not work on return, for other consumers. */
  async #returnSpares(): Promise<void> {
    await this.#count();
    if (this.#isOver) return;
    // A server can process the end of a transaction before an acknowledgement written just before.
    this.transactions.settlements.writeDue();
    if (this.#now < this.#parts.spares.dueAt) return this.#schedule();
    const [first] = this.#parts.spares.held;
    if (first !== undefined && this.#parts.backlog.isAlone && this.transactions.canMove()) {
      this.#parts.backlog.returned(first.sequence, this.#parts.spares.count);
      this.transactions.release(this.#parts.spares.drain());
      return this.#move(0); // promise: spares-returned
    }
    this.#parts.spares.keep(this.#now);
    this.#schedule();
  }

  /** Returns the held messages to the queue and takes them again immediately, with more. */
  #move(more: number): void {
    const call = this.transactions.move();
    if (call === undefined) this.#schedule();
    else this.#startPoll(call, this.transactions.unsettled + more);
  }

  #later(delayMs: number): void {
    const dueAt = this.#now + delayMs;
    // The timer that runs schedules again before. A new timer for every message would cost more.
    if (this.#cancelTimer !== undefined && this.#timerAt <= dueAt) return;
    this.#cancelTimer?.();
    this.#timerAt = dueAt;
    this.#cancelTimer = this.#connection.clock.setTimer(delayMs, () => {
      this.#cancelTimer = undefined;
      this.#schedule();
    });
  }

  #pollFor(max: number): void {
    if (this.#taking.autoAck) return void this.#receiveFor(Math.min(max, LIMITS.taken));
    const call = this.transactions.freeCall();
    if (call !== undefined) this.#startPoll(call, max);
  }

  #startPoll(call: Call, max: number): void {
    this.#activity = "polling";
    this.#polls.start(call, max);
  }

  async #receiveFor(max: number): Promise<void> {
    const at = this.#now;
    this.#activity = "polling";
    const messages = await takeMessages(this.#connection, this.#taking.subject, max);
    this.#activity = "idle";
    if (this.#hasEnded) return;
    if (messages instanceof KubeMQError) return this.failed(messages);
    this.#owner.answered();
    this.#parts.backlog.polled(max, messages.length, this.#now - at);
    this.#dispatch.handOut({ messages, held: [] });
    this.#owner.changed();
    this.#schedule();
  }

  async #count(): Promise<void> {
    this.#activity = "counting";
    await this.#parts.recount.run();
    this.#activity = "idle";
  }

  async #awaitMessage(): Promise<void> {
    this.#activity = "peeking";
    const isFailing = await this.#parts.peeks.wait();
    this.#activity = "idle";
    return isFailing ? this.#pollFor(1) : this.#schedule();
  }

  polled(call: Call, polled: Polled): void {
    const answered = this.#polls.answered(call, polled, !this.#isOver);
    if (answered.kind === "waits") return;
    if (answered.kind === "over") {
      this.#activity = "idle";
      // promise: contended-queue-left
      if (answered.isContended) this.#parts.contention.met(this.#parts.backlog.others.most);
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
    if (isMove) this.#parts.pace.moved(this.#now, polled.tookMs);
    this.#parts.backlog.took(taken.messages, this.#now);
    this.#parts.contention.took(taken.messages, this.#mayPause);
    if (this.#taking.by === "batch") this.#parts.backlog.polled(taken.held.length, taken.held.length, Infinity);
    else this.#parts.backlog.polled(asked, polled.messages.length - again, polled.tookMs);
    this.#dispatch.polled(taken, asked);
  }

  failed(error: KubeMQError): void {
    if (this.#hasEnded) return;
    this.cancel(error);
    this.#owner.failed(error);
  }

  requested(): void {
    this.#dispatch.settled();
  }

  written(): void {
    this.#parts.pace.settled(this.#now);
    this.#schedule();
  }

  concluded(): void {
    this.#owner.changed();
    this.#schedule();
  }
}
