import { refuse, type Subject } from "../checks.js";
import { suggestion } from "./suggestion.js";

/** Names that do not belong here, by the place where they belong, such as `policy`. */
export type Places = Readonly<Record<string, readonly string[]>>;

/**
 * Refuses names that do not exist in a request, its options or a part of them: a misspelt or
 * misplaced one would have no effect.
 *
 * @param prefix - of the names in the error, such as `retry.`
 * @param places - where a name may have been meant to be
 * @throws KubeMQError INVALID_ARGUMENT
 */
export function checkKnown(
  subject: Subject,
  prefix: string,
  value: unknown,
  known: readonly string[],
  places: Places = {},
): void {
  if (value === undefined) return;
  checkObject(subject, prefix === "" ? "options" : prefix.slice(0, -1), value, "");
  if (known.includes("signal")) checkSignal(subject, value["signal"]);
  for (const name of Object.keys(value)) {
    if (!known.includes(name)) throw unknownName(subject, OPTION, prefix, name, known, places);
  }
}

export function checkOptionsObject(subject: Subject, options: unknown): void {
  checkObject(subject, "options", options, "");
}

/** Checks by shape, because a signal of another realm is no `instanceof AbortSignal`. */
function checkSignal(subject: Subject, signal: unknown): void {
  if (signal === undefined || isSignal(signal)) return;
  throw refuse(subject, `signal must be an AbortSignal, got ${valueKind(signal)}`); // promise: signal-checked
}

export function isSignal(value: unknown): value is AbortSignal {
  if (typeof value !== "object" || value === null) return false;
  const { aborted, addEventListener } = value as { readonly aborted?: unknown; readonly addEventListener?: unknown };
  return typeof aborted === "boolean" && typeof addEventListener === "function";
}

export function checkObject(
  subject: Subject,
  name: string,
  value: unknown,
  hint: string,
): asserts value is Record<string, unknown> {
  const isAbortSignal = Object.prototype.toString.call(value) === "[object AbortSignal]";
  if (typeof value === "object" && value !== null && !Array.isArray(value) && !isAbortSignal) return;
  throw refuse(subject, `${name} must be an object${hint}, got ${isAbortSignal ? SIGNAL : advised(name, value)}`);
}

const SIGNAL = "an AbortSignal: pass it as { signal }";

/** The kind of a value, with the form of the call if other clients have it in another form. */
function advised(name: string, value: unknown): string {
  const got = valueKind(value);
  if (typeof value === "string" && name === "message") return `${got}: pass { channel, body }`;
  if (typeof value === "string" && name === "request") return `${got}: pass { channel }`;
  if (typeof value === "function" && name === "options") return `${got}: await the promise, or read with for await`;
  return got;
}

/** The words for the names in an error, such as "option" and "options". */
export interface Noun {
  readonly one: string;
  readonly all: string;
  /** The object that has the names, such as ` of the message`. */
  readonly of: string;
}

const OPTION: Noun = { one: "option", all: "options", of: "" };

/** The error for a name that does not exist, with the place or the name that was probably meant. */
export function unknownName(
  subject: Subject,
  noun: Noun,
  prefix: string,
  name: string,
  known: readonly string[],
  places: Places = {},
): Error {
  const hint = misplaced(name, places) ?? meant(noun, prefix, name, known, places);
  return refuse(subject, `unknown ${noun.one} ${JSON.stringify(prefix + name)}${noun.of}: ${hint}`);
}

function misplaced(name: string, places: Places): string | undefined {
  const place = Object.keys(places).find((one) => places[one]?.includes(name));
  return place === undefined ? undefined : `${name} belongs in ${place}`;
}

function meant(noun: Noun, prefix: string, name: string, known: readonly string[], places: Places): string {
  const here = suggestion(name, known);
  if (here !== undefined) return `did you mean ${JSON.stringify(prefix + here)}?`;
  for (const [place, names] of Object.entries(places)) {
    const there = suggestion(name, names);
    if (there !== undefined) return `did you mean ${JSON.stringify(there)}, which belongs in ${place}?`;
  }
  return `the ${noun.all} are ${known.join(", ")}`;
}

/** The kind of a value, for an error about an argument. */
export function valueKind(value: unknown): string {
  if (Array.isArray(value)) return "an array";
  if (value === null || value === undefined) return String(value);
  if (typeof value !== "object") return `a ${typeof value}`;
  const name: unknown = value.constructor?.name;
  if (typeof name !== "string" || name === "" || name === "Object") return "an object";
  return `${/^[AEIOU]/.test(name) ? "an" : "a"} ${name}`;
}
