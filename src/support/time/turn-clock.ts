import { microtask } from "../timers.js";

/**
 * A clock that is looked at once a turn of the event loop: what happens in one turn happens at one time, as with timers. A look costs
 * as much as making a message, and a turn may bring messages of hundreds of streams.
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
