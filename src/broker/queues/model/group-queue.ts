import type { Clock } from "../../clock.js";
import { type Member, isFull, newMember } from "./member.js";
import type { Content, History, Message } from "./message.js";
import type { Queue, QueueStats } from "./queue.js";
import { type Consumer, type Seat, newSeat } from "./roster.js";
import { type QueueLimits, Shelf } from "./shelf.js";

/**
 * Milliseconds that a message returned by one member rests with another before it is sent again.
 */
const restMs = 100;

/** See `groupDelayMs` and `groupDelayShare` of the profile. */
export interface JoinDelay {
  readonly ms: number;
  readonly share: number;
  readonly random: () => number;
}

const noDelay: JoinDelay = { ms: 0, share: 0, random: () => 0 };

/**
 * A queue as the open-source server keeps it: a durable queue group of NATS Streaming, which each
 * poll joins and leaves.
 *
 * A poll remains a member of the group until its messages are settled, long after its answer.
 * During that time the server delivers messages to it, up to the number it asked for, and they are
 * trapped. An acknowledgement makes room for the next message before the member is gone, so nearly
 * every settlement traps one for a moment. Messages that a member leaves behind pass to the other
 * members in turn, rest there, and are then forced onto the member with the fewest messages,
 * whatever number it asked for; if that member no longer listens, they are trapped again. This is
 * why overlapping polls lose the order, why a slow message delays others, and why short polls of
 * several consumers pass messages to and fro. The last member leaves its messages to the next one
 * that joins, which receives them first and in order.
 */
export class GroupQueue implements Queue {
  readonly name: string;
  readonly #shelf: Shelf;
  /** In the order in which the server searches for the member with the fewest messages. */
  readonly #members: Member[] = [];
  readonly #seats = new WeakMap<Seat, Member>();
  readonly #holders = new Map<Message, Member>();
  readonly #clock: Clock;
  readonly #delay: JoinDelay;
  #consumed = false;
  #serving = false;

  constructor(name: string, clock: Clock, limits: QueueLimits, delay = noDelay) {
    this.name = name;
    this.#clock = clock;
    this.#delay = delay;
    this.#shelf = new Shelf(clock, limits);
  }

  get consumers(): number {
    return this.#members.length;
  }

  push(content: Content, history: History): Message {
    const message = this.#shelf.push(content, history);
    this.#serve();
    return message;
  }

  join(consumer: Consumer): Seat {
    const member = newMember(consumer);
    const seat = newSeat(consumer);
    this.#seats.set(seat, member);
    this.#consumed = true;
    this.#members.push(member);
    // The first member inherits all messages that the last one left behind, whatever number it asks
    // for.
    if (this.#members.length === 1) this.#inherit(member);
    else if (this.#delay.ms > 0 && this.#delay.random() < this.#delay.share) this.#startLater(member);
    this.#serve();
    return seat;
  }

  leave(seat: Seat): void {
    const member = this.#seats.get(seat);
    if (member === undefined) return;
    member.left = true;
    this.#removeIfDone(member);
  }

  /** Does nothing: a consumer is a member as long as it holds messages. */
  hold(): void {}

  letGo(): void {}

  ack(message: Message): boolean {
    const member = this.#holders.get(message);
    // A second acknowledgement of a message changes nothing.
    if (member === undefined || member.stranded) return false;
    this.#detach(message, member);
    this.#shelf.settle(message);
    this.#makeRoom(member);
    this.#removeIfDone(member);
    return true;
  }

  knows(message: Message): boolean {
    return this.#shelf.knows(message);
  }

  expire(message: Message): void {
    if (this.ack(message)) this.#shelf.countExpired();
  }

  release(messages: Iterable<Message>): void {
    const members = new Set<Member>();
    for (const message of messages) {
      const member = this.#holders.get(message);
      if (member !== undefined) members.add(member);
    }
    for (const member of members) this.#remove(member);
  }

  restart(): void {
    for (const member of this.#members) {
      if (member.consumer.survivesRestarts !== true) continue;
      member.stranded = true;
      member.left = true;
    }
  }

  clear(): void {
    this.#shelf.clear();
    this.#holders.clear();
    for (const member of this.#members.slice()) {
      member.stranded = false;
      member.pending.clear();
      member.taken.clear();
      member.resting.clear();
      member.stalled = false;
      this.#removeIfDone(member);
    }
  }

  /** The server keeps the last member that has left, and counts it. */
  stats(): QueueStats {
    const consumers = this.#consumed ? Math.max(1, this.#members.length) : 0;
    return { ...this.#shelf.stats(), consumers, consumed: this.#consumed };
  }

  /** Hands out messages while there are any and the member whose turn it is has room. */
  #serve(): void {
    // A consumer may acknowledge while it is handed a message; the running loop then serves it.
    if (this.#serving) return;
    this.#serving = true;
    this.#shelf.dropAged();
    while (this.#members.some(({ stalled }) => !stalled)) {
      const member = this.#choose();
      // A member that has only joined has the fewest messages, and the server waits for it.
      if (member?.started !== true) break;
      // The server stops here, even if another member has room.
      if (isFull(member)) {
        member.stalled = true;
        break;
      }
      const message = this.#shelf.next();
      if (message === undefined) break;
      this.#give(message, member);
      if (isFull(member)) member.stalled = true;
    }
    this.#shelf.trim();
    this.#serving = false;
  }

  /**
   * The member with the fewest messages that is not stalled, or else the first. The first moves to
   * the end when chosen.
   */
  #choose(): Member | undefined {
    const members = this.#members;
    let chosen: Member | undefined;
    for (const member of members) {
      if (!member.stalled && member.pending.size < (chosen?.pending.size ?? Infinity)) chosen = member;
    }
    const [first] = members;
    chosen ??= first;
    if (chosen !== undefined && chosen === first) members.push(...members.splice(0, 1));
    return chosen;
  }

  #startLater(member: Member): void {
    member.started = false;
    member.cancelStart = this.#clock.setTimer(this.#delay.ms, () => {
      member.started = true;
      this.#serve();
    });
  }

  #give(message: Message, member: Member): void {
    // A message sent twice to one member is still one message.
    if (member.pending.has(message.sequence)) return;
    const { consumer } = member;
    const listens = !member.left && consumer.wants();
    if (!this.#shelf.hold(message, consumer)) {
      if (listens) consumer.skip(message);
      return;
    }
    this.#holders.set(message, member);
    member.pending.set(message.sequence, message);
    if (!listens) return;
    member.taken.add(message);
    consumer.take(message);
  }

  #detach(message: Message, member: Member): void {
    this.#holders.delete(message);
    member.pending.delete(message.sequence);
    member.taken.delete(message);
    member.resting.delete(message);
  }

  #makeRoom(member: Member): void {
    if (!member.stalled || isFull(member)) return;
    member.stalled = false;
    this.#serve();
  }

  #removeIfDone(member: Member): void {
    if (member.taken.size > 0) return;
    const { consumer, left } = member;
    if (left || (!consumer.wants() && consumer.lingers?.() !== true)) this.#remove(member);
  }

  #remove(member: Member): void {
    const at = this.#members.indexOf(member);
    if (at < 0 || member.stranded) return;
    this.#members.splice(at, 1);
    member.left = true;
    member.cancelRest();
    member.cancelStart();
    const orphans = [...member.pending.values()].sort((a, b) => a.sequence - b.sequence);
    for (const message of orphans) this.#detach(message, member);
    if (this.#members.length === 0) for (const message of orphans) this.#shelf.putBack(message);
    else this.#passOn(orphans);
  }

  /** One message each to the members in turn, not visible to their consumers yet. */
  #passOn(orphans: readonly Message[]): void {
    const heirs = this.#members.slice(0, orphans.length);
    orphans.forEach((message, number) => {
      const heir = heirs[number % heirs.length];
      if (heir === undefined) return;
      if (heir.pending.has(message.sequence)) {
        this.#shelf.settle(message);
        return;
      }
      this.#holders.set(message, heir);
      heir.pending.set(message.sequence, message);
      heir.resting.add(message);
    });
    for (const heir of heirs) {
      heir.cancelRest();
      heir.cancelRest = this.#clock.setTimer(restMs, () => this.#sendRestedLater(heir));
    }
  }

  /**
   * The server copies the list of the messages before it sends the first one. A message that its
   * heir passes on meanwhile is sent nevertheless, and two members have it.
   */
  #sendRestedLater(heir: Member): void {
    const rested = [...heir.resting].sort((a, b) => a.sequence - b.sequence);
    if (this.#delay.ms === 0) this.#sendRested(heir, rested);
    else this.#clock.setTimer(this.#delay.ms, () => this.#sendRested(heir, rested));
  }

  #sendRested(heir: Member, rested: readonly Message[]): void {
    for (const message of rested) {
      if (!this.#shelf.knows(message)) continue;
      const chosen = this.#choose();
      if (chosen === undefined) break;
      const holder = heir.resting.has(message) ? heir : chosen;
      if (!holder.resting.has(message)) {
        this.#give({ ...message }, chosen);
        continue;
      }
      this.#detach(message, holder);
      if (this.#shelf.settle(message)) this.#give(message, chosen);
      if (chosen !== holder) this.#makeRoom(holder);
    }
  }

  #inherit(member: Member): void {
    // A consumer that acknowledges each message immediately can leave before the last one.
    while (this.#members.includes(member)) {
      const next = this.#shelf.nextReturned();
      if (next === undefined) break;
      this.#give(next, member);
    }
  }
}
