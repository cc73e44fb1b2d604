import type { Decoder } from "../../api/codec.js";
import type { KubeMQError } from "../../api/errors.js";
import type { OutgoingQueueMessage } from "../../api/queues/message.js";
import type { Connection } from "../../connection/connection.js";
import type { Attempt, Leave, StreamPlan } from "../../stream/plan.js";
import { onAbort } from "../../support/abort.js";
import type { Subject } from "../../support/checks.js";
import { fault } from "../../support/faults.js";
import type { Source } from "../../transport/index.js";
import { Feed } from "../feed.js";
import { settleAlone } from "../settle-alone.js";
import { SettlePeriod } from "../settle-period.js";
import { peekWaiting } from "../waiting.js";
import type { WireQueueMessage } from "../wire.js";
import { LeasedMessage } from "./delivery.js";
import { endOrPing } from "./ending.js";
import { Lease, type LeaseOwner } from "./lease.js";

export interface Leasing<T> {
  readonly subject: Subject & { readonly channel: string };
  readonly codec: Decoder<T> | undefined;
  readonly settle: "manual" | "on-next";
  readonly prefetch: number;
  readonly visibilitySeconds: number;
  readonly autoExtend: boolean;
  readonly patient: boolean;
  prepare(message: OutgoingQueueMessage): WireQueueMessage;
}

/** The engine accepts every message, because the prefetch limits the received messages. */
const UNBOUNDED = 2 ** 30;

/** Milliseconds below which an empty peek has failed, and is not repeated immediately. */
const LEAST_WAIT_MS = 500;

/**
 * A peek that takes no longer than this, or than a lease took just before, found a message that was
 * there already.
 */
const AT_ONCE_MS = 10;

/** A consumer on StreamQueueMessage: one call per message, opened as far as the prefetch allows. */
export class LeaseConsumer<T> implements StreamPlan<LeasedMessage<T>, LeasedMessage<T>>, LeaseOwner {
  readonly kind = "queues";
  readonly operation: string;
  readonly channel: string;
  readonly capacity = UNBOUNDED;
  readonly connection: Connection;
  readonly subject: Subject;
  readonly visibilitySeconds: number;
  readonly autoExtend: boolean;
  readonly #leasing: Leasing<T>;
  readonly #settlePeriod: SettlePeriod;
  /** Calls that hold a message. They outlive an attempt, because each has its own stream. */
  readonly #held = new Set<Lease>();
  #waiting: Lease | undefined;
  #feed = new Feed<LeasedMessage<T>>();
  /** Cancels the wait for a message. */
  #cancelPeek: AbortController | undefined;
  #canPeek = true;
  /** Whether the last peek found a message. */
  #isThere = false;
  /** Whether that peek returned immediately, so that more messages may wait. */
  #areMore = false;
  /** When the last lease was asked for, and how long its message took, in milliseconds. */
  #askedAt = 0;
  #leaseTookMs = 0;
  /** Whether the last lease may still be in the queue. */
  #isSucceeding = false;
  #left: Leave | undefined;
  #hasFailed = false;

  constructor(connection: Connection, leasing: Leasing<T>) {
    this.connection = connection;
    this.#leasing = leasing;
    this.subject = leasing.subject;
    this.operation = leasing.subject.operation;
    this.channel = leasing.subject.channel;
    this.visibilitySeconds = leasing.visibilitySeconds;
    this.autoExtend = leasing.autoExtend;
    this.#settlePeriod = new SettlePeriod(connection.clock, {
      patient: leasing.patient,
      isDone: () => this.#held.size === 0,
      returnHeld: () => this.#held.forEach((lease) => lease.isSettling || lease.cancel()),
    });
  }

  open({ signal }: Attempt): Source<LeasedMessage<T>> {
    this.#feed = new Feed();
    this.#isThere = false;
    this.#hasFailed = false;
    this.#cancelPeek = undefined;
    onAbort(signal, () => {
      const waiting = this.#waiting;
      this.#waiting = undefined;
      waiting?.cancel();
      this.#cancelPeek?.abort();
      if (this.#left !== undefined) for (const lease of this.#held) lease.cancel();
    });
    this.#schedule();
    return this.#feed;
  }

  prepare(message: OutgoingQueueMessage): WireQueueMessage {
    return this.#leasing.prepare(message);
  }

  /** Whether the lease ended while the message waited for the loop. */
  isStale(message: LeasedMessage<T>): boolean {
    return !LeasedMessage.leaseOf(message).isHeld;
  }

  onRelease(message: LeasedMessage<T>): void {
    LeasedMessage.leaseOf(message).cancel();
  }

  onFinished(message: LeasedMessage<T>): void {
    if (this.#leasing.settle === "on-next") this.#settle(message, "ack");
    // With a prefetch of 1, work on the message has ended. With more, it may continue outside the
    // loop.
    else if (this.#leasing.prefetch === 1) LeasedMessage.leaseOf(message).stopExtending();
    this.#settlePeriod.bodyFinished();
  }

  onAbandoned(message: LeasedMessage<T>): void {
    if (this.#leasing.settle === "on-next") this.#settle(message, "reject");
    this.#settlePeriod.bodyAbandoned(); // promise: lease-break-after-abort
  }

  #settle(message: LeasedMessage<T>, settlement: "ack" | "reject"): void {
    void settleAlone(this.connection, this.channel, message, settlement);
  }

  onLeave(how: Leave, inBody: LeasedMessage<T> | undefined): Promise<void> | undefined {
    this.#left = how;
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.cancel();
    this.#cancelPeek?.abort();
    for (const message of this.#feed.drain()) this.onRelease(message);
    return this.#settlePeriod.begin(how, inBody !== undefined);
  }

  leased(lease: Lease, wire: WireQueueMessage): void {
    if (lease !== this.#waiting) return lease.cancel();
    this.#waiting = undefined;
    this.#held.add(lease);
    this.#isThere = this.#areMore;
    this.#leaseTookMs = this.connection.clock.now() - this.#askedAt;
    this.#feed.push([new LeasedMessage(wire, this.#leasing.codec, lease, this)]);
    this.#schedule();
  }

  empty(lease: Lease): void {
    if (lease !== this.#waiting) return;
    this.#waiting = undefined;
    this.#isThere = false;
    this.#schedule();
  }

  concluded(lease: Lease): void {
    this.#held.delete(lease);
    if (this.#left !== undefined) this.#settlePeriod.check();
    // With a larger prefetch leases overlap, and their messages have no order.
    else if (this.#leasing.prefetch > 1) this.#schedule();
    else void this.#succeed(lease);
  }

  /**
   * Opens the next lease when the last one has left the queue. Two leases at a time lose the order:
   * the server sends the first one another message when it is acknowledged, and passes this message
   * on to the second one 100 ms later.
   *
   * While the server has not ended the last call, a ping and a peek are answered first. The peek
   * enters and leaves the queue behind the last lease, and inherits such a message in order.
   */
  async #succeed(lease: Lease): Promise<void> {
    this.#isSucceeding = true;
    // promise: lease-succeeds-lease
    if (!(await endOrPing(this.connection, this.operation, lease.end))) this.#isThere = false;
    this.#isSucceeding = false;
    this.#schedule();
  }

  failed(lease: Lease, error: KubeMQError): void {
    if (lease !== this.#waiting) return;
    this.#waiting = undefined;
    this.#fail(error);
  }

  #fail(error: KubeMQError): void {
    this.#hasFailed = true;
    this.#feed.fail(error.code === "UNSUPPORTED" ? this.#withoutLeases(error) : error);
  }

  #withoutLeases(cause: KubeMQError): KubeMQError {
    const text =
      "the server has no leases (StreamQueueMessage): omit visibilitySeconds, " +
      "then messages are held until they are settled or the connection ends";
    return fault("UNSUPPORTED", this.subject, text, { cause }); // promise: no-leases-told
  }

  /** Opens a call for a waiting message, or peeks for one, as far as the prefetch allows. */
  #schedule(): void {
    if (this.#waiting !== undefined || this.#cancelPeek !== undefined || this.#isSucceeding) return;
    if (this.#hasFailed || this.#left !== undefined || this.#held.size >= this.#leasing.prefetch) return;
    if (!this.#isThere && this.#canPeek) return void this.#awaitMessage();
    this.#askedAt = this.connection.clock.now();
    this.#waiting = new Lease(this);
  }

  /**
   * Waits by a peek. A waiting lease would lock one of the connections that all consumers share.
   */
  async #awaitMessage(): Promise<void> {
    const { clock } = this.connection;
    const at = clock.now();
    const cancel = new AbortController();
    this.#cancelPeek = cancel;
    const peeked = await peekWaiting(this.connection, this.#leasing.subject, cancel.signal);
    if (this.#cancelPeek !== cancel) return;
    this.#cancelPeek = undefined;
    if (cancel.signal.aborted) return;
    if (peeked.kind === "failed") return this.#fail(peeked.error);
    const tookMs = clock.now() - at;
    this.#isThere = peeked.kind === "message" || (peeked.kind === "none" && tookMs < LEAST_WAIT_MS);
    // On a busy machine or a long line a round trip takes longer than the usual bound.
    this.#areMore = this.#isThere && tookMs < Math.max(AT_ONCE_MS, 2 * this.#leaseTookMs);
    if (peeked.kind === "refused") this.#canPeek = false;
    this.#schedule();
  }
}
