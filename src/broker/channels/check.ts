import {
  Request_RequestType,
  Subscribe_EventsStoreType as Start,
  Subscribe_SubscribeType,
} from "../../../gen/kubemq_pb.js";
import type { Event, Request, Response, Subscribe } from "../../../gen/kubemq_pb.js";
import { texts } from "../grpc/errors.js";

/** The message for the first broken rule, or undefined. */
export type Verdict = string | undefined;

// The server's validation refuses only blanks as "white space". Tabs and newlines pass it and then
// break its connections; this broker refuses them later, where a subject or a name is formed.
const hasSpace = (channel: string) => channel.includes(" ");
const hasWildcard = (channel: string) => channel.includes("*") || channel.includes(">");

// oxlint-disable-next-line no-control-regex -- this looks for control characters
const control = /[\u0000-\u001f\u007f]/;

function checkChannel(channel: string): Verdict {
  if (channel === "") return texts.channelEmpty;
  if (channel.endsWith(".")) return texts.channelTrailingDot;
  if (hasSpace(channel)) return texts.channelSpaces;
  return undefined;
}

/** A channel to send to, not a pattern. */
function checkExactChannel(channel: string): Verdict {
  return checkChannel(channel) ?? (hasWildcard(channel) ? texts.channelWildcards : undefined);
}

/** For queues, the server has one message for every invalid name. */
export function checkQueueName(name: string): Verdict {
  return checkExactChannel(name) === undefined ? undefined : texts.queueName;
}

/** A subject with an empty token or with white space cannot be subscribed to. */
function checkSubject(channel: string): Verdict {
  return control.test(channel) || channel.split(".").includes("") ? texts.subject : undefined;
}

/** Whether the store accepts this name; it supports neither `/` nor empty tokens. */
export function isStorable(channel: string): boolean {
  return !channel.includes("/") && checkSubject(channel) === undefined;
}

/**
 * Whether a name contains a character such as a tab or a newline. It passes the server's
 * validation and then breaks a connection.
 */
const hasControlCharacter = (name: string): boolean => control.test(name);

function checkGroup(group: string): Verdict {
  return hasSpace(group) || control.test(group) ? texts.group : undefined;
}

export function checkEvent(event: Event): Verdict {
  if (event.ClientID === "") return texts.clientId;
  const channel = checkExactChannel(event.Channel);
  if (channel !== undefined) return channel;
  if (event.Metadata === "" && event.Body.length === 0) return texts.messageEmpty;
  // A control character breaks the real server's shared connection. The broker does not imitate
  // that.
  return hasControlCharacter(event.Channel) ? texts.subject : undefined;
}

/** SubscribeToEvents with SubscribeTypeData Events. */
export function checkEventsSubscription(subscribe: Subscribe): Verdict {
  return (
    checkChannel(subscribe.Channel) ??
    (subscribe.EventsStoreTypeData === Start.EventsStoreTypeUndefined ? undefined : texts.startWithoutStore) ??
    checkSubject(subscribe.Channel) ??
    checkGroup(subscribe.Group)
  );
}

/** SubscribeToEvents with SubscribeTypeData EventsStore. The ClientID is checked before this. */
export function checkStoreSubscription(subscribe: Subscribe): Verdict {
  const value = subscribe.EventsStoreTypeValue;
  const verdict = checkExactChannel(subscribe.Channel);
  if (verdict !== undefined) return verdict;
  const start = subscribe.EventsStoreTypeData;
  if (start === Start.EventsStoreTypeUndefined) return texts.startUndefined;
  if (value <= 0n) {
    if (start === Start.StartAtSequence) return texts.startSequence;
    if (start === Start.StartAtTime) return texts.startTime;
    if (start === Start.StartAtTimeDelta) return texts.startTimeDelta;
  }
  if (!isStorable(subscribe.Channel)) return texts.storeSubject;
  if (subscribe.Group === "") return undefined;
  if (subscribe.Channel.includes(":") || subscribe.Group.includes(":")) return texts.durableColon;
  return checkGroup(subscribe.Group);
}

/** The ClientID of an events-store subscription is the name of a connection to the store. */
export function checkStoreClientId(clientId: string): Verdict {
  return /^[A-Za-z0-9_-]+$/.test(clientId) ? undefined : texts.clientIdCharacters;
}

export function checkRequestsSubscription(subscribe: Subscribe): Verdict {
  const { SubscribeTypeData: type } = subscribe;
  if (type !== Subscribe_SubscribeType.Commands && type !== Subscribe_SubscribeType.Queries) {
    return texts.subscribeType;
  }
  if (subscribe.ClientID === "") return texts.clientId;
  return checkChannel(subscribe.Channel) ?? checkSubject(subscribe.Channel) ?? checkGroup(subscribe.Group);
}

export function checkRequest(request: Request): Verdict {
  const { RequestTypeData: type } = request;
  if (type !== Request_RequestType.Command && type !== Request_RequestType.Query) {
    return texts.requestType;
  }
  if (request.ClientID === "") return texts.clientId;
  const channel = checkExactChannel(request.Channel);
  if (channel !== undefined) return channel;
  if (request.Timeout <= 0) return texts.timeout;
  if (request.Metadata === "" && request.Body.length === 0) return texts.requestEmpty;
  if (request.CacheKey !== "" && request.CacheTTL <= 0) return texts.cacheTtl;
  return hasControlCharacter(request.Channel) ? texts.subject : undefined;
}

export function checkResponse(response: Response): Verdict {
  if (response.ClientID === "") return texts.clientId;
  return checkExactChannel(response.ReplyChannel) ?? (response.RequestID === "" ? texts.requestId : undefined);
}
