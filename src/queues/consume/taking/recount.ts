import type { Connection } from "../../../connection/connection.js";
import type { Transactions } from "../../transactions/transactions.js";
import { countWaiting } from "../../waiting.js";
import type { Backlog } from "./backlog.js";
import type { Taking } from "./taking.js";

/** Maximum single messages in a row whose polls are not accompanied by a count. */
const MAX_SKIPPED = 7;

/**
 * A count that takes longer than this many milliseconds, and than three times the fastest, is slow.
 */
const SLOW_MS = 40;

/** Requests the server's count of the queue, one request at a time, and records the answers. */
export class Recount {
  readonly #connection: Connection;
  readonly #taking: Taking;
  readonly #transactions: Transactions;
  readonly #backlog: Backlog;
  #running: Promise<void> | undefined;
  #fastestMs = Infinity;
  #wasSlow = false;
  /** Polls to skip before the next count beside one, and their number after that count. */
  #skip = 0;
  #toSkip = 0;

  constructor(connection: Connection, taking: Taking, transactions: Transactions, backlog: Backlog) {
    this.#connection = connection;
    this.#taking = taking;
    this.#transactions = transactions;
    this.#backlog = backlog;
  }

  /** Whether the server took unusually long for the last count. */
  get wasSlow(): boolean {
    return this.#wasSlow;
  }

  /** Whether the next poll needs a count, or could use the one in flight. */
  get isDue(): boolean {
    if (this.#backlog.next(1) > 0) return false;
    return this.#running !== undefined || this.#backlog.wantsCount(this.#connection.clock.now());
  }

  /** Resolves when a count is recorded: the one in flight, or a new one. */
  run(): Promise<void> {
    this.#running ??= this.#request().finally(() => (this.#running = undefined));
    return this.#running;
  }

  /**
   * Counts beside the poll for a message that a peek has seen, which may be the first of many.
   * Consumers whose messages come one at a time do that for one of eight.
   */
  async beside(): Promise<void> {
    if (this.#taking.by === "batch" || !this.#backlog.mayCount(this.#connection.clock.now())) return;
    this.#skip -= 1;
    if (this.#skip >= 0) return;
    await this.run(); // promise: burst-counted-beside
    this.#toSkip = this.#backlog.known > 1 ? 0 : Math.min(2 * this.#toSkip + 1, MAX_SKIPPED);
    this.#skip = this.#toSkip;
  }

  async #request(): Promise<void> {
    const { clock } = this.#connection;
    const backlog = this.#backlog;
    const at = clock.now();
    const own = this.#transactions.own();
    const { received } = backlog;
    const count = await countWaiting(this.#connection, this.#taking.subject);
    const tookMs = clock.now() - at;
    this.#fastestMs = Math.min(this.#fastestMs, tookMs);
    this.#wasSlow = tookMs > Math.max(SLOW_MS, 3 * this.#fastestMs);
    if (count === "refused") return backlog.cannotAsk();
    // The server may have counted messages that a poll has received meanwhile.
    const held = own.held + backlog.received - received; // promise: count-beside-poll
    backlog.counted(count, { ...own, held }, tookMs, clock.now());
  }
}
