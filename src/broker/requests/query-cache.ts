import type { Cancel, Clock } from "../clock.js";

interface Entry<Res> {
  readonly response: Res;
  readonly expiry: Cancel;
}

// Maximum number of answers; beyond it the oldest is removed.
const mostEntries = 10_000;

/** Cached answers to queries, by channel and key, for the duration given by the query. */
export class QueryCache<Res> {
  readonly #clock: Clock;
  readonly #entries = new Map<string, Entry<Res>>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get size(): number {
    return this.#entries.size;
  }

  get(channel: string, key: string): Res | undefined {
    return this.#entries.get(nameOf(channel, key))?.response;
  }

  set(channel: string, key: string, ttlSeconds: number, response: Res): void {
    const name = nameOf(channel, key);
    this.#delete(name);
    if (this.#entries.size >= mostEntries) {
      const [oldest] = this.#entries.keys();
      if (oldest !== undefined) this.#delete(oldest);
    }
    const expiry = this.#clock.setTimer(ttlSeconds * 1000, () => this.#delete(name));
    this.#entries.set(name, { response, expiry });
  }

  clear(): void {
    for (const name of this.#entries.keys()) this.#delete(name);
  }

  #delete(name: string): void {
    this.#entries.get(name)?.expiry();
    this.#entries.delete(name);
  }
}

// Unique, because no channel contains a blank.
const nameOf = (channel: string, key: string) => `${channel} ${key}`;
