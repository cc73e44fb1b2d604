import type { Clock } from "../clock.js";
import type { ChannelActivity, Traffic } from "../service.js";
import { noTraffic } from "../service.js";

interface Page {
  lastActivity: bigint;
  readonly incoming: Traffic;
  readonly outgoing: Traffic;
}

// Maximum number of channels that are remembered because they were used. A program that uses a new
// channel for every message must not exhaust the memory; beyond the limit, the oldest is forgotten.
const mostSeen = 10_000;

/** Records the activity on the channels of a pattern. */
export class ChannelBook {
  readonly #clock: Clock;
  readonly #created = new Map<string, Page>();
  /** Channels that were used but never created. */
  readonly #seen = new Map<string, Page>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Records a message of this size from a publisher. */
  received(name: string, bytes: number): void {
    const { incoming } = this.#touch(name);
    incoming.messages++;
    incoming.volume += bytes;
  }

  /** Records a message of this size that was sent to this many subscribers. */
  delivered(name: string, bytes: number, copies: number): void {
    const { outgoing } = this.#touch(name);
    outgoing.messages += copies;
    outgoing.volume += bytes * copies;
  }

  /** Records the answer to a request. */
  answered(name: string): void {
    const { incoming, outgoing } = this.#touch(name);
    incoming.responses++;
    outgoing.responses++;
  }

  /** Records a subscription. */
  seen(name: string): void {
    this.#touch(name);
  }

  create(name: string): void {
    const page = this.#touch(name);
    this.#seen.delete(name);
    this.#created.set(name, page);
  }

  delete(name: string): void {
    this.#seen.delete(name);
    this.#created.delete(name);
  }

  /** @param consumersOf - the number of consumers that a channel has now */
  *list(consumersOf: (name: string) => number): Iterable<ChannelActivity> {
    for (const pages of [this.#created, this.#seen]) {
      for (const [name, page] of pages) {
        const consumers = consumersOf(name);
        yield { name, ...page, depth: 0, consumers, isActive: consumers > 0 };
      }
    }
  }

  #touch(name: string): Page {
    const page = this.#created.get(name) ?? this.#seen.get(name) ?? this.#add(name);
    page.lastActivity = this.#clock.now();
    return page;
  }

  #add(name: string): Page {
    if (this.#seen.size >= mostSeen) {
      const [oldest] = this.#seen.keys();
      if (oldest !== undefined) this.#seen.delete(oldest);
    }
    const page = { lastActivity: 0n, incoming: noTraffic(), outgoing: noTraffic() };
    this.#seen.set(name, page);
    return page;
  }
}
