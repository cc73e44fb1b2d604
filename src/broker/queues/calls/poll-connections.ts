import { Fifo } from "../../fifo.js";

/** Releases a connection. Has no effect when called again. */
export type GiveBack = () => void;

/**
 * Connections to the store that the polls and leases of all clients share. They are used in turn,
 * free or not: a poll waits for its connection even while others are free.
 */
export class PollConnections {
  /** The polls that wait for a connection; undefined while it is free. */
  readonly #waiting: (Fifo<() => void> | undefined)[];
  #turn = 0;

  constructor(count: number) {
    this.#waiting = Array.from({ length: count }, () => undefined);
  }

  /** Takes the next connection in turn, and resolves when it is free. */
  async take(): Promise<GiveBack> {
    this.#turn = (this.#turn + 1) % this.#waiting.length;
    const index = this.#turn;
    const line = this.#waiting[index];
    if (line === undefined) this.#waiting[index] = new Fifo();
    else await new Promise<void>((resolve) => line.push(resolve));
    let given = false;
    return () => {
      if (given) return;
      given = true;
      const next = this.#waiting[index]?.shift();
      if (next === undefined) this.#waiting[index] = undefined;
      else next();
    };
  }
}
