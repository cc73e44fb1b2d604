import type { QueueMessage } from "../../index.js";
import { lineOf, recordOf } from "../messages/record.js";
import type { Line } from "../terminal/line.js";

/** A queue message for people and for programs. */
export function printed(message: QueueMessage<unknown>): [Line, object] {
  const { sequence, timestamp, receiveCount, reroutedFrom, expiresAt, policy } = message;
  const marks = [
    `#${sequence}`,
    timestamp.toISOString(),
    ...(receiveCount > 1 ? [`received ${receiveCount} times`] : []),
  ];
  // JSON omits undefined properties.
  const more = { sequence, timestamp, receiveCount, reroutedFrom, expiresAt, policy };
  return [lineOf(message, ...marks), recordOf(message, more)];
}
