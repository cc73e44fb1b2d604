import type { Codec } from "../api/codec.js";
import { checkCodec } from "./check.js";

/**
 * Writes tags with every value of another codec, such as its content type in the tag that the
 * receiver reads.
 *
 * @example
 * ```ts
 * const Order = tagged(json<Order>(), { "nestjs:content-type": "application/json" });
 * ```
 */
export function tagged<T, Accepted = T>(
  codec: Codec<T, Accepted>,
  tags: Readonly<Record<string, string>>,
): Codec<T, Accepted> {
  checkCodec("tagged", codec as Codec<never>);
  const own = { ...tags };
  return {
    ...(codec.contentType === undefined ? {} : { contentType: codec.contentType }),
    encode: (value) => codec.encode(value),
    decode: (body, message) => codec.decode(body, message),
    properties: (value) => {
      const inner = codec.properties?.(value);
      return { ...inner, tags: { ...inner?.tags, ...own } };
    },
  };
}
