import type { Connection } from "../../connection/connection.js";

/**
 * Milliseconds without activity after which free workers get more messages while others work.
 * Counted from the last delivery when half of the prefetch is free, otherwise from the last
 * settlement. Messages that take less time are settled together, and the next poll need not take
 * any of them again.
 */
const LULL_MS = 10;

/**
 * Milliseconds between two counts while messages are worked on: the initial and the maximum
 * interval.
 */
const LOOK_MS = { first: 20, longest: 250 } as const;

/**
 * Taking held messages again costs the server work. The consumer spends at most 1/N of its time
 * on it; this is N.
 */
const MOVE_SHARE = 8;

/** Decides when to look for more messages while some are worked on. */
export class Pace {
  #lastTaken = 0;
  #lastSettled = 0;
  #noMoveBefore = 0;
  #lookMs: number = LOOK_MS.first;
  #nextLook = 0;

  /** The time from which to look for more messages, when `room` places of the prefetch are free. */
  dueAt(room: number, prefetch: number): number {
    const idleSince = 2 * room >= prefetch ? this.#lastTaken : this.#lastSettled;
    return Math.max(idleSince + LULL_MS, this.#noMoveBefore, this.#nextLook);
  }

  taken(nowMs: number): void {
    this.#lookMs = LOOK_MS.first;
    this.#nextLook = 0;
    this.#lastTaken = this.#lastSettled = nowMs;
  }

  settled(nowMs: number): void {
    this.#lastSettled = nowMs;
  }

  /** Records that the held messages were taken again, and how long that took. */
  moved(nowMs: number, tookMs: number): void {
    this.#noMoveBefore = nowMs + MOVE_SHARE * tookMs;
  }

  /** Records that no more messages wait. */
  foundNothing(nowMs: number): void {
    this.#nextLook = nowMs + this.#lookMs;
    this.#lookMs = Math.min(2 * this.#lookMs, LOOK_MS.longest);
  }
}

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
    const { least, most } = others > 1 ? AWAY_MS.crowd : AWAY_MS.pair;
    this.#awayUntil = this.#connection.clock.now() + least + this.#connection.random() * (most - least);
  }
}
