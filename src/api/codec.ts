/** The result of a {@link StandardSchemaV1}: the validated value, or the issues found. */
export type StandardResult<O> =
  { readonly value: O; readonly issues?: undefined } | { readonly issues: readonly StandardIssue[] };

/** What a {@link StandardSchemaV1} found wrong with a value. */
export interface StandardIssue {
  /** The description of the schema library. */
  readonly message: string;
  /** The keys and indexes that lead to the invalid part. Some libraries wrap them in objects. */
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

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
  readonly contentType?: string | undefined;
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
 * Converts application values to message bodies and back, synchronously. `Accepted` is the type
 * of the values to send, if it is wider than that of received values.
 */
export interface Codec<T, Accepted = T> extends Encoder<Accepted>, Decoder<T> {}
