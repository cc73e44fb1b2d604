import {
  Request_RequestType,
  Subscribe_EventsStoreType as Start,
  Subscribe_SubscribeType,
} from "../../gen/kubemq_pb.js";
import type { Event, Request, Response, Subscribe } from "../../gen/kubemq_pb.js";
import { texts } from "./errors.js";

/** The text of the first rule that is broken, or undefined. */
export type Verdict = string | undefined;

// A blank is all the "white space" the server looks for: tabs and newlines pass its validation and
// break its connections. They are refused further on, where a subject or a name is made of them.
const hasSpace = (channel: string) => channel.includes(" ");
const hasWildcard = (channel: string) => channel.includes("*") || channel.includes(">");

// oxlint-disable-next-line no-control-regex -- control characters are what is looked for
const control = /[\u0000-\u001f\u007f]/;

function checkChannel(channel: string): Verdict {
  if (channel === "") return texts.channelEmpty;
  if (channel.endsWith(".")) return texts.channelTrailingDot;
  if (hasSpace(channel)) return texts.channelSpaces;
  return undefined;
}

/** What is to be sent to one channel, not to a pattern of channels. */
function checkExactChannel(channel: string): Verdict {
  return checkChannel(channel) ?? (hasWildcard(channel) ? texts.channelWildcards : undefined);
}

/** A queue has one text for all that can be wrong with its name. */
export function checkQueueName(name: string): Verdict {
  return checkExactChannel(name) === undefined ? undefined : texts.queueName;
}

/** A subject with an empty token, or with white space in it, cannot be subscribed to. */
function checkSubject(channel: string): Verdict {
  return control.test(channel) || channel.split(".").includes("") ? texts.subject : undefined;
}

/** Whether the store can keep messages under this name; `/` and empty tokens are beyond it. */
export function isStorable(channel: string): boolean {
  return !channel.includes("/") && checkSubject(channel) === undefined;
}

/** Whether a name would break something out of sight of the validation, like a tab or a newline. */
const hasControlCharacter = (name: string): boolean => control.test(name);

export function checkGroup(group: string): Verdict {
  return hasSpace(group) || control.test(group) ? texts.group : undefined;
}

export function checkEvent(event: Event): Verdict {
  if (event.ClientID === "") return texts.clientId;
  const channel = checkExactChannel(event.Channel);
  if (channel !== undefined) return channel;
  if (event.Metadata === "" && event.Body.length === 0) return texts.messageEmpty;
  // A control character kills the real server's shared connection; nobody wants that copied.
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

/** SubscribeToEvents with SubscribeTypeData EventsStore; the ClientID is looked at before this. */
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

/** The ClientID of an events-store subscription names a connection of the store. */
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
