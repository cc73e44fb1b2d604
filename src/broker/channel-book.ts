import type { Clock } from "./clock.js";
import type { ChannelActivity, Traffic } from "./service.js";
import { noTraffic } from "./service.js";

interface Page {
  lastActivity: bigint;
  readonly incoming: Traffic;
  readonly outgoing: Traffic;
  created: boolean;
}

// A program that makes up a channel for every message must not fill the memory with their names.
const mostPages = 10_000;

/** What has happened on the channels of a pattern that keeps no messages. */
export class ChannelBook {
  readonly #clock: Clock;
  readonly #isActive: (name: string) => boolean;
  readonly #pages = new Map<string, Page>();

  constructor(clock: Clock, isActive: (name: string) => boolean) {
    this.#clock = clock;
    this.#isActive = isActive;
  }

  /** A message of so many bytes came in. */
  received(name: string, bytes: number): void {
    const page = this.#touch(name);
    page.incoming.messages++;
    page.incoming.volume += bytes;
  }

  /** A message of so many bytes went out to so many subscribers. */
  delivered(name: string, bytes: number, copies: number): void {
    const page = this.#touch(name);
    page.outgoing.messages += copies;
    page.outgoing.volume += bytes * copies;
  }

  /** A request was answered. */
  answered(name: string): void {
    const page = this.#touch(name);
    page.incoming.responses++;
    page.outgoing.responses++;
  }

  /** Somebody subscribed. */
  seen(name: string): void {
    this.#touch(name);
  }

  create(name: string): void {
    this.#touch(name).created = true;
  }

  delete(name: string): void {
    this.#pages.delete(name);
  }

  *list(): Iterable<ChannelActivity> {
    for (const [name, { lastActivity, incoming, outgoing }] of this.#pages) {
      yield { name, lastActivity, incoming, outgoing, isActive: this.#isActive(name) };
    }
  }

  #touch(name: string): Page {
    let page = this.#pages.get(name);
    if (page === undefined) {
      if (this.#pages.size >= mostPages) this.#evict();
      page = { lastActivity: 0n, incoming: noTraffic(), outgoing: noTraffic(), created: false };
      this.#pages.set(name, page);
    }
    page.lastActivity = this.#clock.now();
    return page;
  }

  // The oldest names that nobody asked to keep: in the order in which they came, which a map keeps.
  #evict(): void {
    for (const [name, page] of this.#pages) {
      if (page.created || this.#isActive(name)) continue;
      this.#pages.delete(name);
      return;
    }
  }
}
