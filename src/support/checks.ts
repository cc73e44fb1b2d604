import { KubeMQError } from "../api/errors.js";
import type { Outgoing } from "../api/message.js";
import { MAX_TIMER_MS } from "./defaults.js";

/**
 * Argument checks, made before a byte is sent. They are at least as strict as the server's, so that
 * an error names the argument. They are stricter where an argument would harm a server: a control
 * character in a channel name ends a connection that all clients of the server share.
 */
export interface Subject {
  readonly operation: string;
  readonly channel?: string;
}

export function refuse(subject: Subject, message: string): KubeMQError {
  return new KubeMQError("INVALID_ARGUMENT", message, subject);
}

/** The operation and the channel with which the message of an error begins. */
export function placeOf({ operation, channel }: Subject): string {
  return channel === undefined ? operation : `${operation} on ${channel}`;
}

/** The message of an error without its operation and channel, for an error with others. */
export function reasonOf({ message, operation, channel }: KubeMQError): string {
  if (operation === undefined) return message;
  const prefix = `${placeOf({ operation, ...(channel === undefined ? {} : { channel }) })}: `;
  return message.startsWith(prefix) ? message.slice(prefix.length) : message;
}

/**
 * The channels that last passed the checks. Most messages go to the channel of the previous
 * message, and regular expressions are the most expensive check.
 */
let lastChannel: unknown;

let lastStoredChannel: unknown;

let lastQueue: unknown;

/**
 * A stored channel is a folder on the server's disk, named by a prefix and the channel. Folder
 * names have at most 255 bytes.
 */
const LONGEST_STORE_CHANNEL_BYTES = 255 - "_EVENTS_STORE_.".length;

const LONGEST_QUEUE_BYTES = 255 - "_QUEUES_.".length;

/**
 * A server's line of NATS with a channel and a group has at most 4,096 bytes. A longer one ends the
 * connection that carries the events or requests of all its clients.
 */
const LONGEST_CHANNEL_BYTES = 3_000;

const LONGEST_GROUP_BYTES = 1_000;

/** Checks a channel to send to. */
export function checkChannel(operation: string, channel: unknown, name = "channel"): asserts channel is string {
  if (channel === lastChannel && channel !== undefined) return;
  checkName(operation, channel, name);
  // promise: channel-wildcard
  if (/[*>]/.test(channel)) {
    throw refuse({ operation, channel }, `${name} must not contain the wildcards "*" and ">", got ${quote(channel)}`);
  }
  lastChannel = channel;
}

/**
 * Checks a channel to subscribe to, where wildcards are allowed. A server refuses to subscribe to
 * an empty part of a name, but delivers messages that are sent to `a..b` to subscribers of `a.*.b`.
 */
export function checkChannelFilter(operation: string, channel: unknown): asserts channel is string {
  checkName(operation, channel, "channel");
  // promise: filter-without-empty-parts
  if (channel.startsWith(".") || channel.includes("..")) {
    const text = `channel must not have empty parts between dots, got ${quote(channel)}: servers refuse to subscribe to it`;
    throw refuse({ operation, channel }, text);
  }
}

function checkName(operation: string, channel: unknown, name: string): asserts channel is string {
  if (typeof channel !== "string" || channel === "")
    throw refuse({ operation }, `${name} must be a non-empty string, got ${quote(channel)}`);
  if (!channel.isWellFormed()) throw illFormed({ operation }, name, channel); // promise: well-formed-names
  if (channel.endsWith("."))
    throw refuse({ operation, channel }, `${name} must not end with a dot, got ${quote(channel)}`);
  // promise: channel-control-characters
  // oxlint-disable-next-line no-control-regex -- control characters are what this looks for
  if (/[\s\u0000-\u001f\u007f-\u009f]/.test(channel)) {
    throw refuse(
      { operation, channel },
      `${name} must not contain white space or control characters, got ${quote(channel)}`,
    );
  }
  const bytes = bytesAbove(channel, LONGEST_CHANNEL_BYTES);
  if (bytes !== undefined) {
    const text = `${name} must not have more than ${LONGEST_CHANNEL_BYTES} bytes, has ${bytes}: it would end a connection of the server`;
    throw refuse({ operation }, text); // promise: channel-length
  }
}

/** The length of a string in UTF-8, if it is above a limit. */
function bytesAbove(value: string, limit: number): number | undefined {
  if (value.length * 3 <= limit) return undefined;
  const bytes = Buffer.byteLength(value);
  return bytes > limit ? bytes : undefined;
}

/**
 * Checks a channel of the events store. A server confirms an event whose channel name its store
 * refuses as if the event were stored.
 */
export function checkStoredChannel(operation: string, channel: unknown, name = "channel"): asserts channel is string {
  if (channel === lastStoredChannel && channel !== undefined) return;
  checkStorable(operation, channel, name, LONGEST_STORE_CHANNEL_BYTES);
  lastStoredChannel = channel;
}

/**
 * Checks the name of a queue: to send to, to receive from, for dead letters, or to requeue to. A
 * server accepts a message for a name with ":" and refuses every receiver of it, because a queue is
 * a durable group of its store. It loses a dead letter for a name that the store refuses.
 */
export function checkQueueChannel(operation: string, channel: unknown, name = "channel"): asserts channel is string {
  if (channel === lastQueue && channel !== undefined) return;
  checkStorable(operation, channel, name, LONGEST_QUEUE_BYTES);
  if (channel.includes(":")) {
    throw refuse(
      { operation, channel },
      `${name} must not contain ":", got ${quote(channel)}: servers store such a message, and let nobody receive it`,
    );
  }
  lastQueue = channel;
}

function checkStorable(
  operation: string,
  channel: unknown,
  name: string,
  longestBytes: number,
): asserts channel is string {
  checkChannel(operation, channel, name);
  if (channel.startsWith(".") || channel.includes("..") || channel.includes("/")) {
    throw refuse(
      { operation, channel },
      `${name} must not contain "/" or empty parts between dots, got ${quote(channel)}: the server's store refuses such names`,
    );
  }
  const bytes = bytesAbove(channel, longestBytes);
  if (bytes !== undefined) {
    throw refuse(
      { operation, channel },
      `${name} must not have more than ${longestBytes} bytes, has ${bytes}: the server's store cannot hold it`,
    );
  }
}

/** Checks a group name; undefined means no group. */
export function checkGroup(operation: string, channel: string, group: unknown): string {
  if (group === undefined) return "";
  // oxlint-disable-next-line no-control-regex -- control characters are what this looks for
  if (typeof group !== "string" || group === "" || /[\s\u0000-\u001f\u007f-\u009f]/.test(group)) {
    throw refuse({ operation, channel }, `group must be a non-empty string without white space, got ${quote(group)}`);
  }
  const bytes = bytesAbove(group, LONGEST_GROUP_BYTES);
  if (bytes !== undefined) {
    const text = `group must not have more than ${LONGEST_GROUP_BYTES} bytes, has ${bytes}: the server would deliver nothing`;
    throw refuse({ operation, channel }, text);
  }
  return group;
}

/** Checks the properties of an outgoing message other than channel and body. */
export function checkOutgoing(operation: string, message: Outgoing): void {
  const { channel, id, metadata, tags } = message;
  if (id !== undefined && (typeof id !== "string" || id === "")) {
    throw refuse({ operation, channel }, `id must be a non-empty string, got ${quote(id)}`);
  }
  if (id !== undefined && !id.isWellFormed()) throw illFormed({ operation, channel }, "id", id);
  if (metadata !== undefined && typeof metadata !== "string") {
    throw refuse({ operation, channel }, `metadata must be a string, got ${kind(metadata)}`);
  }
  if (tags === undefined) return;
  // The entries of a Map are not properties and would be lost silently.
  if (typeof tags !== "object" || tags === null || Symbol.iterator in tags) {
    const text = `tags must be a plain object of strings, got ${kind(tags)}`;
    throw refuse({ operation, channel }, tags instanceof Map ? `${text}: use Object.fromEntries(tags)` : text);
  }
  for (const key in tags) {
    const value: unknown = tags[key];
    if (typeof value !== "string") {
      throw refuse({ operation, channel }, `tag ${quote(key)} must be a string, got ${kind(value)}`);
    }
    if (!key.isWellFormed()) throw illFormed({ operation, channel }, "the key of a tag", key);
    if (!value.isWellFormed()) throw illFormed({ operation, channel }, `tag ${quote(key)}`, value);
  }
}

/**
 * The error for a string with half a surrogate pair. UTF-8 cannot encode it: it would be sent as
 * U+FFFD, and two different names could become one.
 */
function illFormed(subject: Subject, name: string, value: string): KubeMQError {
  const why = "it has half a surrogate pair, for example because a string was cut";
  return refuse(subject, `${name} must be well-formed Unicode, got ${quote(value)}: ${why}`);
}

/** Checks for a whole number within bounds. */
export function checkInteger(subject: Subject, name: string, value: unknown, min: number, max: number): number {
  if (typeof value !== "number" || !Number.isInteger(value) || value < min || value > max) {
    throw refuse(subject, `${name} must be a whole number from ${min} to ${max}, got ${quote(value)}`);
  }
  return value;
}

/** Checks for a number within bounds; fractions are allowed. */
export function checkNumber(subject: Subject, name: string, value: unknown, min: number, max: number): number {
  if (typeof value !== "number" || !(value >= min && value <= max)) {
    throw refuse(subject, `${name} must be a number from ${min} to ${max}, got ${quote(value)}`);
  }
  return value;
}

/** Checks a time-out in milliseconds. */
export function checkTimeout(subject: Subject, timeoutMs: number | undefined, fallbackMs: number): number {
  return timeoutMs === undefined ? fallbackMs : checkInteger(subject, "timeoutMs", timeoutMs, 1, MAX_TIMER_MS);
}

/** Checks for a function: an application's handler. */
export function checkHandler(subject: Subject, handler: unknown): void {
  if (typeof handler !== "function") throw refuse(subject, `handler must be a function, got ${kind(handler)}`);
}

/** Checks for bytes or undefined. */
export function checkBytes(subject: Subject, name: string, value: unknown): void {
  if (value !== undefined && !isForeignBytes(value))
    throw refuse(subject, `${name} must be a Uint8Array, got ${kind(value)}`);
}

/**
 * Accepts bytes of another realm, such as a jest sandbox or a worker: they have another class but
 * the same content.
 */
export function isForeignBytes(value: unknown): value is Uint8Array {
  return ArrayBuffer.isView(value) && Object.prototype.toString.call(value) === "[object Uint8Array]";
}

/** Names the type of a value for an error message. */
export function kind(value: unknown): string {
  if (value === null) return "null";
  return typeof value === "object" ? (value.constructor?.name ?? "object") : typeof value;
}

/** Quotes a value for an error message. */
export function quote(value: unknown): string {
  return typeof value === "string"
    ? JSON.stringify(value.length > 80 ? `${value.slice(0, 80)}…` : value)
    : String(value);
}

/**
 * Refuses a message above the server's limit before it is sent. `estimate` is fast and never too
 * low.
 */
export function checkSize(
  subject: Subject,
  estimate: number,
  exact: () => number,
  maxMessageBytes: number,
  what = "message",
): void {
  if (estimate <= maxMessageBytes) return;
  const size = exact();
  // promise: message-too-large
  if (size > maxMessageBytes) {
    throw refuse(subject, `${what} of ${size} bytes is larger than maxMessageBytes, ${maxMessageBytes}`);
  }
}
