/**
 * How long workers may be idle beside others that work: since the last messages came when half of the prefetch is free, else since
 * the last settlement. Messages that take less are settled together, and the next ones polled for without taking any again.
 */
const LULL_MS = 10;

/** How often the server is asked whether more waits while messages are worked on: at first, and at the least. */
const LOOK_MS = { first: 20, longest: 250 } as const;

/** Taking again what is held costs the server some work: no more than one part in this many of the time goes into it. */
const MOVE_SHARE = 8;

/** When to look for more messages while some are worked on. */
export class Pace {
  #lastTaken = 0;
  #lastSettled = 0;
  #noMoveBefore = 0;
  #lookMs: number = LOOK_MS.first;
  #nextLook = 0;

  /** From when on to look for more, with this much room. */
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

  /** What is held was taken again, which took this long. */
  moved(nowMs: number, tookMs: number): void {
    this.#noMoveBefore = nowMs + MOVE_SHARE * tookMs;
  }

  /** Nothing more waits. */
  foundNothing(nowMs: number): void {
    this.#nextLook = nowMs + this.#lookMs;
    this.#lookMs = Math.min(2 * this.#lookMs, LOOK_MS.longest);
  }
}

/** Range of the time that a consumer stays away from a contended queue, in milliseconds. */
const AWAY_MS = { least: 200, most: 1_400 } as const;

/**
 * How long a consumer stays away from a queue whose messages move to and fro between consumers. A
 * community server (v2.4.0) passes messages on whenever a poll ends beside another one. While one
 * consumer stays away, the other gets them, and in order.
 *
 * @param random - from 0 to 1
 */
export function awayMs(random: number): number {
  return AWAY_MS.least + random * (AWAY_MS.most - AWAY_MS.least);
}
