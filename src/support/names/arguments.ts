import { refuse, type Subject } from "../checks.js";
import { checkKnown, checkObject, checkOptionsObject, valueKind } from "./known.js";

/** Checks that arguments are objects at all. JavaScript callers have no compiler that does. */

/** Refuses a message, a request such as `{ channel }`, or options, unless each is an object. */
export function checkArguments(operation: string, noun: "message" | "request", value: unknown, options: unknown): void {
  if (!isObject(value)) checkObject({ operation }, noun, value, ""); // promise: arguments-are-objects
  if (options !== undefined) checkOptionsObject(subjectOf(operation, value), options);
}

/**
 * The same as {@link checkArguments} for calls that return a promise: a rejection, or undefined.
 */
export function refusedArguments(
  operation: string,
  noun: "message" | "request",
  value: unknown,
  options: unknown,
): Promise<never> | undefined {
  if (isObject(value) && options === undefined) return undefined;
  return rejection(() => checkArguments(operation, noun, value, options));
}

/**
 * Refuses messages that are not an array, or whose array has a hole or an item that is not an
 * object.
 */
export function checkBatch(operation: string, messages: unknown, options?: unknown): void {
  checkArray(operation, "messages", messages);
  for (let at = 0; at < messages.length; at++) {
    const message: unknown = messages[at];
    if (isObject(message)) continue;
    throw refuse({ operation }, `message at index ${at}: message must be an object, got ${valueKind(message)}`);
  }
  if (options !== undefined) checkOptionsObject({ operation }, options);
}

export function checkArray(operation: string, noun: string, values: unknown): asserts values is readonly unknown[] {
  if (Array.isArray(values)) return;
  throw refuse({ operation }, `${noun} must be an array of ${noun}, got ${valueKind(values)}`);
}

/** Refuses a value that cannot be iterated, and a string, whose items are not messages. */
export function checkIterable(operation: string, noun: string, values: unknown, options: unknown): void {
  const isIterable =
    typeof values === "object" && values !== null && (Symbol.iterator in values || Symbol.asyncIterator in values);
  if (!isIterable) throw refuse({ operation }, `${noun} must be an iterable of ${noun}, got ${valueKind(values)}`);
  checkKnown({ operation }, "", options, ["signal"]);
}

/** The rejection of a call whose check throws; undefined if the check passes. */
function rejection(check: () => void): Promise<never> | undefined {
  try {
    check();
    return undefined;
  } catch (error) {
    return Promise.reject(error);
  }
}

function isObject(value: unknown): boolean {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function subjectOf(operation: string, value: unknown): Subject {
  const { channel } = value as { readonly channel?: unknown };
  return typeof channel === "string" ? { operation, channel } : { operation };
}
