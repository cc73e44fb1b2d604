import type { Clock } from "../../support/time/clock.js";
import type { HeldMessage } from "./held.js";

/**
 * Milliseconds for which a confirmed settlement still counts as held while a transaction is open:
 * the server may not have processed it internally.
 */
const SETTLING_MS = 50;

/** A consumer's share of what the server counts. */
export interface Own {
  /** Messages received but not confirmed as settled. */
  readonly held: number;
  /** Calls with an open transaction or a poll. */
  readonly transactions: number;
}

/** The settlements of a consumer that the server may still count as waiting messages. */
export class CountedSettlements {
  readonly #clock: Clock;
  #unconfirmed = 0;
  #confirmedLately = { count: 0, at: -Infinity };

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Number of written settlements without an outcome. */
  get unconfirmed(): number {
    return this.#unconfirmed;
  }

  /** Number of settlements that were confirmed so recently that the server may count them. */
  get confirmedLately(): number {
    const { count, at } = this.#confirmedLately;
    return this.#clock.now() - at < SETTLING_MS ? count : 0;
  }

  written(count: number): void {
    this.#unconfirmed += count;
  }

  /** These settlements have no outcome, and are requested again. */
  reopened(count: number): void {
    this.#unconfirmed -= count;
  }

  /**
   * Records the outcome of settlements.
   *
   * @param held - number of messages without a written settlement
   */
  concluded(messages: readonly HeldMessage[], held: number): void {
    const before = this.confirmedLately;
    this.#unconfirmed -= messages.length;
    const areOpen = held + this.#unconfirmed > 0 || messages.some(({ transaction }) => transaction.isShort);
    // A server that has ended the transactions has processed their settlements.
    const count = areOpen ? before + messages.length : 0; // promise: ended-not-counted
    this.#confirmedLately = { count, at: this.#clock.now() };
  }
}
