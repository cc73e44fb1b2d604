import type { DescMessage, MessageShape } from "@bufbuild/protobuf";
import { encodeMessage } from "./lossless.js";

/** Bytes before a framed message: whether it is compressed, and its length. */
export const prefixBytes = 5;

/**
 * A message with the gRPC length prefix: uncompressed, the length in four bytes, then the bytes.
 */
export function envelope<Desc extends DescMessage>(schema: Desc, message: MessageShape<Desc>): Uint8Array {
  const bytes = encodeMessage(schema, message);
  const framed = Buffer.allocUnsafe(bytes.length + prefixBytes);
  framed[0] = 0;
  framed.writeUInt32BE(bytes.length, 1);
  framed.set(bytes, prefixBytes);
  return framed;
}
