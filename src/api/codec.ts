import { KubeMQError } from "./errors.js";

/** What a {@link StandardSchemaV1} says of a value: the value it makes of it, or what is wrong. */
export type StandardResult<O> =
  { readonly value: O; readonly issues?: undefined } | { readonly issues: readonly { readonly message: string }[] };

/** The interface that schema libraries share (standardschema.dev), as far as it is used here. Zod, Valibot and ArkType have it. */
export interface StandardSchemaV1<I = unknown, O = I> {
  /** What a schema library puts here. */
  readonly "~standard": {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => StandardResult<O> | Promise<StandardResult<O>>;
    readonly types?: { readonly input: I; readonly output: O } | undefined;
  };
}

/** Turns application values into message bodies and back. Synchronous by contract. */
export interface Codec<T> {
  /** The media type of the bodies, for your own use: it is not sent. */
  readonly contentType?: string;
  /** The body for a value. What it throws becomes `ENCODE_FAILED`. */
  encode(value: T): Uint8Array;
  /** The value of a body. What it throws becomes `DECODE_FAILED`. */
  decode(body: Uint8Array): T;
}

const encoder = new TextEncoder();

const decoder = new TextDecoder("utf-8", { fatal: true });

/** Bodies as they are. */
export const bytes: Codec<Uint8Array> = {
  contentType: "application/octet-stream",
  encode: (value) => value,
  decode: (body) => body,
};

/** Bodies as UTF-8 text. Decoding what is not UTF-8 throws `DECODE_FAILED`. */
export const text: Codec<string> = {
  contentType: "text/plain; charset=utf-8",
  encode: (value) => encoder.encode(value),
  decode: (body) => {
    try {
      return decoder.decode(body);
    } catch (cause) {
      throw new KubeMQError("DECODE_FAILED", "body is not UTF-8 text", { cause });
    }
  },
};

/** Bodies as JSON, believed to be of type T. */
export function json<T = unknown>(): Codec<T>;

/** Bodies as JSON, checked against a schema when decoded. A schema that answers asynchronously throws `DECODE_FAILED`. */
export function json<I, O>(schema: StandardSchemaV1<I, O>): Codec<O>;

export function json(schema?: StandardSchemaV1): Codec<unknown> {
  return {
    contentType: "application/json",
    encode: encodeJson,
    decode: (body) => (schema === undefined ? parseJson(body) : validate(schema, parseJson(body))),
  };
}

function encodeJson(value: unknown): Uint8Array {
  let encoded: string | undefined;
  try {
    encoded = JSON.stringify(value);
  } catch (cause) {
    throw new KubeMQError("ENCODE_FAILED", `value cannot be written as JSON: ${reason(cause)}`, { cause });
  }
  // JSON.stringify has no text for undefined, functions and symbols.
  if (encoded === undefined) throw new KubeMQError("ENCODE_FAILED", `JSON has no text for ${typeof value}`);
  return encoder.encode(encoded);
}

function parseJson(body: Uint8Array): unknown {
  try {
    return JSON.parse(decoder.decode(body));
  } catch (cause) {
    throw new KubeMQError("DECODE_FAILED", `body is not JSON: ${reason(cause)}`, { cause });
  }
}

function validate<O>(schema: StandardSchemaV1<unknown, O>, value: unknown): O {
  const result = schema["~standard"].validate(value);
  if ("then" in result) {
    result.then(undefined, () => {}); // its outcome is of no use here, its rejection must not end the process
    throw new KubeMQError("DECODE_FAILED", "the schema validates asynchronously, a codec must be synchronous");
  }
  if (result.issues !== undefined) {
    const issues = result.issues.map((issue) => issue.message).join("; ");
    throw new KubeMQError("DECODE_FAILED", `body does not match its schema: ${issues}`);
  }
  return result.value;
}

function reason(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
