import type { OutgoingQueueMessage, SendResult } from "../../api/queue-message.js";
import type { PublisherOptions, QueuePublisher } from "../../api/queues.js";
import type { Connection } from "../../connection/connection.js";
import { Send } from "../../stream/send/send.js";
import { checkInteger, refuse } from "../../support/checks.js";
import { aboutMessages, type PrepareQueueMessage } from "./plain.js";
import { Upstream } from "./upstream.js";

const operation = "queues.publisher";

/** Maximum unanswered requests of an unordered publisher, by default. */
const MAX_IN_FLIGHT = 16;

/** Sends over a dedicated stream. */
export class UpstreamPublisher implements QueuePublisher {
  readonly #prepare: PrepareQueueMessage;
  readonly #upstream: Upstream;

  constructor(connection: Connection, prepare: PrepareQueueMessage, options: PublisherOptions) {
    const maxInFlight = maxInFlightOf(options);
    this.#prepare = prepare;
    this.#upstream = new Upstream(connection, { ...options, operation, maxInFlight, timedFrom: "transmission" });
  }

  async send<T>(messages: OutgoingQueueMessage<T> | readonly OutgoingQueueMessage<T>[]): Promise<SendResult[]> {
    const list = (Array.isArray(messages) ? messages : [messages]) as readonly OutgoingQueueMessage[];
    this.#upstream.checkOpen();
    const wire = list.map((message) => this.#prepare(operation, message));
    if (wire.length === 0) return [];
    return new Promise((resolve, reject) => {
      const send = new Send(wire, aboutMessages(operation, wire), (error, results: SendResult[] | undefined) => {
        if (error === undefined) resolve(results ?? []);
        else reject(error);
      });
      this.#upstream.accept(send);
    });
  }

  /**
   * Resolves when every send accepted so far has an outcome. The promise of each send reports it.
   */
  flush(): Promise<void> {
    return this.#upstream.flush();
  }

  close(): Promise<void> {
    return this.#upstream.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

function maxInFlightOf({ ordered = true, maxInFlight }: PublisherOptions): number {
  if (ordered && maxInFlight !== undefined) {
    const text = "maxInFlight needs ordered: false, because an ordered publisher sends one request at a time";
    throw refuse({ operation }, text);
  }
  // promise: ordered-one-in-flight
  return ordered ? 1 : checkInteger({ operation }, "maxInFlight", maxInFlight ?? MAX_IN_FLIGHT, 1, 1024);
}
