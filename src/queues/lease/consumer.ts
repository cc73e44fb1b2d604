import type { Codec } from "../../api/codec.js";
import type { KubeMQError } from "../../api/errors.js";
import type { OutgoingQueueMessage } from "../../api/queue-message.js";
import type { Connection } from "../../connection/connection.js";
import type { Attempt, Leave, StreamPlan } from "../../stream/plan.js";
import { onAbort } from "../../support/abort.js";
import type { Subject } from "../../support/checks.js";
import type { BatchSource } from "../../transport/index.js";
import { Farewell } from "../farewell.js";
import { Handover } from "../handover.js";
import { settleAlone } from "../settle-alone.js";
import type { WireQueueMessage } from "../wire.js";
import { LeasedMessage } from "./delivery.js";
import { Lease, type LeaseOwner } from "./lease.js";

export interface Leasing<T> {
  readonly subject: Subject & { readonly channel: string };
  readonly codec: Codec<T> | undefined;
  readonly settle: "manual" | "on-next";
  readonly prefetch: number;
  readonly visibilitySeconds: number;
  readonly autoExtend: boolean;
  readonly patient: boolean;
  prepare(message: OutgoingQueueMessage): WireQueueMessage;
}

/** A consumer on StreamQueueMessage: one call a message, the next one opened as far as the prefetch allows. */
export class LeaseConsumer<T> implements StreamPlan<LeasedMessage<T>, LeasedMessage<T>>, LeaseOwner {
  readonly kind = "queues";
  readonly operation: string;
  readonly channel: string;
  readonly capacity: number;
  readonly connection: Connection;
  readonly subject: Subject;
  readonly visibilitySeconds: number;
  readonly autoExtend: boolean;
  readonly #leasing: Leasing<T>;
  readonly #farewell: Farewell;
  /** Calls whose message is held. They live on when an attempt ends: each has its own stream. */
  readonly #held = new Set<Lease>();
  #waiting: Lease | undefined;
  readonly #handover = new Handover<LeasedMessage<T>>();
  #left: Leave | undefined;

  constructor(connection: Connection, leasing: Leasing<T>) {
    this.connection = connection;
    this.#leasing = leasing;
    this.subject = leasing.subject;
    this.operation = leasing.subject.operation;
    this.channel = leasing.subject.channel;
    this.capacity = leasing.prefetch;
    this.visibilitySeconds = leasing.visibilitySeconds;
    this.autoExtend = leasing.autoExtend;
    this.#farewell = new Farewell(connection.clock, () => this.#hasParted());
  }

  open({ signal }: Attempt): BatchSource<LeasedMessage<T>> {
    this.#handover.reopen();
    onAbort(signal, () => {
      const waiting = this.#waiting;
      this.#waiting = undefined;
      waiting?.cancel();
      if (this.#left !== undefined) for (const lease of this.#held) lease.cancel();
    });
    this.#schedule();
    return this.#handover;
  }

  map(message: LeasedMessage<T>): LeasedMessage<T> {
    this.#handover.took();
    return message;
  }

  prepare(message: OutgoingQueueMessage): WireQueueMessage {
    return this.#leasing.prepare(message);
  }

  /** A lease can run out while its message waits for the loop. */
  isStale(message: LeasedMessage<T>): boolean {
    return !LeasedMessage.leaseOf(message).isHeld;
  }

  onRelease(message: LeasedMessage<T>): void {
    LeasedMessage.leaseOf(message).cancel();
  }

  onFinished(message: LeasedMessage<T>): void {
    if (this.#leasing.settle === "on-next") this.#settle(message, "ack");
    // With one message at a time nobody works on it any more; with several, somebody may.
    else if (this.#leasing.prefetch === 1) LeasedMessage.leaseOf(message).stopExtending();
    if (this.#left !== undefined) this.#farewell.bodyFinished();
  }

  onAbandoned(message: LeasedMessage<T>): void {
    if (this.#leasing.settle === "on-next") this.#settle(message, "reject");
    if (this.#left !== undefined) this.#farewell.bodyFinished();
  }

  #settle(message: LeasedMessage<T>, settlement: "ack" | "reject"): void {
    void settleAlone(this.connection, this.channel, message, settlement);
  }

  onLeave(how: Leave, inBody: LeasedMessage<T> | undefined): Promise<void> | undefined {
    this.#left = how;
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.cancel();
    for (const message of this.#handover.drain()) this.onRelease(message);
    if (how === "return") for (const lease of this.#held) if (!lease.isSettling) lease.cancel();
    return this.#farewell.begin(how, inBody !== undefined, this.#leasing.patient);
  }

  #hasParted(): boolean {
    return this.#held.size === 0;
  }

  leased(lease: Lease, wire: WireQueueMessage): void {
    if (lease !== this.#waiting) return lease.cancel();
    this.#waiting = undefined;
    this.#held.add(lease);
    this.#handover.push([new LeasedMessage(wire, this.#leasing.codec, lease, this)]);
    this.#schedule();
  }

  empty(lease: Lease): void {
    if (lease !== this.#waiting) return;
    this.#waiting = undefined;
    this.#schedule();
  }

  concluded(lease: Lease): void {
    this.#held.delete(lease);
    if (this.#left === undefined) this.#schedule();
    else this.#farewell.check();
  }

  failed(lease: Lease, error: KubeMQError): void {
    if (lease !== this.#waiting) return;
    this.#waiting = undefined;
    this.#handover.fail(error);
  }

  #schedule(): void {
    if (this.#waiting !== undefined || this.#handover.hasFailed || this.#left !== undefined) return;
    if (this.#held.size < this.#leasing.prefetch) this.#waiting = new Lease(this);
  }
}
