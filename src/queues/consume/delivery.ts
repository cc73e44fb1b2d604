import type { Codec } from "../../api/codec.js";
import type { Delivery, DeliveryBatch } from "../../api/queue-message.js";
import { checkQueueChannel, refuse } from "../../support/checks.js";
import { ReceivedQueueMessage } from "../received-message.js";
import { alreadySettled } from "../settle-fault.js";
import type { WireQueueMessage } from "../wire.js";
import type { Hold } from "./hold.js";
import type { Lane } from "./lane.js";
import type { SettleKind } from "./wire.js";

/** A message of a transaction that is open on a lane. */
export class OpenDelivery<T> extends ReceivedQueueMessage<T> implements Delivery<T> {
  readonly #lane: Lane;
  readonly #hold: Hold;

  constructor(wire: WireQueueMessage, codec: Codec<T> | undefined, lane: Lane, transaction: string) {
    super(wire, codec);
    this.#lane = lane;
    this.#hold = lane.hold(wire, transaction);
  }

  get settled(): boolean {
    return !this.#hold.isOpen;
  }

  ack(): Promise<void> {
    return this.#lane.settle(this.#hold, "ack");
  }

  reject(): Promise<void> {
    return this.#lane.settle(this.#hold, "reject");
  }

  async requeue(channel: string): Promise<void> {
    checkQueueChannel(this.#lane.subject.operation, channel);
    return this.#lane.settle(this.#hold, "requeue", channel);
  }

  /** The loop will not get it. */
  static release(delivery: OpenDelivery<unknown>): void {
    delivery.#lane.release(delivery.#hold);
  }

  static settle(delivery: OpenDelivery<unknown>, kind: SettleKind, channel?: string): Promise<void> {
    return delivery.#lane.settle(delivery.#hold, kind, channel);
  }
}

/** The messages of one poll: one transaction. */
export class OpenBatch<T> implements DeliveryBatch<T> {
  readonly messages: readonly OpenDelivery<T>[];
  readonly #lane: Lane;
  readonly #transaction: string;
  readonly #bySequence = new Map<bigint, OpenDelivery<T>>();

  constructor(messages: readonly OpenDelivery<T>[], lane: Lane, transaction: string) {
    this.messages = messages;
    this.#lane = lane;
    this.#transaction = transaction;
    for (const message of messages) this.#bySequence.set(message.sequence, message);
  }

  [Symbol.iterator](): Iterator<OpenDelivery<T>> {
    return this.messages[Symbol.iterator]();
  }

  async ackAll(): Promise<void> {
    return this.#settle(this.#rest(), "ack");
  }

  async rejectAll(): Promise<void> {
    return this.#settle(this.#rest(), "reject");
  }

  async requeueAll(channel: string): Promise<void> {
    this.#checkChannel(channel);
    return this.#settle(this.#rest(), "requeue", channel);
  }

  async ack(sequences: readonly bigint[]): Promise<void> {
    return this.#settle(this.#chosen(sequences), "ack");
  }

  async reject(sequences: readonly bigint[]): Promise<void> {
    return this.#settle(this.#chosen(sequences), "reject");
  }

  async requeue(channel: string, sequences: readonly bigint[]): Promise<void> {
    this.#checkChannel(channel);
    return this.#settle(this.#chosen(sequences), "requeue", channel);
  }

  async unsettled(): Promise<bigint[]> {
    const told = await this.#lane.openSequences(this.#transaction);
    const open = told ?? (this.#lane.hasEnded ? [] : this.#open().map(({ sequence }) => sequence));
    return [...open].sort((a, b) => (a < b ? -1 : 1));
  }

  #checkChannel(channel: string): void {
    checkQueueChannel(this.#lane.subject.operation, channel);
  }

  #open(): OpenDelivery<T>[] {
    return this.messages.filter(({ settled }) => !settled);
  }

  #rest(): OpenDelivery<T>[] {
    const open = this.#open();
    const [first] = this.messages;
    if (open.length === 0 && first !== undefined) throw alreadySettled(this.#lane.subject, first.sequence);
    return open;
  }

  #chosen(sequences: readonly bigint[]): OpenDelivery<T>[] {
    const { subject } = this.#lane;
    return sequences.map((sequence) => {
      const delivery = this.#bySequence.get(sequence);
      if (delivery === undefined) throw refuse(subject, `no message of this batch has sequence ${sequence}`);
      // Before anything is sent, so that a batch is settled as asked for or not at all.
      if (delivery.settled) throw alreadySettled(subject, sequence);
      return delivery;
    });
  }

  async #settle(deliveries: readonly OpenDelivery<T>[], kind: SettleKind, channel?: string): Promise<void> {
    const outcomes = await Promise.allSettled(
      deliveries.map((delivery) => OpenDelivery.settle(delivery, kind, channel)),
    );
    for (const outcome of outcomes) if (outcome.status === "rejected") throw outcome.reason;
  }
}
