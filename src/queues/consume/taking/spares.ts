import type { HeldMessage } from "../../transactions/held.js";
import type { Taken } from "../../transactions/transactions.js";
import type { WireQueueMessage } from "../../wire.js";
import type { Taking } from "./taking.js";

/**
 * Number of messages that a quick loop's poll takes, whatever the prefetch. A poll and the end of
 * its transaction cost a community server (v2.4.0) half a millisecond, two to three times as much
 * as a settlement.
 */
const AT_ONCE = { quick: 8, instant: 32 } as const;

/**
 * A loop is quick after this many settlements that followed a delivery within this many
 * milliseconds. One slow settlement cancels this many quick ones.
 */
const QUICK = { settlements: 8, withinMs: 5 } as const;

/**
 * A quick loop is an instant one while this many settlements in a row followed a delivery within
 * this many milliseconds. It receives even the larger number of messages within a few milliseconds.
 */
const INSTANT = { settlements: 16, withinMs: 1 } as const;

/** Maximum number of quick settlements remembered: a few slow ones in a row outweigh any number. */
const MAX_QUICK = 4 * QUICK.settlements;

/**
 * Milliseconds after the last delivery from which spare messages return to the queue. The loop has
 * become slow, and other consumers can take them.
 */
const KEPT_MS = 100;

/** Milliseconds until the next attempt to return messages to the queue. */
const LOOK_MS = 250;

/** Number of further quick settlements required after spare messages had to return to the queue. */
const PENALTY = 256;

/** Messages with a larger body, in bytes, are not taken in excess of the prefetch. */
const LARGE_BODY = 16 * 1_024;

/**
 * Messages of a poll in excess of the prefetch. A loop that settles each message within
 * milliseconds receives them one after another, without a poll for each. For any other loop there
 * are none, so that the prefetch limits the messages that other consumers cannot receive.
 */
export class Spares {
  readonly #prefetch: number;
  #messages: WireQueueMessage[] = [];
  #held: HeldMessage[] = [];
  #quick = 0;
  #instant = 0;
  #handedOutAt = 0;
  #keptUntil = 0;

  constructor({ prefetch, by }: Taking) {
    this.#prefetch = prefetch;
    if (by === "batch") this.#quick = -Infinity;
  }

  get count(): number {
    return this.#held.length;
  }

  get held(): readonly HeldMessage[] {
    return this.#held;
  }

  /** Whether the loop settles each message within a millisecond. */
  get isInstant(): boolean {
    return this.#instant >= INSTANT.settlements;
  }

  /** Maximum size of the next poll. */
  get pollSize(): number {
    const atOnce = this.isInstant ? AT_ONCE.instant : AT_ONCE.quick; // promise: more-spares-when-instant
    return this.#quick < QUICK.settlements ? this.#prefetch : Math.max(this.#prefetch, atOnce); // promise: spares-only-when-quick
  }

  /** The time from which the messages are to return to the queue. */
  get dueAt(): number {
    return Math.max(this.#handedOutAt + KEPT_MS, this.#keptUntil);
  }

  put({ messages, held }: Taken): void {
    this.#messages.push(...messages);
    this.#held.push(...held);
    if (messages.some(({ Body }) => Body.length > LARGE_BODY)) this.#punish(); // promise: no-large-spares
  }

  /** Removes the messages to hand out now. */
  next(most: number, nowMs: number): Taken {
    const count = Math.min(this.count, most); // promise: spares-within-prefetch
    if (count > 0) this.#handedOutAt = nowMs;
    return { messages: this.#messages.splice(0, count), held: this.#held.splice(0, count) };
  }

  /** Records that a settlement was requested. */
  settled(nowMs: number): void {
    const tookMs = nowMs - this.#handedOutAt;
    this.#instant = tookMs <= INSTANT.withinMs ? this.#instant + 1 : 0;
    if (tookMs <= QUICK.withinMs) this.#quick = Math.min(this.#quick + 1, MAX_QUICK);
    else if (this.#quick > 0) this.#quick = Math.max(0, this.#quick - QUICK.settlements);
  }

  /** Removes all messages, which then return to the queue. */
  drain(): HeldMessage[] {
    this.#messages = [];
    this.#punish();
    return this.#held.splice(0);
  }

  /** Records that the messages cannot return to the queue now. */
  keep(nowMs: number): void {
    if (this.count === 0) return;
    this.#keptUntil = nowMs + LOOK_MS;
    this.#punish();
  }

  #punish(): void {
    this.#quick = Math.min(this.#quick, -PENALTY);
  }
}
