import type { Connection } from "../../connection/connection.js";
import { LIMITS } from "../checks.js";
import type { Backlog } from "./backlog.js";
import type { Call, Polled } from "../transactions/call.js";
import type { Taking } from "./taking.js";
import type { Transactions } from "../transactions/transactions.js";

/** A poll for messages which wait is answered in a few milliseconds. After this time the server is asked why it is not. */
const LATE_MS = 60;

/** After this time it is taken for one that waits for a locked connection. */
const LOCKED_MS = 200;

/** How many polls that are late may be left behind. */
const MAX_LATE = 3;

/** A batch that has this little of its wait left has waited. */
const WAITED_MS = 50;

interface Poll {
  readonly call: Call;
  readonly asked: number;
  readonly since: number;
  /** Whether as many messages are known to wait. */
  readonly isExpected: boolean;
}

/** What an answer was to: the poll in flight, which is over or `waits` on; or one that was `late`, and given up. */
export type Answered = { readonly kind: "waits" | "late" } | { readonly kind: "over"; readonly isContended: boolean };

/** The polls of a consumer: one in flight, and those that are late because they meet a connection of the server that is locked. */
export class Polls {
  readonly #connection: Connection;
  readonly #taking: Taking;
  readonly #transactions: Transactions;
  readonly #backlog: Backlog;
  readonly #ask: () => Promise<void>;
  #poll: Poll | undefined;
  #late = 0;
  /** The poll in flight gets nothing of what waits: beside other consumers, messages can move to and fro between all of them. */
  #isContended = false;
  #cancelTimer: (() => void) | undefined;

  /** @param ask asks the server how the queue stands */
  constructor(
    connection: Connection,
    taking: Taking,
    transactions: Transactions,
    backlog: Backlog,
    ask: () => Promise<void>,
  ) {
    this.#connection = connection;
    this.#taking = taking;
    this.#transactions = transactions;
    this.#backlog = backlog;
    this.#ask = ask;
  }

  start(call: Call, max: number): void {
    const isExpected = this.#taking.by === "message" && this.#backlog.known > 0;
    this.#isContended = false;
    this.#poll = { call, asked: max, since: this.#connection.clock.now(), isExpected };
    call.poll(max, LIMITS.leastWaitMs);
    this.#watch(LATE_MS);
  }

  stop(): void {
    this.#cancelTimer?.();
  }

  /** @param waitsOn whether a batch that is not full may wait for more */
  answered(call: Call, polled: Polled, waitsOn: boolean): Answered {
    const poll = this.#poll;
    if (poll?.call !== call) {
      this.#late -= 1;
      return { kind: "late" };
    }
    if (waitsOn && this.#waitsOn(poll, polled)) return { kind: "waits" };
    this.#poll = undefined;
    this.stop();
    return { kind: "over", isContended: this.#isContended };
  }

  /** A batch that is not full waits on: what came is returned to the queue, and is the first to come again. */
  #waitsOn({ call, since }: Poll, { messages, transaction, asked }: Polled): boolean {
    const { by, waitMs } = this.#taking;
    const leftMs = since + waitMs - this.#connection.clock.now();
    if (by === "message" || messages.length >= asked || leftMs <= WAITED_MS) return false;
    if (this.#transactions.isMoving) return false;
    if (messages.length > 0) call.close(transaction);
    call.poll(asked, Math.max(LIMITS.leastWaitMs, leftMs < 2 * LIMITS.leastWaitMs ? leftMs : 0));
    return true;
  }

  #watch(lateMs: number): void {
    const poll = this.#poll;
    if (poll?.isExpected !== true) return;
    this.#cancelTimer = this.#connection.clock.setTimer(lateMs, () => void this.#pollAgain(poll));
  }

  /** A poll for what is known to wait is not answered: another one meets another connection of the server. */
  async #pollAgain(late: Poll): Promise<void> {
    const backlog = this.#backlog;
    if (late !== this.#poll || this.#late >= MAX_LATE || !backlog.canAsk) return;
    await this.#ask();
    if (late !== this.#poll || this.#transactions.settlements.hasEnded) return;
    if (backlog.hasOthers) {
      this.#isContended = backlog.isUnclaimed;
      return;
    }
    if (backlog.known === 0 && !this.#transactions.isMoving) return;
    const lockedInMs = late.since + LOCKED_MS - this.#connection.clock.now();
    if (lockedInMs > 0) return this.#watch(lockedInMs);
    const call = this.#transactions.freeCall();
    if (call === undefined) return;
    this.#late += 1;
    this.start(call, late.asked);
  }
}
