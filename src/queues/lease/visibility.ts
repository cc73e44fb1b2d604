import type { Clock } from "../../support/time/clock.js";

/** How long after the end of a visibility time, as seen here, the server's word of it is waited for. */
const GRACE_MS = 250;

/**
 * The visibility time of one message, by the clock that never jumps. `over` runs when it has passed and the server, whose own word
 * usually comes first, was silent; `extend` runs at half of what is left, until extending is stopped.
 */
export class Visibility {
  readonly #clock: Clock;
  readonly #over: () => void;
  #extend: (() => void) | undefined;
  #endsAt = 0;
  #cancelOver: (() => void) | undefined;
  #cancelExtend: (() => void) | undefined;

  constructor(clock: Clock, over: () => void, extend: (() => void) | undefined) {
    this.#clock = clock;
    this.#over = over;
    this.#extend = extend;
  }

  get until(): Date {
    return new Date(Date.now() + this.#leftMs());
  }

  /** Whether the time has passed, by this machine's clock. */
  get isOver(): boolean {
    return this.#leftMs() <= 0;
  }

  /** The server was asked at `from`, by this clock, to hold the message for so long. */
  begin(from: number, seconds: number): void {
    this.#endsAt = from + seconds * 1_000;
    this.#cancelOver?.();
    this.#cancelOver = this.#clock.setTimer(Math.max(1, this.#leftMs() + GRACE_MS), this.#over);
    this.resumeExtending();
  }

  /** While the message is being settled. */
  pauseExtending(): void {
    this.#cancelExtend?.();
    this.#cancelExtend = undefined;
  }

  resumeExtending(): void {
    this.pauseExtending();
    if (this.#extend === undefined) return;
    // At half of the time, so that one answer that is late does no harm.
    this.#cancelExtend = this.#clock.setTimer(Math.max(1, this.#leftMs() / 2), this.#extend);
  }

  stopExtending(): void {
    this.#extend = undefined;
    this.pauseExtending();
  }

  end(): void {
    this.stopExtending();
    this.#cancelOver?.();
  }

  #leftMs(): number {
    return this.#endsAt - this.#clock.now();
  }
}
