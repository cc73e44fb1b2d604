import { Fifo } from "../../fifo.js";

/** Gives a connection back. Calling it again does nothing. */
export type GiveBack = () => void;

/**
 * Connections to the store that polls and leases of all clients share. They are taken in turn, whether they are free or not: a
 * poll that meets one in use waits until it is given back, though others are free.
 */
export class PollConnections {
  /** Who waits for a connection; undefined while it is free. */
  readonly #waiting: (Fifo<() => void> | undefined)[];
  #turn = 0;

  constructor(count: number) {
    this.#waiting = Array.from({ length: count }, () => undefined);
  }

  /** Takes the connection whose turn it is, and resolves when it is free. */
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
