import type { OutgoingMessage, SendOptions } from "../../api/message.js";
import type { Connection } from "../../connection/connection.js";
import { LINGER_MS, type PlainPlan, PlainSends } from "../../stream/send/plain-sends.js";
import { serverError } from "../../support/faults.js";
import { aboutEvent, type EventPlan } from "./plan.js";
import { EventSender } from "./sender.js";
import { refusalOf, sendEventMethod, type WireEvent } from "../wire.js";

/** Publishes single events, over one stream shared by the whole client. */
export class PlainPublish<Receipt> {
  readonly #plan: EventPlan<Receipt>;
  readonly #connection: Connection;
  readonly #sends: PlainSends<WireEvent, string>;

  constructor(connection: Connection, plan: EventPlan<Receipt>) {
    const { operation, confirmedBy, ownWrites } = plan;
    this.#plan = plan;
    this.#connection = connection;
    const sender = (resend: boolean) =>
      new EventSender(connection, {
        operation,
        confirmedBy,
        resend,
        timedFrom: "acceptance",
        lingerMs: LINGER_MS,
        writer: ownWrites?.writer(),
      });
    this.#sends = new PlainSends(connection, sender);
  }

  /** Not an async function: its promise would cost a second one. */
  publish(message: OutgoingMessage, options: SendOptions | undefined): Promise<Receipt> {
    try {
      const event = this.#plan.prepare(message);
      const about = aboutEvent(this.#connection, this.#plan, message, event);
      return this.#sends.send(event, about, options, this.#sending);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  readonly #sending: PlainPlan<WireEvent, string, Receipt> = {
    byCall: async (event, subject, call) => {
      const refusal = refusalOf(await this.#connection.unary(sendEventMethod, event, call));
      if (refusal !== undefined) throw serverError(refusal, subject);
      // Servers process calls in any order. Each call is therefore a writer of its own.
      this.#plan.ownWrites?.writer().wrote(event.Channel, event.EventID);
      return event.EventID;
    },
    outcome: (id) => this.#plan.receipt(id),
  };
}
