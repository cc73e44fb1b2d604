import type { Decoder, MessageProperties } from "../api/codec.js";
import { KubeMQError } from "../api/errors.js";
import { checkOptions } from "./check.js";

/** The type of the values of a decoder. */
export type Decoded<D> = D extends Decoder<infer T> ? T : never;

/** Options of `byContentType`. */
export interface ContentTypeOptions<D = unknown> {
  /**
   * The tags to read, in this order; the first that exists counts.
   *
   * @default ["nestjs:content-type", "spring-contentType", "ce_datacontenttype"]
   */
  tags?: readonly string[] | undefined;
  /** Decodes messages without a content type. Default: they throw `DECODE_FAILED`. */
  otherwise?: Decoder<D> | undefined;
}

const TAGS = ["nestjs:content-type", "spring-contentType", "ce_datacontenttype"];

/**
 * Chooses the decoder of each received message by its content type, which senders write to a tag:
 * NestJS, Spring and CloudEvents by default. Keys are media types without parameters, in lower
 * case.
 *
 * Spring Boot writes `application/json` for bodies of bytes and text, too.
 *
 * @throws {KubeMQError} DECODE_FAILED for a message with another content type
 * @example
 * ```ts
 * const codec = byContentType({ "application/json": json<Order>(), "application/protobuf": protobuf(GreetRequestSchema) });
 * for await (const order of client.events.subscribe({ channel: "orders", codec })) console.log(order.value);
 * ```
 */
export function byContentType<Decoders extends Readonly<Record<string, Decoder<unknown>>>, D = never>(
  decoders: Decoders,
  options: ContentTypeOptions<D> = {},
): Decoder<Decoded<Decoders[keyof Decoders]> | D> {
  checkOptions("byContentType", options, ["tags", "otherwise"]);
  const { tags = TAGS, otherwise } = options;
  type Value = Decoded<Decoders[keyof Decoders]>;
  const byType = new Map(
    Object.entries(decoders).map(([type, decoder]) => [mediaType(type), decoder as Decoder<Value>] as const),
  );
  return {
    decode: (body, message) => {
      const contentType = contentTypeOf(message, tags);
      // promise: content-type-known
      const decoder = contentType === undefined ? otherwise : byType.get(mediaType(contentType));
      if (decoder !== undefined) return decoder.decode(body, message);
      const found =
        contentType === undefined ? `none of the tags ${tags.join(", ")}` : `the content type ${contentType}`;
      throw new KubeMQError("DECODE_FAILED", `message has ${found}; expected ${[...byType.keys()].join(", ")}`);
    },
  };
}

function contentTypeOf(message: MessageProperties | undefined, tags: readonly string[]): string | undefined {
  for (const tag of tags) {
    const contentType = message?.tags?.[tag];
    if (contentType !== undefined && contentType !== "") return contentType;
  }
  return undefined;
}

/** A media type without its parameters, in lower case. */
export function mediaType(contentType: string): string {
  return (contentType.split(";")[0] ?? "").trim().toLowerCase();
}
