import { sleep } from "./timers.js";

// A client that comes back at once may be faster than the news that it went: the server asks the
// old connection whether it still lives before it refuses the new one.
const graceMs = 50;

/** ClientIDs with a live events-store subscription: one each, on the whole server. */
export class ClientIds {
  readonly #live = new Set<string>();

  /** Takes the id, or says false when someone has it and keeps it. */
  async take(clientId: string): Promise<boolean> {
    if (this.#live.has(clientId)) await sleep(graceMs);
    if (this.#live.has(clientId)) return false;
    this.#live.add(clientId);
    return true;
  }

  free(clientId: string): void {
    this.#live.delete(clientId);
  }
}
