import { Code, ConnectError } from "@connectrpc/connect";

/** The messages of a KubeMQ server, character for character: clients distinguish errors by them. */
export const texts = {
  clientId: "Error 101: invalid clientID value, cannot be empty",
  channelEmpty: "Error 102: invalid channel value, cannot be empty",
  channelWildcards: "Error 107: invalid channel value, no wildcards are allowed",
  channelSpaces: "Error 108: invalid channel value, no white spaces are allowed",
  timeout: "Error 109: invalid set timeout value, cannot be 0 or negative",
  messageEmpty: "Error 110: invalid message, cannot be empty",
  startUndefined: "Error 111: invalid subscription type, cannot be undefined or 0",
  startSequence: "Error 112: invalid subscription type start at sequence value, cannot by 0 or negative",
  startTime: "Error 113: invalid subscription type start at time value, cannot by 0 or negative",
  startTimeDelta: "Error 114: invalid subscription type start at time delta value, cannot by 0 or negative",
  requestEmpty: "Error 115: invalid request, cannot be empty",
  cacheTtl: "Error 116: invalid cache ttl value, cannot be 0 or negative",
  requestId: "Error 117: invalid request id, cannot be empty",
  startWithoutStore: "Error 118: event store parameters were set but subscribe type is not event store",
  channelTrailingDot: "Error 119: invalid channel value, cannot end with `.`",
  queueName: "Error 120: invalid queue name value, cannot be empty, contains wildcards ,white spaces and end with dot",
  requestType: "Error 206: invalid request type",
  subscribeType: "Error 207: invalid subscribe type",
  requestTimeout: "Error 301: timeout for request message",
  authentication: "Error 421: authentication verification failed, ",
  clientIdInUse: "stan: clientID already registered",
  clientIdCharacters: "stan: invalid clientID: only alphanumeric and `-` or `_` characters allowed",
  storeSubject: "stan: invalid subject",
  storePublish: "stan: invalid publish request",
  durableColon: "stan: durable name of a durable queue subscriber can't contain the character ':'",
  subject: "nats: invalid subject",
  group: "nats: invalid queue name",
} as const;

/** A KubeMQ server's status for nearly every refusal: code 13, even when the caller is at fault. */
export const internal = (text: string): ConnectError => new ConnectError(text, Code.Internal);

/** An error that the server does not wrap: code 2. */
export const unknown = (text: string): ConnectError => new ConnectError(text, Code.Unknown);
