import type { Clock } from "../support/time/clock.js";
import { TurnClock } from "../support/time/turn-clock.js";

/**
 * Milliseconds after which a confirmed event is readable, or never will be. The store of a server
 * lags by a few thousand events at most.
 */
const SETTLED_AFTER_MS = 10_000;

/** Number of channels above which expired entries are removed. */
const PRUNE_ABOVE = 256;

/** The last event that a writer has published on a channel. */
interface LastWrite {
  readonly channel: string;
  id: string;
  atMs: number;
  isListed: boolean;
}

/** Publishes events in order. The last event on a channel is therefore stored after all others. */
export interface Writer {
  /** The server has confirmed an event. */
  wrote(channel: string, id: string): void;
}

/**
 * Events that this client has published recently. A server confirms a stored event when it hands
 * the event to its store. The event becomes readable some milliseconds later, on a busy server some
 * seconds later. A replay that must contain such an event waits for it.
 */
export class OwnWrites {
  readonly #turn: TurnClock;
  readonly #byChannel = new Map<string, Set<LastWrite>>();
  #pruneAt = PRUNE_ABOVE;

  constructor(clock: Clock) {
    this.#turn = new TurnClock(() => clock.now());
  }

  writer(): Writer {
    const own = new Map<string, LastWrite>();
    let last: LastWrite | undefined;
    return {
      wrote: (channel, id) => {
        if (last?.channel !== channel) {
          last = own.get(channel) ?? { channel, id, atMs: 0, isListed: false };
          own.set(channel, last);
        }
        last.id = id;
        last.atMs = this.#turn.now();
        if (!last.isListed) this.#list(last, own);
      },
    };
  }

  /**
   * Ids of events that may not be readable yet: one for each writer with a recent event on the
   * channel.
   */
  unread(channel: string): Set<string> {
    const since = this.#turn.now() - SETTLED_AFTER_MS;
    const ids = new Set<string>();
    for (const { id, atMs } of this.#byChannel.get(channel) ?? []) if (atMs >= since) ids.add(id);
    return ids;
  }

  /** Forgets an event that was read, or that a replay waited for in vain. */
  forget(channel: string, id: string): void {
    const writes = this.#byChannel.get(channel);
    for (const write of writes ?? []) if (write.id === id) this.#unlist(write);
  }

  #list(write: LastWrite, own: Map<string, LastWrite>): void {
    write.isListed = true;
    const writes = this.#byChannel.get(write.channel);
    if (writes !== undefined) writes.add(write);
    else this.#byChannel.set(write.channel, new Set([write]));
    if (this.#byChannel.size > this.#pruneAt) this.#prune();
    if (own.size > PRUNE_ABOVE) for (const [channel, { isListed }] of own) if (!isListed) own.delete(channel);
  }

  #unlist(write: LastWrite): void {
    write.isListed = false;
    const writes = this.#byChannel.get(write.channel);
    writes?.delete(write);
    if (writes?.size === 0) this.#byChannel.delete(write.channel);
  }

  #prune(): void {
    const since = this.#turn.now() - SETTLED_AFTER_MS;
    for (const writes of this.#byChannel.values()) {
      for (const write of writes) if (write.atMs < since) this.#unlist(write);
    }
    this.#pruneAt = Math.max(PRUNE_ABOVE, 2 * this.#byChannel.size);
  }
}
