import type { Own } from "../../transactions/own.js";
import type { QueueCount } from "../../waiting.js";
import type { WireQueueMessage } from "../../wire.js";
import { OtherConsumers } from "./others.js";

/**
 * A poll that takes longer than this many milliseconds, and than twice the fastest poll, had to
 * wait.
 */
const AT_ONCE_MS = 10;

/**
 * After a count of `costMs` that found little, no count is requested for this many times `costMs`
 * at most. The first such count pauses for once `costMs`, and each further one doubles that.
 */
const PAUSE_PER_COST = 5;

/** Maximum immediately answered polls between two counts that found little. */
const MAX_SKIPPED = 32;

/**
 * Consecutive immediate polls beyond the known backlog after which more messages count as
 * reachable.
 */
const LEAST_BEYOND = 4;

/** Number of consecutive immediate peeks that suggests that many messages wait. */
const BURST = 2;

/**
 * A message that the server stored within this many nanoseconds of the last one had to wait for it,
 * however long the peek took on a busy machine.
 */
const TOGETHER_NANOS = 5_000_000n;

/**
 * Number of slow polls before the next count. Counts that find little double it up to the maximum.
 */
const LEAST_SLOW = 4;
const MAX_SLOW = 64;

/**
 * Decides how many messages to poll for. A poll that is not filled waits for at least a second and
 * delays the messages it has, so a poll asks only for messages known to wait. The server's count
 * (QueuesInfo) provides that number. It is not requested before every poll, because a server with
 * 1,200 channels needs 48 ms for it. Without a count, the number grows with the immediately
 * answered polls.
 */
export class Backlog {
  readonly others = new OtherConsumers();
  readonly #limit: number;
  /** Estimated messages that wait for this consumer. */
  #known = 0;
  #canAsk = true;
  /** Whether the server keeps a queue's group without members. Undefined before the first count. */
  #groupLasts: boolean | undefined;
  /**
   * Whether the next count is due: at the start, and when more messages may wait than are known.
   */
  #wantsCount = true;
  /**
   * With a count: polls to skip before the next count. Without one: messages of consecutive
   * immediate polls.
   */
  #skip = 0;
  #toSkip = 1;
  /**
   * Slow polls for one message since the last count, and the number of them that triggers a count.
   */
  #slow = 0;
  #slowBeforeCount: number = LEAST_SLOW;
  #notBefore = -Infinity;
  /** The pause after the last count that found little, in times its cost. */
  #pause = PAUSE_PER_COST;
  /**
   * Messages that are counted but cannot be taken: other consumers hold them, or the server
   * retained them from before its restart.
   */
  #unreachable = 0;
  /** Consecutive peeks that returned a message immediately. */
  #seenAtOnce = 0;
  /** Consecutive polls beyond the known backlog that were filled immediately. */
  #beyond = 0;
  #cameShort = false;
  #isUnclaimed = false;
  /** When the server stored the last received message, in nanoseconds since 1970. */
  #lastStoredAt = 0n;
  #received = 0;
  /**
   * With other consumers, or without a count: the size of the next poll. Each immediately filled
   * poll doubles it.
   */
  #trial = 1;
  #fastestMs = 125;

  /** @param limit maximum messages of one poll */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Whether the server supports counts, as far as known. */
  get canAsk(): boolean {
    return this.#canAsk;
  }

  /** Whether no other consumer takes from the queue, as far as the server's count tells. */
  get isAlone(): boolean {
    return this.#canAsk && !this.others.arePresent; // promise: one-transaction
  }

  /**
   * Whether the server passes messages from one consumer to another when polls overlap, as far as
   * counts have shown. QueuesInfo reads the monitor of NATS Streaming, which passes messages on and
   * keeps a queue's group after its last member has left.
   */
  get isPassedOn(): boolean {
    return this.#groupLasts === true;
  }

  /**
   * Whether the last count exceeds the messages that other consumers with an equal prefetch can
   * hold.
   */
  get isUnclaimed(): boolean {
    return this.#isUnclaimed;
  }

  /** Known number of waiting messages. */
  get known(): number {
    return this.#known;
  }

  /** Number of all messages received so far. */
  get received(): number {
    return this.#received;
  }

  /** Number of messages to poll for; 0 when no message is known to wait. */
  next(room: number): number {
    const most = Math.min(room, this.#known);
    return this.others.arePresent || !this.#canAsk ? Math.min(most, this.#trial) : most;
  }

  /** Whether a count is worth its cost. */
  mayCount(nowMs: number): boolean {
    return this.#canAsk && nowMs >= this.#notBefore;
  }

  /** Whether to request the server's count before the next poll. */
  wantsCount(nowMs: number): boolean {
    return this.#wantsCount && this.mayCount(nowMs);
  }

  /**
   * Records the server's count, or undefined after a failed request. `own` is this consumer's share
   * at the time of the request.
   */
  counted(count: QueueCount | undefined, own: Own, costMs: number, nowMs: number): void {
    this.#wantsCount = false;
    this.#notBefore = nowMs + PAUSE_PER_COST * costMs;
    if (count === undefined) return;
    const hasNoGroup = this.#received > 0 && count.subscribers === 0; // promise: fair-servers-known
    this.#groupLasts = !hasNoGroup && (this.#groupLasts ?? true);
    const hadOthers = this.others.arePresent;
    this.others.counted(count.subscribers, own, nowMs);
    if (this.others.arePresent !== hadOthers) this.#trial = 1;
    const beyond = Math.max(0, count.waiting - own.held);
    this.#isUnclaimed = beyond > Math.max(0, count.subscribers - own.transactions) * this.#limit;
    this.#unreachable = this.#cameShort ? beyond : Math.min(this.#unreachable, beyond);
    this.#cameShort = false;
    this.#known = beyond - this.#unreachable;
    this.#pause = this.#known > 1 ? 0.5 : Math.min(2 * this.#pause, PAUSE_PER_COST); // promise: count-after-burst
    // A count that found more is shared among the polls that it serves.
    const pause = this.#known > 1 ? PAUSE_PER_COST / this.#known : this.#pause;
    this.#notBefore = nowMs + pause * costMs;
    this.#toSkip = this.#known > 1 ? 1 : Math.min(2 * this.#toSkip, MAX_SKIPPED);
    this.#skip = this.#known > 1 ? 0 : this.#toSkip;
    if (this.#known > 1) this.#slowBeforeCount = LEAST_SLOW;
  }

  /** Records received messages. */
  took(messages: readonly WireQueueMessage[], nowMs: number): void {
    for (const message of messages) {
      this.#lastStoredAt = message.Attributes?.Timestamp ?? 0n;
      this.others.took(message, nowMs);
    }
  }

  /** Records that taken messages, this one first, were returned to the queue. */
  returned(first: bigint, count: number): void {
    this.#known += count;
    this.others.returned(first);
  }

  /** Records that the server does not support counts. */
  cannotAsk(): void {
    this.#canAsk = this.#groupLasts = false;
    this.#wantsCount = false;
    this.#skip = 0;
  }

  /** Records a message seen by a peek. If it had waited, more messages may wait. */
  seen({ Attributes }: WireQueueMessage, tookMs: number): void {
    this.#known = Math.max(1, this.#known);
    const storedAt = Attributes?.Timestamp ?? 0n;
    const hasWaited = this.#isAtOnce(tookMs) || storedAt - this.#lastStoredAt < TOGETHER_NANOS; // promise: burst-noticed-when-busy
    this.#seenAtOnce = hasWaited ? this.#seenAtOnce + 1 : 0;
    if (this.#seenAtOnce > 0) this.#wantCount();
    if (this.#seenAtOnce >= BURST) this.#wantsCount = true; // promise: burst-noticed
  }

  /** Records the answer to a poll. */
  polled(asked: number, got: number, tookMs: number): void {
    this.#received += got;
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

  /**
   * Messages keep arriving immediately beyond the known backlog. The messages counted as
   * unreachable are therefore reachable.
   */
  #findReachable(): void {
    this.#beyond += 1;
    if (this.#beyond < LEAST_BEYOND) return;
    this.#beyond = 0;
    this.#unreachable = 0;
  }

  /**
   * The queue was empty, or the round trip has become long and messages pile up behind polls for
   * one.
   */
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

  /** Without a count: polls for a quarter of the messages of consecutive immediate polls. */
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
