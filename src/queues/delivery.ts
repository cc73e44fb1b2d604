import type { Decoder } from "../api/codec.js";
import type { Delivery } from "../api/queues/message.js";
import { checkQueueChannel, type Subject } from "../support/checks.js";
import { type CallHook, type Carry, type Hooked, setCallHook } from "../support/message/call-hook.js";
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
export class HeldDelivery<T> extends ReceivedQueueMessage<T> implements Delivery<T>, Hooked {
  readonly #handle: SettleHandle;
  #hook: CallHook | undefined;

  constructor(wire: WireQueueMessage, codec: Decoder<T> | undefined, handle: SettleHandle) {
    super(wire, codec);
    this.#handle = handle;
  }

  get settled(): boolean {
    return this.#handle.isSettled;
  }

  ack(): Promise<void> {
    return this.observed("ack", () => this.#handle.settle("ack"));
  }

  reject(): Promise<void> {
    return this.observed("reject", () => this.#handle.settle("reject"));
  }

  requeue(channel: string): Promise<void> {
    return this.observed("requeue", async () => {
      checkQueueChannel(this.#handle.subject.operation, channel);
      return this.#handle.settle("requeue", channel);
    });
  }

  [setCallHook](hook: CallHook): void {
    this.#hook = hook;
  }

  protected observed(name: string, call: (carry?: Carry) => Promise<void>): Promise<void> {
    return this.#hook === undefined ? call() : this.#hook(name, call);
  }

  protected override get shownType(): string {
    return "Delivery";
  }

  protected override shownProperties(): Record<string, unknown> {
    return { ...super.shownProperties(), settled: this.settled };
  }
}
