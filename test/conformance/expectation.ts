import type { DescField, DescMessage, Message } from "@bufbuild/protobuf";
import { ScalarType } from "@bufbuild/protobuf";
import type { Json, JsonObject, Variable, Variables } from "./variables.js";
import { asObject, isArray, isObject, itemsOf, scalar } from "./variables.js";
import { bytesOf, enumNumber, fieldOf, textOf } from "./wire-values.js";

/** The context of a comparison. */
export interface Context {
  readonly variables: Variables;
  /** Start of the case, in nanoseconds since 1970. */
  readonly startedAt: bigint;
}

/** A single value in the form in which its field kind is compared. */
interface Kind {
  /** Compares a plain expected value with the actual one. */
  readonly equals: (expected: Json, actual: unknown, context: Context) => boolean;
  /** An expectation that is neither plain nor a matcher. */
  readonly structure?: (expected: JsonObject, actual: unknown, context: Context, path: string) => void;
}

const slackNs = 1_500_000_000n;

export class Mismatch extends Error {
  constructor(path: string, expected: unknown, actual: unknown) {
    super(`${path}: expected ${show(expected)}, got ${show(actual)}`);
  }
}

/** @throws Mismatch at the first difference, in the order of the wire contract. */
export function matchMessage(
  desc: DescMessage,
  expected: Json,
  actual: Message | undefined,
  context: Context,
  path = desc.name,
): void {
  matchValue(messageKind(desc), expected, actual, context, path);
}

/** Matches a string, such as the message of a status. */
export function matchText(expected: Json, actual: string, context: Context, path: string): void {
  matchValue(textKind, expected, actual, context, path);
}

function matchFields(
  desc: DescMessage,
  expected: JsonObject,
  actual: Message | undefined,
  context: Context,
  path: string,
  others: "default" | "any",
): void {
  for (const name of Object.keys(expected)) fieldOf(desc, name);
  const values = (actual ?? {}) as Record<string, unknown>;
  for (const field of desc.fields) {
    const value = values[field.localName];
    const at = `${path}.${field.name}`;
    const wanted = expected[field.name];
    if (wanted !== undefined) matchField(field, wanted, value, context, at);
    else if (others === "default" && !isDefault(field, value)) throw new Mismatch(at, "its default", value);
  }
}

function matchField(field: DescField, expected: Json, actual: unknown, context: Context, path: string): void {
  if (field.fieldKind === "list") {
    const kind =
      field.listKind === "message"
        ? messageKind(field.message)
        : field.listKind === "enum"
          ? enumKind(field)
          : scalarKind(field.scalar);
    return matchList(kind, expected, (actual ?? []) as unknown[], context, path);
  }
  if (field.fieldKind === "map") return matchValue(mapKind, expected, actual ?? {}, context, path);
  const kind =
    field.fieldKind === "message"
      ? messageKind(field.message)
      : field.fieldKind === "enum"
        ? enumKind(field)
        : scalarKind(field.scalar);
  return matchValue(kind, expected, actual, context, path);
}

function matchList(kind: Kind, expected: Json, actual: unknown[], context: Context, path: string): void {
  if (isObject(expected) && "$any" in expected) return;
  if (isObject(expected) && expected["$unordered"] !== undefined) {
    const wanted = itemsOf(expected["$unordered"], context.variables);
    const placed = wanted.length === actual.length && place(kind, wanted, actual, context, path);
    if (!placed) throw new Mismatch(path, expected, actual);
    return;
  }
  const wanted = itemsOf(expected, context.variables);
  if (wanted.length !== actual.length) throw new Mismatch(`${path}.length`, wanted.length, actual.length);
  for (const [i, [item, variables]] of wanted.entries()) {
    matchValue(kind, item, actual[i], { ...context, variables }, `${path}[${i}]`);
  }
}

/** Finds an actual item for every expected one, with backtracking. */
function place(
  kind: Kind,
  wanted: readonly (readonly [Json, Variables])[],
  actual: readonly unknown[],
  context: Context,
  path: string,
): boolean {
  const [first, ...rest] = wanted;
  if (first === undefined) return true;
  const [item, variables] = first;
  return actual.some((candidate, i) =>
    context.variables.tentatively(
      () =>
        matches(kind, item, candidate, { ...context, variables }, path) &&
        place(kind, rest, [...actual.slice(0, i), ...actual.slice(i + 1)], context, path),
    ),
  );
}

function matches(kind: Kind, expected: Json, actual: unknown, context: Context, path: string): boolean {
  return context.variables.tentatively(() => {
    try {
      matchValue(kind, expected, actual, context, path);
      return true;
    } catch (error) {
      if (error instanceof Mismatch) return false;
      throw error;
    }
  });
}

function matchValue(kind: Kind, expected: Json, actual: unknown, context: Context, path: string): void {
  const refuse = () => new Mismatch(path, expected, actual);
  if (!isObject(expected)) {
    if (!kind.equals(expected, actual, context)) throw refuse();
    return;
  }
  if ("$any" in expected) return;
  if ("$bind" in expected) {
    if (expected["$is"] !== undefined) matchValue(kind, expected["$is"], actual, context, path);
    const name = scalar(expected["$bind"]);
    const bound = context.variables.get(name);
    if (bound === undefined) context.variables.set(name, actual as Variable);
    else if (plain(bound) !== plain(actual)) throw new Mismatch(path, bound, actual);
    return;
  }
  if ("$not" in expected) {
    if (matches(kind, expected["$not"] ?? null, actual, context, path)) throw refuse();
    return;
  }
  if (isArray(expected["$oneOf"])) {
    if (!expected["$oneOf"].some((one) => matches(kind, one, actual, context, path))) throw refuse();
    return;
  }
  const verdict = matcherVerdict(expected, actual, context);
  if (verdict === false) throw refuse();
  if (verdict === true) return;
  if (kind.structure === undefined) {
    if (!kind.equals(expected, actual, context)) throw refuse();
    return;
  }
  kind.structure(expected, actual, context, path);
}

/** Whether a matcher for single values accepts; undefined when it is none. */
function matcherVerdict(matcher: JsonObject, actual: unknown, context: Context): boolean | undefined {
  if ("$type" in matcher) return typeMatchers[scalar(matcher["$type"])]?.(plain(actual)) ?? false;
  if ("$prefix" in matcher) {
    return plain(actual).startsWith(String(context.variables.text(scalar(matcher["$prefix"]))));
  }
  if ("$regex" in matcher) return new RegExp(scalar(matcher["$regex"])).test(plain(actual));
  if ("$ns" in matcher) {
    const ahead = BigInt(Math.round(Number(matcher["$ns"]) * 1e9));
    const value = BigInt(plain(actual));
    return value >= context.startedAt + ahead - slackNs && value <= context.variables.now + ahead + slackNs;
  }
  if ("$min" in matcher || "$max" in matcher) {
    const bound = (limit: Json | undefined) =>
      limit === undefined ? undefined : BigInt(String(context.variables.text(scalar(limit))));
    const [min, max] = [bound(matcher["$min"]), bound(matcher["$max"])];
    const value = BigInt(plain(actual));
    return (min === undefined || value >= min) && (max === undefined || value <= max);
  }
  return undefined;
}

const typeMatchers: Record<string, (value: string) => boolean> = {
  nuid: (value) => /^[0-9A-Za-z]{22}$/.test(value),
  uuid: (value) => /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(value),
  nonEmpty: (value) => value !== "",
  positive: (value) => /^\d+$/.test(value) && BigInt(value) > 0n,
};

const plain = (value: unknown): string => (value instanceof Uint8Array ? textOf(value) : String(value));

const textKind: Kind = {
  equals: (expected, actual, { variables }) =>
    typeof expected === "string" && plain(variables.text(expected)) === actual,
};

const integerKind: Kind = {
  equals: (expected, actual, { variables }) =>
    BigInt(plain(typeof expected === "string" ? variables.text(expected) : expected)) === BigInt(plain(actual)),
};

const bytesKind: Kind = {
  equals: (expected, actual, { variables }) => Buffer.compare(bytesOf(expected, variables), actual as Uint8Array) === 0,
};

const boolKind: Kind = { equals: (expected, actual) => expected === actual };

const mapKind: Kind = {
  equals: () => false,
  structure(expected, actual, { variables }, path) {
    const wanted = Object.fromEntries(
      Object.entries(expected).map(([key, value]) => [
        plain(variables.text(key)),
        plain(variables.text(scalar(value))),
      ]),
    );
    const entries = (map: object) => JSON.stringify(Object.entries(map).sort(([a], [b]) => (a < b ? -1 : 1)));
    if (entries(wanted) !== entries(actual as object)) throw new Mismatch(path, wanted, actual);
  },
};

function scalarKind(type: ScalarType): Kind {
  if (type === ScalarType.STRING) return textKind;
  if (type === ScalarType.BYTES) return bytesKind;
  if (type === ScalarType.BOOL) return boolKind;
  return integerKind;
}

const enumKind = (field: DescField): Kind => ({
  equals: (expected, actual) => field.enum !== undefined && enumNumber(field.enum, expected) === actual,
});

const messageKind = (desc: DescMessage): Kind => ({
  equals: () => false,
  structure(expected, actual, context, path) {
    const partial = expected["$partial"];
    const message = actual as Message | undefined;
    if (partial === undefined) matchFields(desc, expected, message, context, path, "default");
    else matchFields(desc, asObject(partial), message, context, path, "any");
  },
});

function isDefault(field: DescField, value: unknown): boolean {
  if (value === undefined) return true;
  if (field.fieldKind === "list") return (value as unknown[]).length === 0;
  if (field.fieldKind === "map") return Object.keys(value as object).length === 0;
  if (field.fieldKind === "message") {
    const values = value as Record<string, unknown>;
    return field.message.fields.every((inner) => isDefault(inner, values[inner.localName]));
  }
  if (value instanceof Uint8Array) return value.length === 0;
  return value === "" || value === false || value === 0 || value === 0n;
}

function show(value: unknown): string {
  const text = JSON.stringify(value, (_, inner: unknown) => {
    if (typeof inner === "bigint") return String(inner);
    return inner instanceof Uint8Array ? textOf(inner.subarray(0, 80)) : inner;
  });
  return (text ?? "nothing").slice(0, 300);
}
