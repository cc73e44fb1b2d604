import type { Own } from "../transactions/transactions.js";
import type { QueueCount } from "../waiting.js";
import type { WireQueueMessage } from "../wire.js";

/** A poll that takes longer than this, or than twice the fastest one, was not answered at once. */
const AT_ONCE_MS = 10;

/** How much of the time may go into asking: the next question waits for this many times the duration of one that found nothing. */
const PAUSE_PER_COST = 5;

/** How many polls that were answered at once are passed over at most between two questions which found little. */
const MAX_SKIPPED = 32;

/** For how long another consumer that was seen is believed to be there: between two polls it cannot be seen. */
const OTHERS_MS = 30_000;

/** The same after a gap in the sequences, which expired messages leave as well. */
const MISSED_MS = 2_000;

/** How many polls of what was not known to wait show that more can be had. */
const LEAST_BEYOND = 4;

/** How many polls that were not answered at once lead to a question, doubled up to a maximum by questions that find little. */
const LEAST_SLOW = 4;
const MAX_SLOW = 64;

/**
 * How many messages to poll for. A poll that is not filled waits for at least a second and holds up what it has, so no more are
 * asked for than wait. That is known from the server's count (QueuesInfo), which is not asked for before every poll, because a
 * server with 1,200 channels needs 48 ms for it. Where a server has no such count, the number grows with what comes at once.
 */
export class Backlog {
  readonly #limit: number;
  /** How many messages are believed to wait for this consumer. */
  #known = 0;
  #canAsk = true;
  /** Whether the next question is due: at the beginning, and when there may be more than is known. */
  #wantsCount = true;
  /** With a count: polls to pass over before the next question. Without one: messages that came at once, one after another. */
  #skip = 0;
  #toSkip = 1;
  /** Polls of one that were not answered at once, since the last question; and how many of them lead to one. */
  #slow = 0;
  #slowBeforeCount: number = LEAST_SLOW;
  #notBefore = -Infinity;
  /** Counted as waiting and not to be had: held by other consumers, or by what a server kept of a life before. */
  #unreachable = 0;
  /** Polls of what was not known to wait that were filled at once, one after another. */
  #beyond = 0;
  #cameShort = false;
  #hasOthers = false;
  #othersUntil = -Infinity;
  #isUnclaimed = false;
  #lastSequence = 0n;
  /** With other consumers, or without a count: the size of the next poll, doubled by each one that was filled at once. */
  #trial = 1;
  #fastestMs = 125;

  /** @param limit the most that is ever asked for in one poll */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Whether the server counts at all, as far as is known. */
  get canAsk(): boolean {
    return this.#canAsk;
  }

  /** Whether another consumer of this queue was seen lately. */
  get hasOthers(): boolean {
    return this.#hasOthers;
  }

  /** Whether more messages were counted last than other consumers can hold, should they have the same prefetch. */
  get isUnclaimed(): boolean {
    return this.#isUnclaimed;
  }

  /** How many messages wait, as far as is known. */
  get known(): number {
    return this.#known;
  }

  /** How many to poll for; 0 when none is known to wait. */
  next(room: number): number {
    const most = Math.min(room, this.#known, this.#limit);
    return this.#hasOthers || !this.#canAsk ? Math.min(most, this.#trial) : most;
  }

  /** Whether to ask the server for its count before the next poll. */
  wantsCount(nowMs: number): boolean {
    return this.#canAsk && this.#wantsCount && nowMs >= this.#notBefore;
  }

  /** The server's count, asked for when this consumer had `own`; undefined when it gave none this time. */
  counted(count: QueueCount | undefined, own: Own, costMs: number, nowMs: number): void {
    this.#wantsCount = false;
    this.#notBefore = nowMs + PAUSE_PER_COST * costMs;
    if (count === undefined) return;
    if (count.subscribers > Math.max(1, own.transactions)) this.#othersUntil = nowMs + OTHERS_MS;
    const hadOthers = this.#hasOthers;
    this.#hasOthers = nowMs < this.#othersUntil;
    if (this.#hasOthers !== hadOthers) this.#trial = 1;
    const beyond = Math.max(0, count.waiting - own.held);
    this.#isUnclaimed = beyond > Math.max(0, count.subscribers - own.transactions) * this.#limit;
    this.#unreachable = this.#cameShort ? beyond : Math.min(this.#unreachable, beyond);
    this.#cameShort = false;
    this.#known = beyond - this.#unreachable;
    this.#notBefore = nowMs + (PAUSE_PER_COST * costMs) / Math.max(1, this.#known); // the polls that it serves share its cost
    this.#toSkip = this.#known > 1 ? 1 : Math.min(2 * this.#toSkip, MAX_SKIPPED);
    this.#skip = this.#known > 1 ? 0 : this.#toSkip;
    if (this.#known > 1) this.#slowBeforeCount = LEAST_SLOW;
  }

  /** Messages came. When they do not follow those before, somebody else may have taken what is missing. */
  took(messages: readonly WireQueueMessage[], nowMs: number): void {
    for (const { Attributes } of messages) {
      const { Sequence = 0n } = Attributes ?? {};
      if (this.#lastSequence !== 0n && Sequence !== this.#lastSequence + 1n) {
        this.#othersUntil = Math.max(this.#othersUntil, nowMs + MISSED_MS);
        this.#hasOthers = true;
      }
      this.#lastSequence = Sequence;
    }
  }

  /** The server has no count. */
  cannotAsk(): void {
    this.#canAsk = false;
    this.#wantsCount = false;
    this.#skip = 0;
  }

  /** A message was seen waiting. One that was there already is a sign that more are. */
  seen(tookMs: number): void {
    this.#known = Math.max(1, this.#known);
    if (this.#isAtOnce(tookMs)) this.#wantCount();
  }

  /** A poll was answered. */
  polled(asked: number, got: number, tookMs: number): void {
    this.#known = Math.max(0, this.#known - got);
    if (got < asked) {
      this.#known = 0;
      this.#beyond = 0;
      this.#trial = 1;
      if (!this.#canAsk) this.#skip = 0;
      this.#cameShort = asked > 1;
      if (asked > 1) this.#wantsCount = true;
      return;
    }
    if (!this.#isAtOnce(tookMs)) return this.#polledSlowly();
    this.#fastestMs = Math.min(this.#fastestMs, tookMs);
    if (this.#known > 0) this.#trial = Math.min(2 * this.#trial, this.#limit);
    else if (this.#canAsk) {
      this.#findReachable();
      this.#wantCount();
    } else this.#grow(asked);
  }

  /** Messages come at once and one after another beyond what was believed to wait: it was wrong to give up what was counted. */
  #findReachable(): void {
    this.#beyond += 1;
    if (this.#beyond < LEAST_BEYOND) return;
    this.#beyond = 0;
    this.#unreachable = 0;
  }

  /** There was nothing to take, or the way to the server has become long, and more waits there than polls of one can take. */
  #polledSlowly(): void {
    this.#trial = 1;
    if (!this.#canAsk) this.#skip = 0;
    if (this.#known > 0 || !this.#canAsk) return;
    this.#slow += 1;
    if (this.#slow < this.#slowBeforeCount) return;
    this.#slow = 0;
    this.#slowBeforeCount = Math.min(2 * this.#slowBeforeCount, MAX_SLOW);
    this.#wantsCount = true; // promise: pile-noticed
  }

  /** Without a count: as many again as came at once, at most a quarter more than the last time. */
  #grow(asked: number): void {
    this.#skip += asked;
    if (this.#skip < 4) return;
    this.#known = this.#skip >> 2;
    this.#trial = this.#limit;
    this.#skip = Math.min(this.#skip, 4 * this.#limit);
  }

  #wantCount(): void {
    if (this.#skip > 0) this.#skip -= 1;
    else this.#wantsCount = true;
  }

  #isAtOnce(tookMs: number): boolean {
    return tookMs <= Math.max(AT_ONCE_MS, 2 * this.#fastestMs);
  }
}
