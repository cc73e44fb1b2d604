import type { Codec } from "../codec.js";
import type { Delivery, DeliveryBatch } from "../queue-message.js";
import { checkStoredChannel, refuse } from "./check.js";
import type { Hold } from "./lane.js";
import { alreadySettled } from "./settle-fault.js";
import { ReceivedQueueMessage, type SettleKind, type WireQueueMessage } from "./wire-queues.js";

const OPERATION = "queues.consume";

/** A message of a transaction that is open on QueuesDownstream. */
export class OpenDelivery<T> extends ReceivedQueueMessage<T> implements Delivery<T> {
  readonly #hold: Hold;

  constructor(wire: WireQueueMessage, codec: Codec<T> | undefined, hold: Hold) {
    super(wire, codec);
    this.#hold = hold;
  }

  get settled(): boolean {
    return this.#hold.state !== "open";
  }

  ack(): Promise<void> {
    return this.#hold.settle("ack");
  }

  reject(): Promise<void> {
    return this.#hold.settle("reject");
  }

  async requeue(channel: string): Promise<void> {
    checkStoredChannel(OPERATION, channel);
    return this.#hold.settle("requeue", channel);
  }

  /** The loop will not get it. */
  static release(delivery: OpenDelivery<unknown>): void {
    delivery.#hold.lane.release(delivery.#hold);
  }

  static holdOf(delivery: OpenDelivery<unknown>): Hold {
    return delivery.#hold;
  }
}

/** The messages of one poll: one transaction. */
export class OpenBatch<T> implements DeliveryBatch<T> {
  readonly messages: readonly OpenDelivery<T>[];
  readonly #bySequence = new Map<bigint, OpenDelivery<T>>();

  constructor(messages: readonly OpenDelivery<T>[]) {
    this.messages = messages;
    for (const message of messages) this.#bySequence.set(message.sequence, message);
  }

  [Symbol.iterator](): Iterator<OpenDelivery<T>> {
    return this.messages[Symbol.iterator]();
  }

  ackAll(): Promise<void> {
    return this.#settle(this.#open(), "ack");
  }

  rejectAll(): Promise<void> {
    return this.#settle(this.#open(), "reject");
  }

  async requeueAll(channel: string): Promise<void> {
    checkStoredChannel(OPERATION, channel);
    return this.#settle(this.#open(), "requeue", channel);
  }

  async ack(sequences: readonly bigint[]): Promise<void> {
    return this.#settle(this.#chosen(sequences), "ack");
  }

  async reject(sequences: readonly bigint[]): Promise<void> {
    return this.#settle(this.#chosen(sequences), "reject");
  }

  async requeue(channel: string, sequences: readonly bigint[]): Promise<void> {
    checkStoredChannel(OPERATION, channel);
    return this.#settle(this.#chosen(sequences), "requeue", channel);
  }

  async unsettled(): Promise<bigint[]> {
    const [first] = this.messages;
    if (first === undefined) return [];
    const { lane, transaction } = OpenDelivery.holdOf(first);
    const told = await lane.openSequences(transaction);
    const open = told ?? (lane.hasEnded ? [] : this.#open().map(({ sequence }) => sequence));
    return [...open].sort((a, b) => (a < b ? -1 : 1));
  }

  #open(): OpenDelivery<T>[] {
    return this.messages.filter(({ settled }) => !settled);
  }

  #chosen(sequences: readonly bigint[]): OpenDelivery<T>[] {
    return sequences.map((sequence) => {
      const delivery = this.#bySequence.get(sequence);
      if (delivery === undefined)
        throw refuse({ operation: OPERATION }, `no message of this batch has sequence ${sequence}`);
      // Before anything is sent, so that a batch is settled as asked for or not at all.
      if (delivery.settled) throw alreadySettled(OpenDelivery.holdOf(delivery).lane.subject, sequence);
      return delivery;
    });
  }

  async #settle(deliveries: readonly OpenDelivery<T>[], kind: SettleKind, channel?: string): Promise<void> {
    const [first] = deliveries.length === 0 ? this.messages : [];
    if (first !== undefined) throw alreadySettled(OpenDelivery.holdOf(first).lane.subject, first.sequence);
    const outcomes = await Promise.allSettled(
      deliveries.map((delivery) => OpenDelivery.holdOf(delivery).settle(kind, channel)),
    );
    for (const outcome of outcomes) if (outcome.status === "rejected") throw outcome.reason;
  }
}
