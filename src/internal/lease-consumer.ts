import type { Codec } from "../codec.js";
import type { KubeMQError } from "../errors.js";
import type { OutgoingQueueMessage } from "../queue-message.js";
import { onAbort } from "./abort.js";
import type { Subject } from "./check.js";
import type { Connection } from "./connection.js";
import { Farewell } from "./farewell.js";
import { Fifo } from "./fifo.js";
import { Lease, type LeaseOwner } from "./lease.js";
import { LeasedMessage } from "./leased-message.js";
import type { Attempt, Leave, StreamPlan } from "./stream-plan.js";
import type { WireQueueMessage } from "./wire-queues.js";

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

type Batch<T> = readonly LeasedMessage<T>[];

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
  readonly #ready = new Fifo<LeasedMessage<T>>();
  /** What was given to the engine, which has not taken it in yet. */
  #given: LeasedMessage<T> | undefined;
  #failure: KubeMQError | undefined;
  #taker: { resolve(result: IteratorResult<Batch<T>, void>): void; reject(error: unknown): void } | undefined;
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

  open({ signal }: Attempt): AsyncIterable<Batch<T>> {
    this.#failure = undefined;
    onAbort(signal, () => {
      const waiting = this.#waiting;
      this.#waiting = undefined;
      waiting?.cancel();
      if (this.#left !== undefined) for (const lease of this.#held) lease.cancel();
    });
    this.#schedule();
    return { [Symbol.asyncIterator]: () => ({ next: () => this.#take() }) };
  }

  map(message: LeasedMessage<T>): LeasedMessage<T> {
    this.#given = undefined;
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
    if (this.#leasing.settle === "on-next") this.#settleAlone(message, "ack");
    // With one message at a time nobody works on it any more; with several, somebody may.
    else if (this.#leasing.prefetch === 1) LeasedMessage.leaseOf(message).stopExtending();
    if (this.#left !== undefined) this.#farewell.bodyFinished();
  }

  onAbandoned(message: LeasedMessage<T>): void {
    if (this.#leasing.settle === "on-next") this.#settleAlone(message, "reject");
    if (this.#left !== undefined) this.#farewell.bodyFinished();
  }

  onLeave(how: Leave, inBody: LeasedMessage<T> | undefined): Promise<void> | undefined {
    this.#left = how;
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.cancel();
    if (this.#given !== undefined) this.onRelease(this.#given);
    for (const message of this.#ready.drain()) this.onRelease(message);
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
    const message = new LeasedMessage(wire, this.#leasing.codec, lease, this);
    const taker = this.#taker;
    this.#taker = undefined;
    if (taker === undefined) this.#ready.push(message);
    else taker.resolve(this.#give(message));
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
    this.#failure = error;
    const taker = this.#taker;
    this.#taker = undefined;
    taker?.reject(error);
  }

  #take(): Promise<IteratorResult<Batch<T>, void>> {
    const message = this.#ready.shift();
    if (message !== undefined) return Promise.resolve(this.#give(message));
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    return new Promise((resolve, reject) => (this.#taker = { resolve, reject }));
  }

  #give(message: LeasedMessage<T>): IteratorYieldResult<Batch<T>> {
    this.#given = message;
    return { done: false, value: [message] };
  }

  #schedule(): void {
    if (this.#waiting !== undefined || this.#failure !== undefined || this.#left !== undefined) return;
    if (this.#held.size < this.#leasing.prefetch) this.#waiting = new Lease(this);
  }

  /** A settlement that no caller waits for. */
  #settleAlone(message: LeasedMessage<T>, kind: "ack" | "reject"): void {
    if (message.settled) return;
    message[kind]().catch((error: KubeMQError) => {
      this.connection.report({ type: "settle-failed", channel: this.channel, sequence: message.sequence, error });
    });
  }
}
