import { sleep } from "../timers.js";

// A client may reconnect before the server notices that its old connection is gone. The server
// therefore checks the old connection before it refuses the new one.
const graceMs = 50;

/** ClientIDs with a live events-store subscription. Each is unique on the whole server. */
export class ClientIds {
  readonly #live = new Set<string>();

  /** Claims the id. Resolves to false when another connection keeps it. */
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
