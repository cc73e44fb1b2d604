import type { Clock } from "./clock.js";
import type { ChannelActivity, Traffic } from "./service.js";
import { noTraffic } from "./service.js";

interface Page {
  lastActivity: bigint;
  readonly incoming: Traffic;
  readonly outgoing: Traffic;
}

// A program that makes up a channel for every message must not fill the memory with their names:
// beyond so many, the one that was seen first is forgotten.
const mostSeen = 10_000;

/** What has happened on the channels of a pattern. */
export class ChannelBook {
  readonly #clock: Clock;
  readonly #created = new Map<string, Page>();
  /** Channels that nobody created, but somebody used. */
  readonly #seen = new Map<string, Page>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** A message of so many bytes came in. */
  received(name: string, bytes: number): void {
    const { incoming } = this.#touch(name);
    incoming.messages++;
    incoming.volume += bytes;
  }

  /** A message of so many bytes went out to so many subscribers. */
  delivered(name: string, bytes: number, copies: number): void {
    const { outgoing } = this.#touch(name);
    outgoing.messages += copies;
    outgoing.volume += bytes * copies;
  }

  /** A request was answered. */
  answered(name: string): void {
    const { incoming, outgoing } = this.#touch(name);
    incoming.responses++;
    outgoing.responses++;
  }

  /** Somebody subscribed. */
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

  /** @param isActive - whether anyone consumes from a channel now */
  *list(isActive: (name: string) => boolean): Iterable<ChannelActivity> {
    for (const pages of [this.#created, this.#seen]) {
      for (const [name, page] of pages) yield { name, ...page, isActive: isActive(name) };
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
