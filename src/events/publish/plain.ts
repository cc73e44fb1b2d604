import type { OutgoingMessage, SendOptions } from "../../api/message.js";
import type { Connection } from "../../connection/connection.js";
import { LINGER_MS, PlainSends, type SendByCall } from "../../stream/send/plain-sends.js";
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

  async publish(message: OutgoingMessage, options: SendOptions | undefined): Promise<Receipt> {
    const event = this.#plan.prepare(message);
    const about = aboutEvent(this.#connection, this.#plan, message, event);
    const id = await this.#sends.send(event, about, options, this.#call);
    return this.#plan.receipt(id);
  }

  readonly #call: SendByCall<WireEvent, string> = async (event, subject, call) => {
    const refusal = refusalOf(await this.#connection.unary(sendEventMethod, event, call));
    if (refusal !== undefined) throw serverError(refusal, subject);
    // Servers process calls in any order. Each call is therefore a writer of its own.
    this.#plan.ownWrites?.writer().wrote(event.Channel, event.EventID);
    return event.EventID;
  };
}
