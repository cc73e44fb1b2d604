import type { Codec, StandardSchemaV1 } from "../api/codec.js";
import { KubeMQError } from "../api/errors.js";
import { checkOptions } from "./check.js";
import { validate } from "./schema.js";

/** Options of the codec `json`. */
export interface JsonOptions {
  /** The second argument of `JSON.stringify`: replaces values before they are written. */
  replacer?: ((this: unknown, key: string, value: unknown) => unknown) | undefined;
  /** The second argument of `JSON.parse`: replaces values after they are read. */
  reviver?: ((this: unknown, key: string, value: unknown) => unknown) | undefined;
}

/**
 * What can be sent: the input of the schema. Where the schema accepts anything, such as where it
 * coerces values, only its output, so that the compiler still finds mistakes.
 */
export type JsonInput<I, O> = unknown extends I
  ? O
  : I extends Record<string, unknown>
    ? { [K in keyof I]: JsonInput<I[K], K extends keyof O ? O[K] : I[K]> }
    : I;

const encoder = new TextEncoder();

const decoder = new TextDecoder("utf-8", { fatal: true }); // promise: json-is-utf8

/** Bodies as JSON, assumed to be of type T. */
export function json<T = unknown>(options?: JsonOptions): Codec<T>;

/**
 * Bodies as JSON, validated by a schema when encoded and when decoded. The written value is the
 * value itself, which is an input of the schema; the decoded value is the output of the schema. A
 * property with a default may thus be left out when it is sent.
 *
 * The schema must accept its own output, because what was decoded can be sent again. Give `encode`
 * for a schema that does not, such as one that converts strings to dates. An asynchronous schema is
 * refused with `ENCODE_FAILED` or `DECODE_FAILED`.
 *
 * @throws {KubeMQError} ENCODE_FAILED or DECODE_FAILED, with `issues`, when a value is invalid
 */
export function json<I, O extends I>(schema: StandardSchemaV1<I, O>, options?: JsonOptions): Codec<O, JsonInput<I, O>>;

/**
 * Bodies as JSON, with a schema that converts what it reads: `encode` converts a value back to what
 * the schema accepts.
 *
 * @example
 * ```ts
 * const When = json(z.iso.datetime().transform((time) => new Date(time)), { encode: (date) => date.toISOString() });
 * ```
 */
export function json<I, O>(
  schema: StandardSchemaV1<I, O>,
  options: JsonOptions & { encode: (value: NoInfer<O>) => NoInfer<I> },
): Codec<O>;

export function json(
  first?: StandardSchemaV1 | JsonOptions,
  second?: JsonOptions & { encode?: (value: unknown) => unknown },
): Codec<unknown> {
  // The schemas of some libraries are functions.
  const isSchema = (typeof first === "object" || typeof first === "function") && first !== null && "~standard" in first;
  const options: JsonOptions & { encode?: (value: unknown) => unknown } =
    (isSchema ? second : first) === undefined ? {} : ((isSchema ? second : first) as JsonOptions);
  const names = ["replacer", "reviver"];
  if (isSchema) checkOptions("json", options, [...names, "encode"]);
  else checkOptions("json", options, names, "; schemas must be Standard Schemas, as those of Zod from 3.24 are");
  const { replacer, reviver, encode } = options;
  if (!isSchema) {
    return {
      contentType: "application/json",
      encode: (value) => encodeJson(value, replacer),
      decode: (body) => parseJson(body, reviver),
    };
  }
  return {
    contentType: "application/json",
    encode: (value) => {
      const input = encode === undefined ? value : encode(value);
      validate("ENCODE_FAILED", first, input); // promise: schema-checks-sent
      const body = encodeJson(input, replacer); // promise: schema-converts-once
      // JSON writes dates, maps and others as values that the schema has not validated.
      if (replacer !== undefined || !isJson(input)) checkReadable(first, parseJson(body, reviver));
      return body;
    },
    decode: (body) => validate("DECODE_FAILED", first, parseJson(body, reviver)), // promise: schema-checks-received
  };
}

/**
 * Whether a value is the same after it was written and read as JSON. It has no cycles, because it
 * has been written as JSON before.
 */
function isJson(value: unknown): boolean {
  if (typeof value === "number") return Number.isFinite(value);
  if (typeof value !== "object" || value === null) return value !== undefined;
  if (Array.isArray(value)) return Array.from(value).every(isJson);
  const prototype: unknown = Object.getPrototypeOf(value);
  // A plain object, also one of another realm.
  const isPlain = prototype === null || Object.getPrototypeOf(prototype) === null;
  if (!isPlain || "toJSON" in value) return false;
  return Object.values(value).every((one) => one === undefined || isJson(one));
}

/** Refuses a value whose JSON the schema of its receivers would refuse. */
function checkReadable(schema: StandardSchemaV1, written: unknown): void {
  try {
    validate("DECODE_FAILED", schema, written);
  } catch (cause) {
    const { message, issues } = cause as KubeMQError;
    const why = `the JSON of the value cannot be read: ${message}; convert the value by the option encode`;
    throw new KubeMQError("ENCODE_FAILED", why, { cause, ...(issues === undefined ? {} : { issues }) });
  }
}

function encodeJson(value: unknown, replacer: JsonOptions["replacer"]): Uint8Array {
  let encoded: string | undefined;
  try {
    encoded = JSON.stringify(value, replacer);
  } catch (cause) {
    throw new KubeMQError("ENCODE_FAILED", `value cannot be written as JSON: ${reason(cause)}`, { cause });
  }
  // JSON.stringify returns undefined for undefined, functions and symbols.
  if (encoded === undefined)
    throw new KubeMQError("ENCODE_FAILED", `value cannot be written as JSON: its type is ${typeof value}`);
  return encoder.encode(encoded);
}

function parseJson(body: Uint8Array, reviver: JsonOptions["reviver"]): unknown {
  try {
    return JSON.parse(decoder.decode(body), reviver);
  } catch (cause) {
    throw new KubeMQError("DECODE_FAILED", `body is not JSON: ${reason(cause)}`, { cause });
  }
}

function reason(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
