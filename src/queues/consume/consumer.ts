import type { Decoder } from "../../api/codec.js";
import type { KubeMQError } from "../../api/errors.js";
import type { Connection } from "../../connection/connection.js";
import type { Attempt, Leave, StreamPlan } from "../../stream/plan.js";
import { onAbort } from "../../support/abort.js";
import type { Source } from "../../transport/index.js";
import { Feed } from "../feed.js";
import { ReceivedQueueMessage } from "../received-message.js";
import { settleAlone } from "../settle-alone.js";
import { SettlePeriod } from "../settle-period.js";
import type { WireQueueMessage } from "../wire.js";
import { OpenBatch } from "./batch.js";
import { OpenDelivery } from "./delivery.js";
import type { HeldMessage } from "../transactions/held.js";
import type { Confirming } from "../transactions/confirmations.js";
import { PollScheduler } from "./taking/poll-scheduler.js";
import type { PollSchedulerOwner } from "./taking/taking.js";

export type SettleMode = "manual" | "on-next" | "on-delivery";

/** How a consumer takes messages and delivers them. */
export interface Consuming<T> {
  readonly operation: string;
  readonly channel: string;
  readonly codec: Decoder<T> | undefined;
  readonly settle: SettleMode;
  /** Maximum unsettled messages. */
  readonly prefetch: number;
  /** Whether the consumer delivers single messages or batches. */
  readonly by: "message" | "batch";
  /** Maximum milliseconds that a batch waits for more messages. */
  readonly waitMs: number;
  /** Whether leaving the stream waits for handed-out messages without a limit. */
  readonly patient: boolean;
}

/** The engine accepts every message, because the prefetch limits the received messages. */
const UNBOUNDED = 2 ** 30;

type Item<T> = ReceivedQueueMessage<T> | OpenDelivery<T> | OpenBatch<T>;

/**
 * A consumer on QueuesDownstream. Delivers the messages of its {@link PollScheduler}, and returns
 * the rest to the queue when the loop ends.
 */
export class PollingConsumer<T> implements StreamPlan<Item<T>, Item<T>>, PollSchedulerOwner {
  readonly kind = "queues";
  readonly operation: string;
  readonly channel: string;
  readonly capacity = UNBOUNDED;
  /**
   * Whether messages that the server has already acknowledged are delivered even after a request to
   * end.
   */
  readonly drains: boolean;
  readonly #connection: Connection;
  readonly #confirming: Confirming;
  readonly #consuming: Consuming<T>;
  readonly #settlePeriod: SettlePeriod;
  #scheduler: PollScheduler | undefined;
  #feed = new Feed<Item<T>>();
  #wasUp = false;
  #left: Leave | undefined;

  constructor(connection: Connection, confirming: Confirming, consuming: Consuming<T>) {
    this.#connection = connection;
    this.#confirming = confirming;
    this.#consuming = consuming;
    this.operation = consuming.operation;
    this.channel = consuming.channel;
    this.drains = consuming.settle === "on-delivery"; // promise: on-delivery-drained
    this.#settlePeriod = new SettlePeriod(connection.clock, {
      patient: consuming.patient,
      isDone: () => this.#scheduler?.hasEnded ?? true,
      returnHeld: () => this.#returnHeld(),
    });
  }

  open({ signal }: Attempt): Source<Item<T>> {
    const { operation, channel, prefetch, by, waitMs, settle } = this.#consuming;
    const least = by === "batch" ? prefetch : 1;
    const taking = { subject: { operation, channel }, prefetch, by, least, waitMs, autoAck: settle === "on-delivery" };
    this.#feed = new Feed();
    const scheduler = new PollScheduler(this.#connection, this.#confirming, taking, this);
    this.#scheduler = scheduler;
    onAbort(signal, () => scheduler.cancel());
    return this.#feed;
  }

  /**
   * When a server rejects the first subscription to a queue, it rejects all others too. A
   * rejection after a success is a fault of the server.
   */
  isTerminal(error: KubeMQError): boolean {
    return error.serverCode === 121 && !this.#wasUp;
  }

  onLost(): boolean {
    return this.#consuming.settle !== "on-delivery"; // promise: on-delivery-kept
  }

  onDemand(): void {
    this.#scheduler?.demand();
  }

  onRelease(item: Item<T>): void {
    // promise: abort-returns-prefetched
    if (item instanceof OpenDelivery) this.#scheduler?.release(OpenDelivery.heldOf(item));
    else if (item instanceof OpenBatch) {
      for (const message of item) this.#scheduler?.release(OpenDelivery.heldOf(message)); // promise: abort-returns-batch
    }
  }

  onFinished(item: Item<T>): void {
    this.#onNext(item, "ack"); // promise: on-next-acks
    this.#settlePeriod.bodyFinished();
  }

  onAbandoned(item: Item<T>): void {
    this.#onNext(item, "reject"); // promise: on-next-leaving-rejects
    this.#settlePeriod.bodyAbandoned(); // promise: break-after-abort
  }

  #returnHeld(): void {
    this.#left = "return";
    this.#scheduler?.returnHeld();
    this.#cancelWhenSettled();
  }

  #onNext(item: Item<T>, settlement: "ack" | "reject"): void {
    if (this.#consuming.settle !== "on-next" || !(item instanceof OpenDelivery)) return;
    void settleAlone(this.#connection, this.channel, item, settlement);
  }

  onLeave(how: Leave, inBody: Item<T> | undefined): Promise<void> | undefined {
    this.#left = how;
    this.#scheduler?.leave();
    for (const item of this.#feed.drain()) this.onRelease(item);
    if (how !== "return") this.#cancelWhenSettled();
    return this.#settlePeriod.begin(how, inBody !== undefined);
  }

  /**
   * After a `break`, unsettled messages return to the queue immediately. After an abort or a close,
   * handed-out messages can still be settled.
   */
  #cancelWhenSettled(): void {
    const scheduler = this.#scheduler;
    if (scheduler === undefined) return;
    const { transactions } = scheduler;
    const isConcluded = !transactions.isReturning && transactions.settlements.areConcluded;
    // promise: break-awaits-settlements
    const waits = this.#left === "return" ? !isConcluded : !scheduler.isSettled || scheduler.hasAutoAckPoll;
    if (!waits) scheduler.cancel(); // promise: leave-returns-prefetched
  }

  taken(messages: readonly WireQueueMessage[], held: readonly HeldMessage[]): void {
    const { codec, by } = this.#consuming;
    const settlements = this.#scheduler?.transactions.settlements;
    if (settlements === undefined || held.length === 0) {
      this.#feed.push(messages.map((wire) => new ReceivedQueueMessage(wire, codec)));
      return;
    }
    const deliveries = messages.map((wire, at) => new OpenDelivery(wire, codec, held[at] as HeldMessage));
    this.#feed.push(by === "batch" ? [new OpenBatch(deliveries, settlements)] : deliveries);
  }

  answered(): void {
    this.#wasUp = true;
  }

  changed(): void {
    if (this.#left === undefined) return;
    this.#cancelWhenSettled();
    this.#settlePeriod.check();
  }

  failed(error: KubeMQError): void {
    this.#settlePeriod.check();
    this.#feed.fail(error);
  }
}
