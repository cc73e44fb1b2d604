import type { OutgoingMessage } from "../../api/message.js";
import type { Connection } from "../../connection/connection.js";
import type { OwnWrites } from "../own-writes.js";
import type { About } from "../../stream/send/send.js";
import type { EventSenderOptions } from "./sender.js";
import { checkEventSize, type WireEvent, wireSize } from "../wire.js";

/** What differs between publishing plain and stored events. */
export interface EventPlan<Receipt> {
  readonly operation: string;
  readonly confirmedBy: EventSenderOptions["confirmedBy"];
  /** Checks a message, but for its size, and makes the event. */
  prepare(message: OutgoingMessage): WireEvent;
  receipt(id: string): Receipt;
  /** Where confirmed events are noted, when they can be read again. */
  readonly ownWrites?: OwnWrites;
}

/** What a sender needs to know of an event. Refuses one that is too large. */
export function aboutEvent(
  connection: Connection,
  { operation }: EventPlan<unknown>,
  message: OutgoingMessage,
  event: WireEvent,
): About {
  const bytes = wireSize(event);
  checkEventSize(operation, event, bytes, connection.options.maxMessageBytes);
  return { operation, id: event.EventID, isIdGiven: message.id !== undefined, channel: event.Channel, count: 1, bytes };
}
