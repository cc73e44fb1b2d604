import type { AbortOptions } from "../../api/message.js";
import type { OutgoingQueueMessage, SendResult, SentMessage } from "../../api/queues/message.js";
import type { QueuePublisher } from "../../api/queues/client.js";
import type { PublisherOptions } from "../../api/queues/requests.js";
import type { Connection } from "../../connection/connection.js";
import { publisherResends } from "../../stream/resend/policy.js";
import { type Settle, SubmittedSend } from "../../stream/send/send.js";
import { type Sequence, submitAll } from "../../stream/send/submit-all.js";
import { checkInteger, refuse } from "../../support/checks.js";
import { atIndex, eachIndexed } from "../../support/message/indexed.js";
import { checkKnown } from "../../support/names/known.js";
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
    checkKnown({ operation }, "", options, ["signal", "reconnect", "resend", "ordered", "maxInFlight"]);
    const maxInFlight = maxInFlightOf(options);
    this.#prepare = prepare;
    const resend = publisherResends(connection, { operation }, options);
    this.#upstream = new Upstream(connection, {
      ...options,
      operation,
      maxInFlight,
      resend,
      timedFrom: "transmission",
    });
  }

  send<T>(message: OutgoingQueueMessage<T>): Promise<SentMessage>;
  send<T>(messages: readonly OutgoingQueueMessage<T>[]): Promise<SendResult[]>;
  send<T>(messages: OutgoingQueueMessage<T> | readonly OutgoingQueueMessage<T>[]): Promise<SentMessage | SendResult[]> {
    return isList(messages) ? this.sendBatch(messages) : this.#sendOne(messages);
  }

  async sendBatch<T>(messages: readonly OutgoingQueueMessage<T>[]): Promise<SendResult[]> {
    this.#upstream.checkOpen();
    const wire = eachIndexed(messages, (message) => this.#prepare(operation, message));
    if (wire.length === 0) return [];
    return new Promise((resolve, reject) => {
      const send = new SubmittedSend(
        wire,
        aboutMessages(operation, wire),
        (error, results: SendResult[] | undefined) => {
          if (error === undefined) resolve(results ?? []);
          else reject(error);
        },
      );
      this.#upstream.accept(send);
    });
  }

  sendAll<T>(messages: Sequence<OutgoingQueueMessage<T>>, options: AbortOptions = {}): Promise<number> {
    checkKnown({ operation }, "", options, ["signal"]);
    const submit = (message: OutgoingQueueMessage<T>, settle: Settle<SentMessage>, index: number) =>
      this.#submit(message, settle, index);
    return submitAll(messages, submit, {
      atOnce: this.#upstream.capacity,
      signal: options.signal,
      onClosing: (watcher) => this.#upstream.onClosing(watcher),
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

  async #sendOne(message: OutgoingQueueMessage): Promise<SentMessage> {
    return new Promise((resolve, reject) => {
      this.#submit(message, (error, sent) => {
        if (sent === undefined) reject(error);
        else resolve(sent);
      });
    });
  }

  /** Sends one message. Its outcome is an error when the server refuses it. */
  #submit(message: OutgoingQueueMessage, settle: Settle<SentMessage>, index?: number): void {
    let send;
    try {
      this.#upstream.checkOpen();
      const wire = [this.#prepare(operation, message)];
      send = new SubmittedSend(wire, aboutMessages(operation, wire), (error, results: SendResult[] | undefined) => {
        const result = results?.[0];
        if (result?.ok === true) settle(undefined, result);
        else settle(error ?? result?.error, undefined);
      });
    } catch (error) {
      return settle(index === undefined ? error : atIndex(error, index), undefined);
    }
    this.#upstream.accept(send);
  }
}

function isList<T>(messages: T | readonly T[]): messages is readonly T[] {
  return Array.isArray(messages);
}

function maxInFlightOf({ ordered = true, maxInFlight }: PublisherOptions): number {
  if (ordered && maxInFlight !== undefined) {
    const text = "maxInFlight needs ordered: false, because an ordered publisher sends one request at a time";
    throw refuse({ operation }, text);
  }
  // promise: ordered-one-in-flight
  return ordered
    ? 1
    : checkInteger({ operation }, "maxInFlight", maxInFlight === undefined ? MAX_IN_FLIGHT : maxInFlight, 1, 1024);
}
