import type { Decoder } from "../../api/codec.js";
import type { LeasedDelivery, OutgoingQueueMessage } from "../../api/queues/message.js";
import { checkInteger } from "../../support/checks.js";
import { LIMITS } from "../checks.js";
import { HeldDelivery } from "../delivery.js";
import type { WireQueueMessage } from "../wire.js";
import type { Lease, LeaseOwner } from "./lease.js";

/** A message that is held by a lease. */
export class LeasedMessage<T> extends HeldDelivery<T> implements LeasedDelivery<T> {
  readonly #lease: Lease;
  readonly #owner: LeaseOwner;

  constructor(wire: WireQueueMessage, codec: Decoder<T> | undefined, lease: Lease, owner: LeaseOwner) {
    super(wire, codec, lease);
    this.#lease = lease;
    this.#owner = owner;
  }

  get leasedUntil(): Date {
    return this.#lease.leasedUntil;
  }

  get signal(): AbortSignal {
    return this.#lease.signal;
  }

  replace<R>(message: OutgoingQueueMessage<R>): Promise<void> {
    return this.observed("replace", async (carry) => {
      const tags = carry?.(message?.tags);
      const prepared = this.#owner.prepare(tags === undefined ? message : { ...message, tags });
      return this.#lease.replace(prepared);
    });
  }

  async extendVisibility(seconds: number): Promise<Date> {
    checkInteger(this.#owner.subject, "seconds", seconds, 1, LIMITS.timedSeconds);
    return this.#lease.extend(seconds);
  }

  static leaseOf(message: LeasedMessage<unknown>): Lease {
    return message.#lease;
  }

  protected override get shownType(): string {
    return "LeasedDelivery";
  }

  protected override shownProperties(): Record<string, unknown> {
    return { ...super.shownProperties(), leasedUntil: this.leasedUntil };
  }
}
