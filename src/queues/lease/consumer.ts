import type { Codec } from "../../api/codec.js";
import type { KubeMQError } from "../../api/errors.js";
import type { OutgoingQueueMessage } from "../../api/queue-message.js";
import type { Connection } from "../../connection/connection.js";
import type { Attempt, Leave, StreamPlan } from "../../stream/plan.js";
import { onAbort } from "../../support/abort.js";
import type { Subject } from "../../support/checks.js";
import type { Source } from "../../transport/index.js";
import { Feed } from "../feed.js";
import { settleAlone } from "../settle-alone.js";
import { SettlePeriod } from "../settle-period.js";
import { peekWaiting } from "../waiting.js";
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

/** The engine takes in what comes: what is received is bounded by the prefetch. */
const UNBOUNDED = 2 ** 30;

/** A peek that ended sooner than this without a message has failed, and is not repeated at once. */
const LEAST_WAIT_MS = 500;

/** A message that is seen within this time was there already. */
const AT_ONCE_MS = 10;

/** A consumer on StreamQueueMessage: one call a message, the next one opened as far as the prefetch allows. */
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
  /** Calls whose message is held. They live on when an attempt ends: each has its own stream. */
  readonly #held = new Set<Lease>();
  #waiting: Lease | undefined;
  #feed = new Feed<LeasedMessage<T>>();
  /** Ends the wait for a message. */
  #cancelPeek: AbortController | undefined;
  #canPeek = true;
  /** The last look at the queue found a message. */
  #isThere = false;
  /** It found it at once: more may wait. */
  #areMore = false;
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
    this.#settlePeriod = new SettlePeriod(connection.clock, () => this.#hasParted());
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
    if (this.#left !== undefined) this.#settlePeriod.bodyFinished();
  }

  onAbandoned(message: LeasedMessage<T>): void {
    if (this.#leasing.settle === "on-next") this.#settle(message, "reject");
    if (this.#left !== undefined) this.#settlePeriod.bodyFinished();
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
    if (how === "return") for (const lease of this.#held) if (!lease.isSettling) lease.cancel();
    return this.#settlePeriod.begin(how, inBody !== undefined, this.#leasing.patient);
  }

  #hasParted(): boolean {
    return this.#held.size === 0;
  }

  leased(lease: Lease, wire: WireQueueMessage): void {
    if (lease !== this.#waiting) return lease.cancel();
    this.#waiting = undefined;
    this.#held.add(lease);
    this.#isThere = this.#areMore;
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
    if (this.#left === undefined) this.#schedule();
    else this.#settlePeriod.check();
  }

  failed(lease: Lease, error: KubeMQError): void {
    if (lease !== this.#waiting) return;
    this.#waiting = undefined;
    this.#fail(error);
  }

  #fail(error: KubeMQError): void {
    this.#hasFailed = true;
    this.#feed.fail(error);
  }

  /** Leases as far as the prefetch allows: a call for each message, opened once a message is there. */
  #schedule(): void {
    if (this.#waiting !== undefined || this.#cancelPeek !== undefined) return;
    if (this.#hasFailed || this.#left !== undefined || this.#held.size >= this.#leasing.prefetch) return;
    if (this.#isThere || !this.#canPeek) this.#waiting = new Lease(this);
    else void this.#awaitMessage();
  }

  /** A lease that waits locks one of the connections which all consumers of the server share; a peek does not. */
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
    this.#areMore = this.#isThere && tookMs < AT_ONCE_MS;
    if (peeked.kind === "refused") this.#canPeek = false;
    this.#schedule();
  }
}
