import type { Codec } from "../../api/codec.js";
import type { LeasedDelivery, OutgoingQueueMessage } from "../../api/queue-message.js";
import { checkInteger, checkQueueChannel } from "../../support/checks.js";
import { LIMITS } from "../checks.js";
import { ReceivedQueueMessage } from "../received-message.js";
import type { WireQueueMessage } from "../wire.js";
import type { Lease, LeaseOwner } from "./lease.js";

/** A message that is held by a lease. */
export class LeasedMessage<T> extends ReceivedQueueMessage<T> implements LeasedDelivery<T> {
  readonly #lease: Lease;
  readonly #owner: LeaseOwner;

  constructor(wire: WireQueueMessage, codec: Codec<T> | undefined, lease: Lease, owner: LeaseOwner) {
    super(wire, codec);
    this.#lease = lease;
    this.#owner = owner;
  }

  get settled(): boolean {
    return this.#lease.settled;
  }

  get leasedUntil(): Date {
    return this.#lease.leasedUntil;
  }

  get signal(): AbortSignal {
    return this.#lease.signal;
  }

  ack(): Promise<void> {
    return this.#lease.settle({ kind: "ack", sequence: this.sequence });
  }

  reject(): Promise<void> {
    return this.#lease.settle({ kind: "reject", sequence: this.sequence });
  }

  async requeue(channel: string): Promise<void> {
    checkQueueChannel(this.#owner.subject.operation, channel);
    return this.#lease.settle({ kind: "requeue", sequence: this.sequence, channel });
  }

  async replace<R>(message: OutgoingQueueMessage<R>): Promise<void> {
    const prepared = this.#owner.prepare(message);
    return this.#lease.settle({ kind: "replace", sequence: this.sequence, message: prepared });
  }

  async extendVisibility(seconds: number): Promise<Date> {
    checkInteger(this.#owner.subject, "seconds", seconds, 1, LIMITS.seconds);
    return this.#lease.extend(this.sequence, seconds);
  }

  static leaseOf(message: LeasedMessage<unknown>): Lease {
    return message.#lease;
  }
}
