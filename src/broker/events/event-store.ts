import type { Clock } from "../clock.js";
import type { Logged, Retention, StartPosition } from "./event-log.js";
import { EventLog } from "./event-log.js";

/** A receiver of stored events. */
export interface StoreMember<T> {
  /**
   * Takes an event. Returns false when it is full; it then calls `StoreSubscription.resume` later.
   */
  accept(logged: Logged<T>): boolean;
}

/** A subscription to a channel. */
export interface StoreSubscription {
  /** The member has space again. */
  resume(): void;
  /** Counts the pending event as delivered without delivering it. */
  skip(): void;
  /** Removes the member; its position remains. */
  leave(): void;
}

/** Identifies a position on a channel. */
export interface Identity {
  readonly clientId: string;
  /** Empty when the position belongs to the client alone. */
  readonly group: string;
}

/** The position of an identity, and its present members. */
interface Durable<T> {
  next: number;
  readonly members: StoreMember<T>[];
  /** The member that receives the next event. */
  turn: number;
}

/** A summary of a stored channel. */
export interface StoreListing {
  readonly name: string;
  /** Number of retained events. */
  readonly events: number;
  /** Number of subscribers now. */
  readonly consumers: number;
  /** Undelivered events of the position that is furthest behind. */
  readonly waiting: number;
}

interface Channel<T> {
  readonly log: EventLog<T>;
  readonly durables: Map<string, Durable<T>>;
  /** The durables with members: a channel may have had many more. */
  readonly present: Set<Durable<T>>;
}

/**
 * Channels of stored events, and the position of each subscriber.
 *
 * Every subscription leaves a position behind, identified by client and channel, or by channel and
 * group. A returning subscriber continues there, whatever start it asks for.
 */
export class EventStore<T> {
  readonly #clock: Clock;
  readonly #retention: Retention;
  readonly #channels = new Map<string, Channel<T>>();

  constructor(clock: Clock, retention: Retention) {
    this.#clock = clock;
    this.#retention = retention;
  }

  append(name: string, event: T): Logged<T> {
    const channel = this.#channel(name);
    const logged = channel.log.append(event);
    for (const durable of channel.present) this.#pump(channel, durable);
    return logged;
  }

  subscribe(
    name: string,
    { clientId, group }: Identity,
    start: StartPosition,
    member: StoreMember<T>,
  ): StoreSubscription {
    const channel = this.#channel(name);
    const key = group === "" ? `client ${clientId}` : `group ${group}`;
    let durable = channel.durables.get(key);
    if (durable === undefined) {
      durable = { next: channel.log.startOf(start), members: [], turn: 0 };
      channel.durables.set(key, durable);
    }
    const joined = durable;
    joined.members.push(member);
    channel.present.add(joined);
    const pump = () => this.#pump(channel, joined);
    pump();
    return {
      resume: pump,
      skip() {
        joined.next = Math.min(Math.max(joined.next, channel.log.first) + 1, channel.log.last + 1);
        pump();
      },
      leave() {
        const at = joined.members.indexOf(member);
        if (at >= 0) joined.members.splice(at, 1);
        if (joined.members.length === 0) channel.present.delete(joined);
      },
    };
  }

  /** Removes a channel's events up to and including a sequence, or all of them. */
  purge(name: string, through: number): void {
    this.#channels.get(name)?.log.purge(through);
  }

  create(name: string): void {
    this.#channel(name);
  }

  /**
   * Removes a channel's events and positions; numbering restarts at 1. Subscribers stay subscribed.
   */
  delete(name: string): void {
    const channel = this.#channels.get(name);
    if (channel === undefined) return;
    channel.log.reset();
    if (channel.present.size === 0) this.#channels.delete(name);
    for (const [key, durable] of channel.durables) {
      if (durable.members.length === 0) channel.durables.delete(key);
      else durable.next = 1;
    }
  }

  /** Events kept and subscribers, by channel. */
  *list(): Iterable<StoreListing> {
    for (const [name, { log, durables, present }] of this.#channels) {
      let waiting = 0;
      for (const { next } of durables.values()) {
        waiting = Math.max(waiting, log.last + 1 - Math.max(next, log.first));
      }
      const consumers = [...present].reduce((sum, { members }) => sum + members.length, 0);
      yield { name, events: log.size, consumers, waiting };
    }
  }

  close(): void {
    for (const { log } of this.#channels.values()) log.close();
    this.#channels.clear();
  }

  #channel(name: string): Channel<T> {
    let channel = this.#channels.get(name);
    if (channel === undefined) {
      channel = {
        log: new EventLog(this.#clock, this.#retention),
        durables: new Map(),
        present: new Set(),
      };
      this.#channels.set(name, channel);
    }
    return channel;
  }

  // The position advances when an event is handed to a member, not when the client has received it.
  #pump({ log }: Channel<T>, durable: Durable<T>): void {
    const { members } = durable;
    while (members.length > 0 && durable.next <= log.last) {
      if (durable.next < log.first) durable.next = log.first;
      const logged = log.get(durable.next);
      if (logged === undefined || !offer(durable, logged)) return;
      durable.next = logged.sequence + 1;
    }
  }
}

/** Offers an event to the members in turn, until one has space for it. */
function offer<T>(durable: Durable<T>, logged: Logged<T>): boolean {
  const { members } = durable;
  for (let tried = 0; tried < members.length; tried++) {
    const member = members[durable.turn++ % members.length];
    if (member?.accept(logged) === true) return true;
  }
  return false;
}
