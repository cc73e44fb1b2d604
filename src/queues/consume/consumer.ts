import type { Codec } from "../../api/codec.js";
import type { KubeMQError } from "../../api/errors.js";
import type { Connection } from "../../connection/connection.js";
import type { Attempt, Leave, StreamPlan } from "../../stream/plan.js";
import { onAbort } from "../../support/abort.js";
import type { BatchSource } from "../../transport/index.js";
import { LIMITS } from "../checks.js";
import { Farewell } from "../farewell.js";
import { Handover } from "../handover.js";
import { ReceivedQueueMessage } from "../received-message.js";
import { settleAlone } from "../settle-alone.js";
import { infoRequest, queuesInfoMethod, waitingIn } from "../wire.js";
import { OpenBatch, OpenDelivery } from "./delivery.js";
import { Lane, type LaneOwner, type Polled } from "./lane.js";
import { PollSizer } from "./poll-size.js";
import type { Confirming } from "./settlements.js";

export type SettleMode = "manual" | "on-next" | "on-delivery";

/** How a consumer polls, and what it makes of a poll. */
export interface Consuming<T> {
  readonly operation: string;
  readonly channel: string;
  readonly codec: Codec<T> | undefined;
  readonly settle: SettleMode;
  /** How many messages may be unsettled at once. */
  readonly prefetch: number;
  /** Messages come one by one, or by the poll; the latter is asked for when the one before is settled, or the loop asks on. */
  readonly by: "message" | "batch";
  readonly waitMs: number;
  /** True waits for what is handed out however long it takes, when the stream is left. */
  readonly patient: boolean;
}

/** Each call holds messages of its own; above so many no more is polled until one of them is settled. */
const MAX_LANES = 64;

type Item<T> = ReceivedQueueMessage<T> | OpenDelivery<T> | OpenBatch<T>;

/** A consumer on QueuesDownstream: polls as far as there is room, hands out, and gives back when it is left. */
export class DownstreamConsumer<T> implements StreamPlan<Item<T>, Item<T>>, LaneOwner {
  readonly kind = "queues";
  readonly operation: string;
  readonly channel: string;
  readonly capacity: number;
  readonly connection: Connection;
  readonly confirming: Confirming;
  readonly #consuming: Consuming<T>;
  readonly #farewell: Farewell;
  #sizer: PollSizer;
  #lanes = new Set<Lane>();
  #polling = false;
  /** Messages that count against the prefetch. */
  #held = 0;
  /** Of them, those that wait for the loop. */
  #buffered = 0;
  /** The loop has asked beyond the batch it has. */
  #asked = true;
  #wasUp = false;
  #left: Leave | undefined;
  readonly #handover = new Handover<Item<T>>();

  constructor(connection: Connection, confirming: Confirming, consuming: Consuming<T>) {
    this.connection = connection;
    this.confirming = confirming;
    this.#consuming = consuming;
    this.operation = consuming.operation;
    this.channel = consuming.channel;
    this.capacity = consuming.prefetch;
    this.#sizer = new PollSizer(consuming.prefetch);
    this.#farewell = new Farewell(connection.clock, () => this.#hasParted());
  }

  open({ signal }: Attempt): BatchSource<Item<T>> {
    const lanes = new Set<Lane>();
    this.#lanes = lanes;
    this.#polling = false;
    this.#handover.drain();
    this.#handover.reopen();
    this.#sizer = new PollSizer(this.#consuming.prefetch);
    if (this.#consuming.settle !== "on-delivery") {
      this.#held = 0;
      this.#buffered = 0;
      this.#asked = true;
    }
    onAbort(signal, () => {
      for (const lane of lanes) lane.cancel();
    });
    this.#schedule();
    return this.#handover;
  }

  map(item: Item<T>): Item<T> {
    this.#handover.took();
    return item;
  }

  /** A queue that cannot be subscribed to never can, unless it could before: then it is the server's own trouble. */
  isTerminal(error: KubeMQError): boolean {
    return error.serverCode === 121 ? !this.#wasUp : !error.retryable;
  }

  onLost(): boolean {
    return this.#consuming.settle !== "on-delivery"; // promise: on-delivery-kept
  }

  onRelease(item: Item<T>): void {
    // promise: abort-returns-prefetched
    if (item instanceof OpenDelivery) OpenDelivery.release(item);
    // promise: abort-returns-batch
    else if (item instanceof OpenBatch) for (const message of item) OpenDelivery.release(message);
  }

  onFinished(item: Item<T>): void {
    if (this.#buffered > 0) this.#buffered -= 1; // the next is handed out now
    if (this.#buffered === 0) this.#asked = true;
    // promise: on-next-acks
    if (item instanceof OpenDelivery) this.#onNext(item, "ack");
    else if (!(item instanceof OpenBatch)) this.#held -= 1;
    if (this.#left !== undefined) this.#farewell.bodyFinished();
    else this.#schedule();
  }

  onAbandoned(item: Item<T>): void {
    if (item instanceof OpenDelivery) this.#onNext(item, "reject"); // promise: on-next-leaving-rejects
    if (this.#left !== undefined) this.#farewell.bodyFinished();
  }

  #onNext(item: OpenDelivery<T>, settlement: "ack" | "reject"): void {
    if (this.#consuming.settle === "on-next") void settleAlone(this.connection, this.channel, item, settlement);
  }

  onLeave(how: Leave, inBody: Item<T> | undefined): Promise<void> | undefined {
    this.#left = how;
    for (const item of this.#handover.drain()) this.onRelease(item);
    for (const lane of this.#lanes) this.#part(lane); // promise: leave-returns-prefetched
    return this.#farewell.begin(how, inBody !== undefined, this.#consuming.patient);
  }

  /** After a `break` what is unsettled goes back at once; after an abort or a close what was handed out is waited for. */
  #part(lane: Lane): void {
    if (this.#left === "return" ? !lane.isSettling : lane.isQuiet) lane.cancel(); // promise: break-awaits-settlements
  }

  #hasParted(): boolean {
    for (const lane of this.#lanes) if (!lane.hasEnded) return false;
    return true;
  }

  polled(lane: Lane, { transaction, messages, asked, tookMs }: Polled): void {
    if (!this.#lanes.has(lane) || this.#left !== undefined) return lane.cancel();
    this.#polling = false;
    this.#wasUp = true;
    const wanted = this.#sizer.answered(asked, messages.length, tookMs);
    if (messages.length > 0) this.#hand(lane, transaction, messages);
    if (wanted && this.#consuming.by === "message") void this.#probe();
    this.#schedule();
  }

  settling(lane: Lane, count: number): void {
    if (!this.#lanes.has(lane)) return;
    this.#held -= count;
    if (this.#left === undefined) this.#schedule();
  }

  concluded(lane: Lane): void {
    if (this.#left === undefined) return;
    this.#part(lane);
    this.#farewell.check();
  }

  failed(lane: Lane, error: KubeMQError): void {
    if (!this.#lanes.has(lane)) return;
    this.#farewell.check();
    this.#handover.fail(error);
  }

  #hand(lane: Lane, transaction: string, messages: Polled["messages"]): void {
    const { codec, settle, by } = this.#consuming;
    this.#held += messages.length; // promise: prefetch-bound
    let items: Item<T>[];
    if (settle === "on-delivery") items = messages.map((wire) => new ReceivedQueueMessage(wire, codec));
    else {
      const deliveries = messages.map((wire) => new OpenDelivery(wire, codec, lane, transaction));
      items = by === "batch" ? [new OpenBatch(deliveries, lane, transaction)] : deliveries;
    }
    this.#buffered += items.length;
    this.#handover.push(items);
  }

  /** Polls when there is room: one poll at a time, on a lane that has nothing unsettled. */
  #schedule(): void {
    if (this.#polling || this.#left !== undefined || this.#handover.hasFailed) return;
    const max = this.#pollSize();
    if (max === 0) return;
    const lane = this.#freeLane();
    if (lane === undefined) return;
    this.#polling = true;
    const { by, waitMs, settle } = this.#consuming;
    // A poll for several that is not filled after all holds up what it has: it waits no longer than a server makes it.
    const hurries = max > 1 && by === "message";
    lane.poll(max, hurries ? Math.min(waitMs, LIMITS.leastWaitMs) : waitMs, settle === "on-delivery");
  }

  #pollSize(): number {
    const { by, prefetch } = this.#consuming;
    if (by === "message") return this.#sizer.next(prefetch - this.#held, Math.max(0, this.#buffered));
    if (this.#held > 0 && !this.#asked) return 0;
    this.#asked = false;
    return prefetch;
  }

  #freeLane(): Lane | undefined {
    for (const lane of this.#lanes) if (lane.isFree) return lane;
    if (this.#lanes.size >= MAX_LANES) return undefined;
    const lane = new Lane(this, { operation: this.operation, channel: this.channel });
    this.#lanes.add(lane);
    return lane;
  }

  /** Asks how many messages wait. Servers list some names shortened at their ends: those are not asked for. */
  async #probe(): Promise<void> {
    const { channel, operation } = this;
    const sizer = this.#sizer;
    let waiting: number | undefined;
    if (!/^[_QUES.]|[_QUES.]$|;/.test(channel)) {
      try {
        const answer = await this.connection.unary(queuesInfoMethod, infoRequest(channel), { operation, channel });
        waiting = waitingIn(answer, channel);
      } catch {
        // Not every server tells, and none has to.
      }
    }
    sizer.told(waiting === undefined ? undefined : waiting - this.#held);
    this.#schedule();
  }
}
