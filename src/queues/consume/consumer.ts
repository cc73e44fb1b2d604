import type { Codec } from "../../api/codec.js";
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
import { Taker } from "./taker.js";
import type { TakerOwner } from "./taking.js";

export type SettleMode = "manual" | "on-next" | "on-delivery";

/** How a consumer takes messages, and in which form it hands them out. */
export interface Consuming<T> {
  readonly operation: string;
  readonly channel: string;
  readonly codec: Codec<T> | undefined;
  readonly settle: SettleMode;
  /** How many messages are unsettled at most. */
  readonly prefetch: number;
  /** Messages come one by one, or by the batch. */
  readonly by: "message" | "batch";
  /** How long a batch may wait for more messages. */
  readonly waitMs: number;
  /** Whether, when the stream is left, handed-out messages are waited for without a limit. */
  readonly patient: boolean;
}

/** The engine takes in what comes: what is received is bounded by the prefetch. */
const UNBOUNDED = 2 ** 30;

type Item<T> = ReceivedQueueMessage<T> | OpenDelivery<T> | OpenBatch<T>;

/** A consumer on QueuesDownstream: hands out what its {@link Taker} takes, and returns what is left when the loop ends. */
export class PollingConsumer<T> implements StreamPlan<Item<T>, Item<T>>, TakerOwner {
  readonly kind = "queues";
  readonly operation: string;
  readonly channel: string;
  readonly capacity = UNBOUNDED;
  /** What the server has acknowledged is handed out, even when the loop is asked to end. */
  readonly drains: boolean;
  readonly #connection: Connection;
  readonly #confirming: Confirming;
  readonly #consuming: Consuming<T>;
  readonly #settlePeriod: SettlePeriod;
  #taker: Taker | undefined;
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
    this.#settlePeriod = new SettlePeriod(connection.clock, () => this.#taker?.hasEnded ?? true);
  }

  open({ signal }: Attempt): Source<Item<T>> {
    const { operation, channel, prefetch, by, waitMs, settle } = this.#consuming;
    const taking = { subject: { operation, channel }, prefetch, by, waitMs, autoAck: settle === "on-delivery" };
    this.#feed = new Feed();
    const taker = new Taker(this.#connection, this.#confirming, taking, this);
    this.#taker = taker;
    onAbort(signal, () => taker.cancel());
    return this.#feed;
  }

  /** A queue that cannot be subscribed to never can, unless it could before: then the server itself is in trouble. */
  isTerminal(error: KubeMQError): boolean {
    return error.serverCode === 121 && !this.#wasUp;
  }

  onLost(): boolean {
    return this.#consuming.settle !== "on-delivery"; // promise: on-delivery-kept
  }

  onDemand(): void {
    this.#taker?.demand();
  }

  onRelease(item: Item<T>): void {
    // promise: abort-returns-prefetched
    if (item instanceof OpenDelivery) this.#taker?.release(OpenDelivery.heldOf(item));
    else if (item instanceof OpenBatch) {
      for (const message of item) this.#taker?.release(OpenDelivery.heldOf(message)); // promise: abort-returns-batch
    }
  }

  onFinished(item: Item<T>): void {
    this.#onNext(item, "ack"); // promise: on-next-acks
    if (this.#left !== undefined) this.#settlePeriod.bodyFinished();
  }

  onAbandoned(item: Item<T>): void {
    this.#onNext(item, "reject"); // promise: on-next-leaving-rejects
    if (this.#left !== undefined) this.#settlePeriod.bodyFinished();
  }

  #onNext(item: Item<T>, settlement: "ack" | "reject"): void {
    if (this.#consuming.settle !== "on-next" || !(item instanceof OpenDelivery)) return;
    void settleAlone(this.#connection, this.channel, item, settlement);
  }

  onLeave(how: Leave, inBody: Item<T> | undefined): Promise<void> | undefined {
    this.#left = how;
    this.#taker?.leave();
    for (const item of this.#feed.drain()) this.onRelease(item);
    this.#part(); // promise: leave-returns-prefetched
    if (how === "return") this.#taker?.giveBack();
    return this.#settlePeriod.begin(how, inBody !== undefined, this.#consuming.patient);
  }

  /** After a `break` what is unsettled is returned at once; after an abort or a close what was handed out may still be settled. */
  #part(): void {
    const taker = this.#taker;
    if (taker === undefined) return;
    // promise: break-awaits-settlements
    const waits = this.#left === "return" ? !taker.settlements.areConcluded : !taker.isSettled || taker.takesForGood;
    if (!waits) taker.cancel();
  }

  taken(messages: readonly WireQueueMessage[], held: readonly HeldMessage[]): void {
    const { codec, by } = this.#consuming;
    const settlements = this.#taker?.settlements;
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
    this.#part();
    this.#settlePeriod.check();
  }

  failed(error: KubeMQError): void {
    this.#settlePeriod.check();
    this.#feed.fail(error);
  }
}
