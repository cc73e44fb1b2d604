import type { Connection } from "../../../connection/connection.js";

/**
 * Range of the milliseconds that a consumer stays away from a contended queue. Two consumers need
 * only the time in which messages that rest with one of them are sent again. More consumers are
 * faster when some of them stay away for longer.
 */
const AWAY_MS = { pair: { least: 60, most: 170 }, crowd: { least: 200, most: 1_400 } } as const;

/**
 * Keeps a consumer away from a queue whose messages move back and forth between consumers. A
 * community server (v2.4.0) passes messages on whenever a poll ends beside another one. While one
 * consumer stays away, the others receive them in order.
 */
export class Contention {
  readonly #connection: Pick<Connection, "clock" | "random">;
  #awayUntil = 0;

  constructor(connection: Pick<Connection, "clock" | "random">) {
    this.#connection = connection;
  }

  /** Milliseconds to stay away, if positive. */
  get leftMs(): number {
    return this.#awayUntil - this.#connection.clock.now();
  }

  /**
   * Records a contended poll.
   *
   * @param others - members of the queue's group that belong to other consumers
   */
  met(others: number): void {
    const { least, most } = others > 1 ? AWAY_MS.crowd : AWAY_MS.pair; // promise: pair-waits-briefly
    this.#awayUntil = this.#connection.clock.now() + least + this.#connection.random() * (most - least);
  }
}
