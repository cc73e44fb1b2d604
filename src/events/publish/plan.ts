import type { OutgoingMessage } from "../../api/message.js";
import type { Connection } from "../../connection/connection.js";
import type { About } from "../../stream/send/send.js";
import { checkChannel, checkStoredChannel } from "../../support/checks.js";
import { completed, encodePayload } from "../../support/message/payload.js";
import { checkMessageNames } from "../../support/names/message.js";
import type { OwnWrites } from "../own-writes.js";
import { checkEventSize, eventOf, type WireEvent, wireSize } from "../wire.js";
import type { EventSenderOptions } from "./sender.js";

/** The differences between publishing plain events and stored events. */
export interface EventPlan<Receipt> {
  readonly operation: string;
  readonly confirmedBy: EventSenderOptions["confirmedBy"];
  /** Checks a message and builds the event. `aboutEvent` checks the size. */
  prepare(message: OutgoingMessage): WireEvent;
  receipt(id: string): Receipt;
  /** Records confirmed events. Set only for stored events, because a replay can read them. */
  readonly ownWrites?: OwnWrites;
}

/** Returns the `prepare` function of a plan. */
export function preparing(
  operation: string,
  kind: "events" | "eventsStore",
  clientId: string,
): EventPlan<unknown>["prepare"] {
  const isStored = kind === "eventsStore";
  const checkName: (operation: string, channel: unknown) => asserts channel is string = isStored
    ? checkStoredChannel
    : checkChannel;
  return (message) => {
    checkMessageNames(operation, kind, message);
    checkName(operation, message.channel);
    const complete = completed(operation, message);
    return eventOf(clientId, complete, encodePayload(operation, complete), isStored);
  };
}

/** Describes an event for its sender. Rejects an event that is too large. */
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
