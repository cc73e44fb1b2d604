import { microtask } from "../../../support/timers.js";
import type { Taken } from "../../transactions/transactions.js";
import type { TakingParts } from "./next-step.js";
import type { StallWatch } from "../stall-watch.js";

/** Hands messages out to the loop: those of a poll, or the spare ones as messages are settled. */
export class Dispatch {
  readonly #parts: Pick<TakingParts, "clock" | "taking" | "transactions" | "pace" | "spares">;
  readonly #stallWatch: StallWatch;
  readonly #onHandedOut: (taken: Taken) => void;
  #isDemanded = true;

  constructor(parts: TakingParts, stallWatch: StallWatch, onHandedOut: (taken: Taken) => void) {
    this.#parts = parts;
    this.#stallWatch = stallWatch;
    this.#onHandedOut = onHandedOut;
  }

  /** Whether the loop waits for a message. */
  get isDemanded(): boolean {
    return this.#isDemanded;
  }

  demand(): void {
    this.#isDemanded = true;
  }

  /** Hands out the messages of a poll for `asked` new ones, as far as the prefetch allows. */
  polled(taken: Taken, asked: number): void {
    const { spares, taking } = this.#parts;
    spares.put(taken);
    this.#handOutSpares(asked <= taking.prefetch ? asked : 0);
  }

  /** Records that a settlement was requested. */
  settled(): void {
    const { clock, spares } = this.#parts;
    spares.settled(clock.now());
    // In the same tick, so that the settlements of a quick loop share a request.
    if (spares.count > 0) microtask(() => this.#handOutSpares()); // promise: spares-settled-together
  }

  #handOutSpares(least = 0): void {
    const { clock, taking, transactions, spares } = this.#parts;
    const room = taking.prefetch - (transactions.inHand - spares.count);
    this.handOut(spares.next(Math.max(least, room), clock.now()));
  }

  handOut(taken: Taken): void {
    if (taken.messages.length === 0) return;
    this.#isDemanded = false;
    this.#parts.pace.taken(this.#parts.clock.now());
    this.#stallWatch.taken();
    this.#onHandedOut(taken);
  }
}
