import type { ChannelKind } from "../../api/server.js";
import { refuse, type Subject } from "../checks.js";
import { checkContractKind } from "../message/contract-kind.js";
import { checkObject, type Noun, type Places, unknownName } from "./known.js";

const COMMON = ["channel", "body", "codec", "id", "metadata", "tags"];

/** The properties of each kind of message beside those of all messages. */
const FURTHER: Readonly<Record<ChannelKind, readonly string[]>> = {
  events: [],
  eventsStore: [],
  commands: ["span"],
  queries: ["span", "cache", "responseCodec"],
  queues: ["policy"],
};

const OPTIONS = { "the options, not in the message": ["signal", "timeoutMs"] };

const PLACES: Readonly<Record<ChannelKind, Places>> = {
  events: OPTIONS,
  eventsStore: OPTIONS,
  commands: OPTIONS,
  queries: { ...OPTIONS, cache: ["key", "ttlSeconds"] },
  queues: {
    ...OPTIONS,
    policy: ["delaySeconds", "expirationSeconds", "deadLetter"],
    "policy.deadLetter": ["maxReceiveCount"],
  },
};

/** The properties that received messages have. They may be passed on as they are. */
const RECEIVED: ReadonlySet<string> = new Set([
  ...COMMON,
  "hasInvalidText",
  "value",
  "receivedAt",
  "sequence",
  "timestamp",
  "timestampNanos",
  "receiveCount",
  "reroutedFrom",
  "expiresAt",
  "delayedTo",
  "policy",
  "settled",
  "leasedUntil",
  "clientId",
  "timeoutMs",
  "remainingMs",
  "span",
  "cacheKey",
  "cacheHit",
  "ok",
]);

/**
 * Refuses properties that a message to send does not have: a misspelt or misplaced one would have
 * no effect. A received message, or a copy of one, may be sent as it is.
 *
 * @throws {KubeMQError} INVALID_ARGUMENT when a name is not known
 */
export function checkMessageNames(operation: string, kind: ChannelKind, message: object): void {
  if (typeof message !== "object" || message === null) checkObject({ operation }, "message", message, "");
  // A loop over the names with a switch costs 10 ns, a set of names three times as much.
  for (const name in message) {
    switch (name) {
      case "channel":
      case "body":
      case "codec":
      case "id":
      case "metadata":
      case "tags":
        continue;
      default:
        checkFurtherName(operation, kind, message, name);
    }
  }
}

function checkFurtherName(operation: string, kind: ChannelKind, message: object, name: string): void {
  const further = FURTHER[kind];
  if (further.includes(name) || isReceived(message, name) || !Object.hasOwn(message, name)) return;
  checkContractKind(operation, message as { readonly channel: string });
  const { channel } = message as { readonly channel?: unknown };
  const subject = { operation, ...(typeof channel === "string" ? { channel } : {}) };
  checkObject(subject, "message", message, "");
  // promise: message-names-known
  throw unknownName(subject, PROPERTY, "", name, [...COMMON, ...further], PLACES[kind]);
}

const PROPERTY: Noun = { one: "property", all: "properties", of: " of the message" };

const REPLY_PROPERTY: Noun = { ...PROPERTY, of: " of the response" };

/** A message may be passed as a response, whose channel and id are those of the request. */
const OF_REQUEST = ["channel", "id"];

/**
 * Refuses properties that a response does not have. A received response may be passed on as it is.
 *
 * @throws {KubeMQError} INVALID_ARGUMENT when a name is not known
 */
export function checkReplyNames(subject: Subject, reply: object, known: readonly string[], places: Places): void {
  if (typeof reply !== "object" || reply === null) throw refuse(subject, "the response must be an object");
  for (const name in reply) {
    if (known.includes(name) || OF_REQUEST.includes(name)) continue;
    if (isReceived(reply, name) || !Object.hasOwn(reply, name)) continue;
    checkObject(subject, "the response", reply, "");
    throw unknownName(subject, REPLY_PROPERTY, "", name, known, places);
  }
}

function isReceived(message: object, name: string): boolean {
  if (!RECEIVED.has(name)) return false;
  const { hasInvalidText, ok } = message as { readonly hasInvalidText?: unknown; readonly ok?: unknown };
  return typeof hasInvalidText === "boolean" || typeof ok === "boolean"; // promise: received-message-sendable
}
