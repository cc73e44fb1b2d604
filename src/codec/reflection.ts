import type { DescMessage, MessageShape } from "@bufbuild/protobuf";
import * as eager from "./protobuf.js";

/**
 * protobuf-es, which looks messages up in their descriptors at run time. The package evaluates it
 * at the first call (see scripts/bundle.mjs): to read descriptors takes a fifth of the time from
 * import to the first message, and the generated codecs need none.
 */
export const reflection = () => eager;

/** The exact size of an encoded message, in bytes. */
export function encodedSize<D extends DescMessage>(schema: D, message: MessageShape<D>): number {
  return reflection().toBinary(schema, message).length;
}
