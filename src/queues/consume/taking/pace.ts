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
