import type { Clock } from "../clock.js";
import type { Content, History, Message } from "./message.js";
import type { Queue, QueueStats } from "./queue.js";
import { type Consumer, type Seat, newSeat } from "./roster.js";
import { type QueueLimits, Shelf } from "./shelf.js";

/** A consumer of the group, until it has left and its messages are settled or given back. */
interface Member {
  readonly consumer: Consumer;
  /** Messages that the server counts as delivered to it and not acknowledged. */
  readonly pending: Set<Message>;
  /** Those of them that the consumer took. The others are trapped: nobody sees them until the member is gone. */
  readonly taken: Set<Message>;
  left: boolean;
}

/**
 * A queue as the open-source server keeps it: a durable queue group of NATS Streaming that each poll joins and leaves.
 *
 * A poll is a member of the group until the messages it took are settled, long after its answer. Up to the number it asked for,
 * the server delivers messages to it all that time, and they are trapped. An acknowledgement makes room for the next message
 * before the member is gone, so nearly every settlement traps one for a moment. What a member leaves behind is forced onto the
 * member with the fewest messages, however many that one asked for; if it no longer listens, the messages are trapped again.
 * That is how messages lose their order when polls overlap, and how a slow message delays others.
 */
export class GroupQueue implements Queue {
  readonly name: string;
  readonly #shelf: Shelf;
  /** In the order in which the server looks for the one with the fewest messages. */
  readonly #members: Member[] = [];
  readonly #seats = new WeakMap<Seat, Member>();
  readonly #holders = new Map<Message, Member>();
  #consumed = false;
  #serving = false;

  constructor(name: string, clock: Clock, limits: QueueLimits) {
    this.name = name;
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
    const member: Member = { consumer, pending: new Set(), taken: new Set(), left: false };
    const seat = newSeat(consumer);
    this.#seats.set(seat, member);
    this.#consumed = true;
    this.#members.push(member);
    // The first member inherits all that the last one left behind, whatever it asks for.
    if (this.#members.length === 1) this.#inherit(member);
    this.#serve();
    return seat;
  }

  leave(seat: Seat): void {
    const member = this.#seats.get(seat);
    if (member === undefined) return;
    member.left = true;
    this.#removeIfDone(member);
  }

  ack(message: Message): boolean {
    const member = this.#holders.get(message);
    this.#holders.delete(message);
    member?.pending.delete(message);
    member?.taken.delete(message);
    if (!this.#shelf.settle(message)) return false;
    this.#serve();
    if (member !== undefined) this.#removeIfDone(member);
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

  clear(): void {
    this.#shelf.clear();
    this.#holders.clear();
    for (const member of this.#members.slice()) {
      member.pending.clear();
      member.taken.clear();
      this.#removeIfDone(member);
    }
  }

  stats(): QueueStats {
    return { ...this.#shelf.stats(), consumers: this.#members.length, consumed: this.#consumed };
  }

  /** Hands out messages as long as there are any and a member has room. */
  #serve(): void {
    // A consumer that acknowledges what it is just being handed is served by the loop that hands it over.
    if (this.#serving) return;
    this.#serving = true;
    this.#shelf.dropAged();
    while (this.#members.some(hasRoom)) {
      const message = this.#shelf.next();
      if (message === undefined) break;
      this.#give(message, this.#choose());
    }
    this.#shelf.trim();
    this.#serving = false;
  }

  /** The member with room and the fewest messages; if none has room, the first. The first goes to the end when chosen. */
  #choose(): Member | undefined {
    const members = this.#members;
    let chosen: Member | undefined;
    for (const member of members) {
      if (hasRoom(member) && member.pending.size < (chosen?.pending.size ?? Infinity)) chosen = member;
    }
    const [first] = members;
    chosen ??= first;
    if (chosen !== undefined && chosen === first) members.push(...members.splice(0, 1));
    return chosen;
  }

  #give(message: Message, member: Member | undefined): void {
    if (member === undefined) return;
    const { consumer } = member;
    const listens = !member.left && consumer.wants();
    if (!this.#shelf.hold(message)) {
      if (listens) consumer.skip(message);
      return;
    }
    this.#holders.set(message, member);
    member.pending.add(message);
    if (!listens) return;
    member.taken.add(message);
    consumer.take(message);
  }

  #inherit(member: Member): void {
    for (let next = this.#shelf.nextReturned(); next !== undefined; next = this.#shelf.nextReturned()) {
      this.#give(next, member);
    }
  }

  #removeIfDone(member: Member): void {
    if (member.taken.size === 0 && (member.left || !member.consumer.wants())) this.#remove(member);
  }

  #remove(member: Member): void {
    const at = this.#members.indexOf(member);
    if (at < 0) return;
    this.#members.splice(at, 1);
    member.left = true;
    const orphans = [...member.pending].sort((a, b) => a.sequence - b.sequence);
    member.pending.clear();
    member.taken.clear();
    for (const message of orphans) {
      this.#holders.delete(message);
      this.#shelf.putBack(message);
    }
    if (this.#members.length === 0) return;
    for (let next = this.#shelf.nextReturned(); next !== undefined; next = this.#shelf.nextReturned()) {
      this.#give(next, this.#choose());
    }
    this.#serve();
  }
}

const hasRoom = ({ pending, consumer }: Member): boolean => pending.size < (consumer.limit ?? 1);
