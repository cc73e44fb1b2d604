import type { KubeMQError } from "../api/errors.js";
import type { Subject } from "./checks.js";

/** The operation and the channel with which the message of an error begins. */
export function placeOf({ operation, channel }: Subject): string {
  return channel === undefined ? operation : `${operation} on ${channel}`;
}

/** The message of an error without its operation and channel, for an error about others. */
export function reasonOf({ message, operation, channel }: KubeMQError): string {
  if (operation === undefined) return message;
  const prefix = `${placeOf({ operation, ...(channel === undefined ? {} : { channel }) })}: `;
  return message.startsWith(prefix) ? message.slice(prefix.length) : message;
}
