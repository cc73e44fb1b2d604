import { microtask } from "../timers.js";

/**
 * A clock that is read once per turn of the event loop. All events of a turn have the same time, as
 * with timers. Reading the clock costs as much as creating a message, and a turn may deliver
 * messages of hundreds of streams.
 */
export class TurnClock {
  readonly #look: () => number;
  #now: number | undefined;

  constructor(look: () => number) {
    this.#look = look;
  }

  now(): number {
    if (this.#now === undefined) {
      this.#now = this.#look();
      microtask(this.#forget); // promise: event-timeout-since-sent
    }
    return this.#now;
  }

  readonly #forget = (): void => {
    this.#now = undefined;
  };
}
