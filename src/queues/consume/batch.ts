import type { DeliveryBatch } from "../../api/queues/message.js";
import { checkQueueChannel, refuse } from "../../support/checks.js";
import { valueKind } from "../../support/names/known.js";
import { type CallHook, type Hooked, setCallHook } from "../../support/message/call-hook.js";
import type { SettleKind } from "../delivery.js";
import { alreadySettled } from "../settle-fault.js";
import { OpenDelivery } from "./delivery.js";
import type { Settlements } from "../transactions/settlements.js";

/** The messages of one poll. */
export class OpenBatch<T> implements DeliveryBatch<T>, Hooked {
  readonly messages: readonly OpenDelivery<T>[];
  readonly #settlements: Settlements;
  #hook: CallHook | undefined;
  readonly #bySequence = new Map<bigint, OpenDelivery<T>>();

  constructor(messages: readonly OpenDelivery<T>[], settlements: Settlements) {
    this.messages = messages;
    this.#settlements = settlements;
    for (const message of messages) this.#bySequence.set(message.sequence, message);
  }

  [Symbol.iterator](): Iterator<OpenDelivery<T>> {
    return this.messages[Symbol.iterator]();
  }

  ackAll(): Promise<void> {
    return this.#observed("ack", undefined, () => this.#settle(this.#rest(), "ack"));
  }

  rejectAll(): Promise<void> {
    return this.#observed("reject", undefined, () => this.#settle(this.#rest(), "reject"));
  }

  requeueAll(channel: string): Promise<void> {
    return this.#observed("requeue", undefined, () => {
      this.#checkChannel(channel);
      return this.#settle(this.#rest(), "requeue", channel);
    });
  }

  ack(sequences: readonly bigint[]): Promise<void> {
    return this.#observed("ack", sequences, () => this.#settle(this.#chosen(sequences), "ack"));
  }

  reject(sequences: readonly bigint[]): Promise<void> {
    return this.#observed("reject", sequences, () => this.#settle(this.#chosen(sequences), "reject"));
  }

  requeue(channel: string, sequences: readonly bigint[]): Promise<void> {
    return this.#observed("requeue", sequences, () => {
      this.#checkChannel(channel);
      return this.#settle(this.#chosen(sequences), "requeue", channel);
    });
  }

  [setCallHook](hook: CallHook): void {
    this.#hook = hook;
  }

  async unsettled(): Promise<bigint[]> {
    const open = this.#open();
    const [first] = open;
    if (first === undefined) return [];
    const told = await this.#settlements.openSequences(OpenDelivery.heldOf(first).transaction);
    const own = told?.filter((sequence) => this.#bySequence.has(sequence));
    const left = own ?? (this.#settlements.hasEnded ? [] : this.#open().map(({ sequence }) => sequence));
    return [...left].sort((a, b) => (a < b ? -1 : 1));
  }

  /** `async`, so that an error thrown by `call` rejects the promise. */
  async #observed(name: string, sequences: readonly bigint[] | undefined, call: () => Promise<void>): Promise<void> {
    if (this.#hook === undefined) return call();
    const messages = () =>
      Array.isArray(sequences) ? this.messages.filter(({ sequence }) => sequences.includes(sequence)) : this.#open();
    return this.#hook(name, async () => call(), messages);
  }

  #checkChannel(channel: string): void {
    checkQueueChannel(this.#settlements.subject.operation, channel);
  }

  #open(): OpenDelivery<T>[] {
    return this.messages.filter(({ settled }) => !settled);
  }

  #rest(): OpenDelivery<T>[] {
    const open = this.#open();
    const [first] = this.messages;
    if (open.length === 0 && first !== undefined) throw alreadySettled(this.#settlements.subject, first.sequence);
    return open;
  }

  #chosen(sequences: readonly bigint[]): OpenDelivery<T>[] {
    const { subject } = this.#settlements;
    if (!Array.isArray(sequences)) throw refuse(subject, `sequences must be an array, got ${valueKind(sequences)}`);
    // A call settles each message once, however often it names it.
    return [...new Set(sequences)].map((sequence) => {
      const delivery = this.#bySequence.get(sequence);
      if (delivery === undefined) throw refuse(subject, `no message of this batch has sequence ${sequence}`);
      // Checked before anything is sent, so that the whole batch is settled or none of it.
      if (delivery.settled) throw alreadySettled(subject, sequence);
      return delivery;
    });
  }

  async #settle(deliveries: readonly OpenDelivery<T>[], kind: SettleKind, channel?: string): Promise<void> {
    const outcomes = await Promise.allSettled(
      deliveries.map((delivery) => OpenDelivery.heldOf(delivery).settle(kind, channel)),
    );
    for (const outcome of outcomes) if (outcome.status === "rejected") throw outcome.reason;
  }
}
