import type { CallOptions, OutgoingMessage } from "../api/message.js";
import type { Connection } from "../connection/connection.js";
import { serverError } from "../support/faults.js";
import type { PublisherPlan } from "./publisher.js";
import { checkEventSize, refusalOf, sendEventMethod, wireSize } from "./wire.js";

/** Publishes one event by a call of its own. */
export async function publishOne<Receipt>(
  connection: Connection,
  plan: PublisherPlan<Receipt>,
  message: OutgoingMessage,
  options: CallOptions | undefined,
): Promise<Receipt> {
  const { operation } = plan;
  const subject = { operation, channel: message.channel };
  const event = plan.prepare(message);
  checkEventSize(operation, event, wireSize(event), connection.options.maxMessageBytes);
  const refusal = refusalOf(await connection.unary(sendEventMethod, event, { ...subject, options }));
  if (refusal !== undefined) throw serverError(refusal, subject);
  return plan.receipt(event.EventID);
}
