import type { Outgoing } from "../api/message.js";
import type { ChannelKind } from "../api/server.js";
import type { Activity, ActivityOutcome, ObservedMessage, Observer, Operation } from "../api/telemetry.js";
import { isHooked, setCallHook } from "../support/message/call-hook.js";
import { newId } from "../support/message/ids.js";

/** Shared by the observed patterns: wraps a call or a handler in an activity. */

/** Runs the work and ends the activity with its outcome. */
export async function during<T>(
  activity: Activity,
  work: () => Promise<T>,
  outcomeOf: (result: T) => ActivityOutcome = () => ({}),
): Promise<T> {
  let outcome: ActivityOutcome = {};
  try {
    const result = await work();
    outcome = outcomeOf(result);
    return result;
  } catch (error) {
    outcome = { failure: { error } };
    throw error;
  } finally {
    activity.end(outcome);
  }
}

/** Starts the activity of one send; returns the message with its id and the context in its tags. */
export function outgoing<M extends Outgoing>(
  observer: Observer,
  type: "create" | "send",
  name: string,
  pattern: ChannelKind,
  message: M,
): { readonly activity: Activity; readonly message: M } {
  const known = message.id === undefined ? { ...message, id: newId() } : message;
  const activity = observer.begin({ type, name, pattern, channel: message.channel, messages: [known] });
  return { activity, message: carrying(activity, known) };
}

/** Sends one message, observed. */
export async function sending<M extends Outgoing, R>(
  observer: Observer,
  name: "publish" | "send",
  pattern: ChannelKind,
  message: M,
  send: (message: M) => Promise<R>,
  outcomeOf?: (result: R) => ActivityOutcome,
): Promise<R> {
  const sent = outgoing(observer, "send", name, pattern, message);
  return during(sent.activity, () => send(sent.message), outcomeOf);
}

/** Maximum links on the span of a publisher; each message carries its own context anyway. */
const MAX_LINKED = 128;

/**
 * One `create` activity per message taken from the iterable; the `send` activity ends with the
 * iterable.
 */
export async function sendingAll<M extends Outgoing>(
  observer: Observer,
  name: "publish" | "send",
  pattern: ChannelKind,
  messages: Iterable<M> | AsyncIterable<M>,
  send: (messages: Iterable<M> | AsyncIterable<M>) => Promise<number>,
): Promise<number> {
  const startedAt = Date.now();
  const created: Activity[] = [];
  const channels = new Set<string>();
  let count = 0;
  const create = (message: M) => {
    if (typeof message !== "object" || message === null) return message; // the send refuses it
    const { activity, message: carrying } = outgoing(observer, "create", "create", pattern, message);
    activity.end();
    count += 1;
    if (created.length < MAX_LINKED) created.push(activity);
    if (channels.size < 2) channels.add(message.channel);
    return carrying;
  };
  const sent = () => {
    const [channel] = channels.size === 1 ? channels : [];
    const operation = { type: "send", name, pattern, channel, isBatch: true, created, startedAt } as const;
    return observer.begin({ ...operation, messages: [] });
  };
  try {
    const answered = await send(
      Symbol.asyncIterator in messages ? eachAsync(messages, create) : each(messages, create),
    );
    sent().end({ count });
    return answered;
  } catch (error) {
    sent().end({ count, failure: { error } });
    throw error;
  }
}

function* each<T>(items: Iterable<T>, make: (item: T) => T): Generator<T, void> {
  for (const item of items) yield make(item);
}

async function* eachAsync<T>(items: AsyncIterable<T>, make: (item: T) => T): AsyncGenerator<T, void> {
  for await (const item of items) yield make(item);
}

/** Adds the context to the tags. Invalid tags stay as they are; the send refuses them. */
function carrying<M extends { readonly tags?: Readonly<Record<string, string>> | undefined }>(
  activity: Activity,
  message: M,
): M {
  const { tags } = message;
  const isInvalid = tags !== undefined && (typeof tags !== "object" || tags === null || Symbol.iterator in tags);
  if (isInvalid) return message;
  return { ...message, tags: activity.carry(tags) };
}

/** The common channel of the messages, if there is one. */
export function commonChannel(messages: readonly { readonly channel: string }[]): string | undefined {
  const channel = messages[0]?.channel;
  return messages.every((message) => message.channel === channel) ? channel : undefined;
}

/** The properties of a `process` operation that all messages of a subscription share. */
export type Processing = Pick<Operation, "pattern" | "group" | "subscribedTo">;

export function beginProcess(observer: Observer, processing: Processing, message: ObservedMessage): Activity {
  const { channel } = message;
  return observer.begin({ type: "process", name: "process", ...processing, channel, messages: [message] });
}

/** Observes the calls that a received message or batch offers. */
export function observeCalls(
  received: object,
  begin: (name: string, messages: readonly ObservedMessage[] | undefined) => Activity,
): void {
  if (!isHooked(received)) return;
  received[setCallHook]((name, call, messages) => {
    const activity = begin(name, messages?.() as readonly ObservedMessage[] | undefined);
    return during(activity, () => call((tags) => carrying(activity, { tags }).tags));
  });
}

/** Runs a handler as the `process` activity of its message. */
export function processed<M, R>(
  begin: (message: M) => Activity,
  handler: (message: M) => R | Promise<R>,
): (message: M) => Promise<R> {
  return (message) => {
    const activity = begin(message);
    return during(activity, () => activity.run(async () => handler(message)));
  };
}
