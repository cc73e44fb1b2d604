import type { Cancel, Clock } from "./clock.js";

interface Entry<Res> {
  readonly response: Res;
  readonly expiry: Cancel;
}

// Beyond it the oldest answer makes room.
const mostEntries = 10_000;

/** Answers to queries, by channel and key, for as long as the query that stored them said. */
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

// No channel contains a blank.
const nameOf = (channel: string, key: string) => `${channel} ${key}`;
