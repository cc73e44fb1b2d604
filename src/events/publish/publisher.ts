import type { EventPublisher } from "../../api/events.js";
import type { AbortOptions, EventPublisherOptions, OutgoingMessage } from "../../api/message.js";
import type { Connection } from "../../connection/connection.js";
import { publisherResends } from "../../stream/resend/policy.js";
import { type Settle, SubmittedSend } from "../../stream/send/send.js";
import { type Sequence, submitAll } from "../../stream/send/submit-all.js";
import { atIndex } from "../../support/message/indexed.js";
import { checkKnown } from "../../support/names/known.js";
import { aboutEvent, type EventPlan } from "./plan.js";
import { EventSender } from "./sender.js";

/** Publishes over a dedicated stream. */
export class StreamPublisher<Receipt> implements EventPublisher<Receipt> {
  readonly #plan: EventPlan<Receipt>;
  readonly #connection: Connection;
  readonly #sender: EventSender;

  constructor(plan: EventPlan<Receipt>, connection: Connection, options: EventPublisherOptions = {}) {
    const { operation, confirmedBy, ownWrites } = plan;
    checkKnown({ operation }, "", options, ["signal", "reconnect", "resend"]);
    this.#plan = plan;
    this.#connection = connection;
    this.#sender = new EventSender(connection, {
      ...options,
      operation,
      confirmedBy,
      resend: publisherResends(connection, { operation }, options),
      timedFrom: "transmission",
      writer: ownWrites?.writer(),
    });
  }

  publish<T>(message: OutgoingMessage<T>): Promise<Receipt> {
    return new Promise((resolve, reject) => {
      this.#submit(message, (error, id) => {
        if (error === undefined) resolve(this.#plan.receipt(id ?? ""));
        else reject(error);
      });
    });
  }

  publishAll<T>(messages: Sequence<OutgoingMessage<T>>, options: AbortOptions = {}): Promise<number> {
    checkKnown({ operation: this.#plan.operation }, "", options, ["signal"]);
    const submit = (message: OutgoingMessage<T>, settle: Settle<string>, index: number) =>
      this.#submit(message, settle, index);
    return submitAll(messages, submit, {
      atOnce: this.#sender.capacity,
      signal: options.signal,
      onClosing: (watcher) => this.#sender.onClosing(watcher),
      onAwaiting: () => this.#sender.confirmSoon(),
    });
  }

  /**
   * Resolves when every event accepted so far has an outcome. The promise of each event reports it.
   */
  flush(): Promise<void> {
    return this.#sender.flush();
  }

  close(): Promise<void> {
    return this.#sender.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #submit(message: OutgoingMessage, settle: Settle<string>, index?: number): void {
    let send;
    try {
      const event = this.#plan.prepare(message);
      send = new SubmittedSend(event, aboutEvent(this.#connection, this.#plan, message, event), settle);
      send.isAwaited = index === undefined;
    } catch (error) {
      return settle(index === undefined ? error : atIndex(error, index), undefined);
    }
    this.#sender.accept(send);
  }
}
