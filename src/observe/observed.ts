import type { Outgoing } from "../api/message.js";
import type { ChannelKind } from "../api/server.js";
import type { Subscription } from "../api/subscription.js";
import type { Activity, ActivityOutcome, ObservedMessage, Observer, Operation } from "../api/telemetry.js";
import { newId } from "../support/ids.js";

/** How a client that is observed does the same as one that is not: what its patterns share. */

/** Runs work, and ends the activity with what becomes of it. */
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

/** Begins to send one message, and gives it as it is to be sent: with an id that is known, and the context in its tags. */
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

/** The message with the context in its tags. What is not tags is left to be refused. */
export function carrying<M extends { readonly tags?: Readonly<Record<string, string>> }>(
  activity: Activity,
  message: M,
): M {
  const { tags } = message;
  if (tags !== undefined && (typeof tags !== "object" || tags === null)) return message;
  return { ...message, tags: activity.carry(tags) };
}

/** The channel that all of them have, if they have one in common. */
export function commonChannel(messages: readonly { readonly channel: string }[]): string | undefined {
  const channel = messages[0]?.channel;
  return messages.every((message) => message.channel === channel) ? channel : undefined;
}

/** What a loop works on, to the observer. */
export type Processing = Pick<Operation, "pattern" | "group">;

export function beginProcess(observer: Observer, { pattern, group }: Processing, message: ObservedMessage): Activity {
  const { channel } = message;
  return observer.begin({ type: "process", name: "process", pattern, group, channel, messages: [message] });
}

/** Runs a handler as the process of its message. */
export function processed<M, R>(
  begin: (message: M) => Activity,
  handler: (message: M) => R | Promise<R>,
): (message: M) => Promise<R> {
  return (message) => {
    const activity = begin(message);
    return during(activity, () => activity.run(async () => handler(message)));
  };
}

/** Observes the bodies of a subscription's loop: each begins when its item is handed over, and ends when the next is asked for. */
export function observeLoop<T, S extends Subscription<T>>(
  subscription: S & Subscription<T>,
  begin: (item: T) => Activity,
): S {
  replace(subscription, Symbol.asyncIterator, (iterate) => () => new ObservedLoop(iterate(), begin));
  return subscription;
}

class ObservedLoop<T> implements AsyncIterator<T, void, void> {
  readonly #loop: AsyncIterator<T, void, void>;
  readonly #begin: (item: T) => Activity;
  #body: Activity | undefined;

  constructor(loop: AsyncIterator<T, void, void>, begin: (item: T) => Activity) {
    this.#loop = loop;
    this.#begin = begin;
  }

  async next(): Promise<IteratorResult<T, void>> {
    const next = this.#loop.next(); // may settle the item, which belongs to its body
    this.#endBody({});
    const result = await next;
    if (result.done === true) return result;
    this.#endBody({}); // the loop has asked twice: it is done with the one before
    this.#body = this.#begin(result.value);
    return result;
  }

  async return(): Promise<IteratorResult<T, void>> {
    const left = this.#loop.return?.();
    this.#endBody({ loopLeft: true });
    return (await left) ?? { done: true, value: undefined };
  }

  async throw(error?: unknown): Promise<IteratorResult<T, void>> {
    await this.return();
    throw error;
  }

  #endBody(outcome: ActivityOutcome): void {
    this.#body?.end(outcome);
    this.#body = undefined;
  }
}

/**
 * Replaces a method of one object. Messages and streams are known by their private fields, so an object in front of one would
 * not be taken for it.
 */
export function replace<O extends object, K extends keyof O>(
  object: O,
  name: K,
  make: (original: O[K] & ((...args: never[]) => unknown)) => O[K],
): void {
  const original = object[name] as (...args: never[]) => unknown;
  const value = make(original.bind(object) as O[K] & ((...args: never[]) => unknown));
  Object.defineProperty(object, name, { value, configurable: true, writable: true });
}
