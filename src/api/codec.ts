import { KubeMQError } from "./errors.js";

/** The result of a {@link StandardSchemaV1}: the validated value, or the issues found. */
export type StandardResult<O> =
  { readonly value: O; readonly issues?: undefined } | { readonly issues: readonly { readonly message: string }[] };

/**
 * The part of the interface shared by schema libraries (standardschema.dev) that is used here. Zod,
 * Valibot and ArkType implement it.
 */
export interface StandardSchemaV1<I = unknown, O = I> {
  /** The implementation of the schema library. */
  readonly "~standard": {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => StandardResult<O> | Promise<StandardResult<O>>;
    readonly types?: { readonly input: I; readonly output: O } | undefined;
  };
}

/** The properties of a message that a codec may write when it encodes, and read when it decodes. */
export interface MessageProperties {
  /**
   * The metadata string. A send rejects with `INVALID_ARGUMENT` if its message has a different one,
   * because a message has a single metadata string.
   */
  readonly metadata?: string | undefined;
  /** Key-value pairs. They replace pairs of the same key in the message to send. */
  readonly tags?: Readonly<Record<string, string>> | undefined;
}

/** Converts application values to message bodies, synchronously. */
export interface Encoder<T> {
  /** The media type of the bodies. Not sent, unless the codec writes it to a tag. */
  readonly contentType?: string;
  /** Encodes a value. A thrown error becomes `ENCODE_FAILED`. */
  encode(value: T): Uint8Array;
  /**
   * Returns the properties to send with the body of a value, such as a tag with its content type or
   * its version. Called before `encode`. A thrown error becomes `ENCODE_FAILED`. Default: none.
   */
  properties?(value: T): MessageProperties;
}

/** Converts message bodies to application values, synchronously. */
export interface Decoder<T> {
  /**
   * Decodes a body. A thrown error becomes `DECODE_FAILED`. `message` has the properties of the
   * received message; it is undefined when `decode` is called for a body alone.
   */
  decode(body: Uint8Array, message?: MessageProperties): T;
}

/**
 * Converts application values to message bodies and back, synchronously. `Accepted` is what can be
 * sent, if that is more than what is received.
 */
export interface Codec<T, Accepted = T> extends Encoder<Accepted>, Decoder<T> {}

const encoder = new TextEncoder();

const decoder = new TextDecoder("utf-8", { fatal: true });

/** Bodies as bytes, unchanged. */
export const bytes: Codec<Uint8Array> = {
  contentType: "application/octet-stream",
  encode: (value) => value,
  decode: (body) => body,
};

/** Bodies as UTF-8 strings. Decoding bytes that are not UTF-8 throws `DECODE_FAILED`. */
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

/** Bodies as JSON, assumed to be of type T. */
export function json<T = unknown>(): Codec<T>;

/**
 * Bodies as JSON, validated by a schema when decoded. An asynchronous schema throws
 * `DECODE_FAILED`.
 */
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
  // JSON.stringify returns undefined for undefined, functions and symbols.
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
    result.then(undefined, () => {}); // the result is unused, but a rejection must not end the process
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
