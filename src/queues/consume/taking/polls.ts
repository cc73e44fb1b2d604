import type { Connection } from "../../../connection/connection.js";
import { LIMITS } from "../../checks.js";
import type { Backlog } from "./backlog.js";
import type { Call, Polled } from "../../transactions/call.js";
import type { Recount } from "./recount.js";
import type { Taking } from "./taking.js";
import type { Transactions } from "../../transactions/transactions.js";

/**
 * A poll for waiting messages is answered in a few milliseconds. After this many, a count finds out
 * why it is not.
 */
const LATE_MS = 60;

/** Milliseconds after which an unanswered poll counts as blocked by a locked connection. */
const LOCKED_MS = 200;

/** Maximum late polls that may be left unanswered. */
const MAX_LATE = 3;

/**
 * Milliseconds after its start within which a late poll that is not blocked is answered: the
 * server's wait of a second, and a margin.
 */
const SLOW_MS = 1_200;

/** A batch with fewer milliseconds of its wait left does not wait any longer. */
const WAITED_MS = 50;

interface Poll {
  readonly call: Call;
  readonly asked: number;
  readonly since: number;
  /** The time from which the server has answered, although not this poll. */
  answersSince: number;
  /** Whether this many messages are known to wait. */
  readonly isExpected: boolean;
}

/**
 * The poll that an answer belongs to. `over`: the poll in flight, which has ended. `waits`: the
 * poll in flight, which continues. `late`: a poll that was given up.
 */
export type Answered = { readonly kind: "waits" | "late" } | { readonly kind: "over"; readonly isContended: boolean };

/**
 * The polls of a consumer: one in flight, and late ones that are blocked by a locked connection of
 * the server.
 */
export class Polls {
  readonly #connection: Connection;
  readonly #taking: Taking;
  readonly #transactions: Transactions;
  readonly #backlog: Backlog;
  readonly #recount: Recount;
  #poll: Poll | undefined;
  #late = 0;
  /** When the first of the late polls was sent. */
  #lateSince = 0;
  /** The answer to the poll in flight, kept until an earlier poll is answered. */
  #early: { readonly call: Call; readonly polled: Polled } | undefined;
  /**
   * The poll in flight receives nothing although messages wait. With other consumers, messages can
   * move back and forth between all of them.
   */
  #isContended = false;
  #cancelTimer: (() => void) | undefined;

  constructor(connection: Connection, taking: Taking, transactions: Transactions, backlog: Backlog, recount: Recount) {
    this.#connection = connection;
    this.#taking = taking;
    this.#transactions = transactions;
    this.#backlog = backlog;
    this.#recount = recount;
  }

  start(call: Call, max: number): void {
    const isExpected = this.#taking.by === "message" && this.#backlog.known > 0;
    this.#isContended = false;
    const since = this.#connection.clock.now();
    this.#poll = { call, asked: max, since, answersSince: since, isExpected };
    call.poll(max, LIMITS.leastWaitMs);
    this.#watch(LATE_MS);
  }

  stop(): void {
    this.#cancelTimer?.();
    this.#early?.call.close(this.#early.polled.transaction);
    this.#early = undefined;
  }

  /** @param waitsOn whether an incomplete batch may wait for more messages */
  answered(call: Call, polled: Polled, waitsOn: boolean): Answered {
    const poll = this.#poll;
    if (poll?.call !== call) {
      this.#late -= 1;
      return { kind: "late" };
    }
    if (waitsOn && (this.#waitsOn(poll, polled) || this.#isEarly(poll, polled))) return { kind: "waits" };
    this.#poll = this.#early = undefined;
    this.#cancelTimer?.();
    return { kind: "over", isContended: this.#isContended };
  }

  /**
   * Continues the wait of an incomplete batch. Its messages return to the queue, and are the first
   * of the next poll.
   */
  #waitsOn({ call, since }: Poll, { messages, transaction, asked }: Polled): boolean {
    const { by, waitMs } = this.#taking;
    const leftMs = since + waitMs - this.#connection.clock.now();
    if (by === "message" || messages.length >= asked || leftMs <= WAITED_MS) return false;
    if (this.#transactions.isMoving) return false;
    if (messages.length > 0) call.close(transaction);
    call.poll(asked, Math.max(LIMITS.leastWaitMs, leftMs < 2 * LIMITS.leastWaitMs ? leftMs : 0));
    return true;
  }

  /**
   * Keeps an answer whose messages follow others that a late poll may hold. The server was slow,
   * and the late poll was not blocked after all.
   */
  #isEarly({ call }: Poll, polled: Polled): boolean {
    const { clock } = this.#connection;
    const leftMs = this.#lateSince + SLOW_MS - clock.now();
    const [first] = polled.messages;
    // promise: late-poll-first
    if (this.#late === 0 || leftMs <= 0 || first === undefined || !this.#backlog.others.leavesGap(first)) return false;
    this.#early = { call, polled };
    this.#cancelTimer?.();
    this.#cancelTimer = clock.setTimer(leftMs, () => this.#transactions.polled(call, polled));
    return true;
  }

  /** Delivers the answer that waited for an earlier poll, if that was the last one. */
  deliverEarly(): void {
    const early = this.#early;
    if (early === undefined) return;
    this.#early = undefined;
    this.#transactions.polled(early.call, early.polled);
  }

  #watch(lateMs: number): void {
    const poll = this.#poll;
    if (poll?.isExpected !== true) return;
    this.#cancelTimer = this.#connection.clock.setTimer(lateMs, () => void this.#pollAgain(poll));
  }

  /**
   * Polls again when a poll for known messages is not answered. The new poll uses another
   * connection of the server.
   */
  async #pollAgain(late: Poll): Promise<void> {
    const backlog = this.#backlog;
    if (late !== this.#poll || this.#late >= MAX_LATE || !backlog.canAsk) return;
    await this.#recount.run();
    if (late !== this.#poll || this.#early !== undefined || this.#transactions.settlements.hasEnded) return;
    if (backlog.others.arePresent) {
      this.#isContended = backlog.isUnclaimed;
      return;
    }
    if (backlog.known === 0 && !this.#transactions.isMoving) return;
    const now = this.#connection.clock.now();
    // The server may be slow with the poll too. A second poll beside the first would cost the order.
    if (this.#recount.wasSlow) late.answersSince = now; // promise: slow-server-awaited
    const lockedInMs = late.answersSince + LOCKED_MS - now;
    if (lockedInMs > 0) return this.#watch(Math.min(lockedInMs, LATE_MS));
    const call = this.#transactions.freeCall();
    if (call === undefined) return;
    if (this.#late === 0) this.#lateSince = late.since;
    this.#late += 1;
    this.start(call, late.asked);
  }
}
