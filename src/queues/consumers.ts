import { checkKnown } from "../support/names/known.js";
import { STREAM_PLACES } from "../support/names/places.js";
import type { StreamOptions } from "../api/message.js";
import type { DeliveryBatch, OutgoingQueueMessage } from "../api/queues/message.js";
import type { BatchRequest, ConsumeRequest, LeaseRequest, OnDeliveryRequest } from "../api/queues/requests.js";
import type { Subscription } from "../api/subscription.js";
import type { Connection } from "../connection/connection.js";
import { StreamEngine } from "../stream/engine.js";
import { checkInteger, checkQueueChannel, quote, refuse } from "../support/checks.js";
import { checkBatchWait, LIMITS } from "./checks.js";
import { type Consuming, PollingConsumer } from "./consume/consumer.js";
import type { Confirming } from "./transactions/confirmations.js";
import { LeaseConsumer } from "./lease/consumer.js";
import type { WireQueueMessage } from "./wire.js";

/** The requests of every method that consumes single messages. */
export type AnyConsume<T> = ConsumeRequest<T> | LeaseRequest<T> | OnDeliveryRequest<T>;

const CONSUME = ["channel", "codec", "settle", "prefetch", "visibilitySeconds", "autoExtend"];

const PROCESS_PLACES = {
  "the options, the last argument": ["signal", "reconnect", "concurrency", "drainTimeoutMs", "onError", "retry"],
  "retry of the options": ["maxAttempts", "exhausted", "delay"],
};

/** Opens the consumers of one client, each on the call that its options require. */
export class Consumers {
  readonly #connection: Connection;
  readonly #prepare: (replacement: OutgoingQueueMessage) => WireQueueMessage;
  readonly #confirming: Confirming = { by: "unknown" };

  constructor(connection: Connection, prepare: (replacement: OutgoingQueueMessage) => WireQueueMessage) {
    this.#connection = connection;
    this.#prepare = prepare;
  }

  /** @param patient whether leaving the stream waits for handed-out messages without a limit */
  byMessage<T>(operation: string, request: AnyConsume<T>, patient: boolean, options?: StreamOptions) {
    const { channel, codec, settle = "manual", prefetch: wished = 1, visibilitySeconds, autoExtend = false } = request;
    const subject = { operation, channel };
    checkKnown(subject, "", request, CONSUME, patient ? PROCESS_PLACES : STREAM_PLACES);
    checkQueueChannel(operation, channel);
    const prefetch = checkInteger(subject, "prefetch", wished, 1, LIMITS.prefetch);
    if (!["manual", "on-next", "on-delivery"].includes(settle)) {
      throw refuse(subject, `settle must be "manual", "on-next" or "on-delivery", got ${JSON.stringify(settle)}`);
    }
    if (visibilitySeconds === undefined) {
      if (request.autoExtend !== undefined) throw refuse(subject, "autoExtend needs visibilitySeconds");
      const waitMs = LIMITS.leastWaitMs;
      return this.#open<T>({ ...subject, codec, settle, prefetch, by: "message", waitMs, patient }, options);
    }
    if (typeof autoExtend !== "boolean")
      throw refuse(subject, `autoExtend must be true or false, got ${quote(autoExtend)}`);
    checkInteger(subject, "visibilitySeconds", visibilitySeconds, 1, LIMITS.timedSeconds);
    if (settle === "on-delivery") {
      throw refuse(
        subject,
        'settle "on-delivery" and visibilitySeconds exclude each other: such messages are not held',
      );
    }
    const leasing = { subject, codec, settle, prefetch, visibilitySeconds, autoExtend, patient };
    const consumer = new LeaseConsumer<T>(this.#connection, { ...leasing, prepare: this.#prepare });
    return new StreamEngine(consumer, this.#connection, options);
  }

  byBatch<T>(operation: string, request: BatchRequest<T>, options?: StreamOptions): Subscription<DeliveryBatch<T>> {
    const { channel, codec, max } = request;
    const subject = { operation, channel };
    checkKnown(subject, "", request, ["channel", "codec", "max", "waitSeconds"], STREAM_PLACES);
    checkQueueChannel(operation, channel);
    const prefetch = checkInteger(subject, "max", max, 1, LIMITS.prefetch);
    const waitMs = checkBatchWait(subject, request.waitSeconds);
    const engine = this.#open<T>(
      { ...subject, codec, settle: "manual", prefetch, by: "batch", waitMs, patient: false },
      options,
    );
    return engine as unknown as Subscription<DeliveryBatch<T>>; // a consumer by batch delivers batches
  }

  #open<T>(consuming: Consuming<T>, options: StreamOptions | undefined) {
    return new StreamEngine(
      new PollingConsumer(this.#connection, this.#confirming, consuming),
      this.#connection,
      options,
    );
  }
}
