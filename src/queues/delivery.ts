import type { Decoder } from "../api/codec.js";
import type { Delivery } from "../api/queues/message.js";
import { checkQueueChannel, type Subject } from "../support/checks.js";
import { ReceivedQueueMessage } from "./received-message.js";
import type { WireQueueMessage } from "./wire.js";

/** How a message is settled. */
export type SettleKind = "ack" | "reject" | "requeue";

/** Settles one message that the server holds, either in a poll's transaction or under a lease. */
export interface SettleHandle {
  readonly subject: Subject;
  readonly isSettled: boolean;
  settle(kind: SettleKind, channel?: string): Promise<void>;
}

/** A message that the server holds until it is settled. */
export class HeldDelivery<T> extends ReceivedQueueMessage<T> implements Delivery<T> {
  readonly #handle: SettleHandle;

  constructor(wire: WireQueueMessage, codec: Decoder<T> | undefined, handle: SettleHandle) {
    super(wire, codec);
    this.#handle = handle;
  }

  get settled(): boolean {
    return this.#handle.isSettled;
  }

  ack(): Promise<void> {
    return this.#handle.settle("ack");
  }

  reject(): Promise<void> {
    return this.#handle.settle("reject");
  }

  async requeue(channel: string): Promise<void> {
    checkQueueChannel(this.#handle.subject.operation, channel);
    return this.#handle.settle("requeue", channel);
  }
}
