import type { Message } from "@bufbuild/protobuf";
import type { WireWriter } from "./writer.js";

/**
 * The generated codec of a message type: produces the same messages as protobuf-es, or leaves
 * unusual input to it.
 */
export interface StaticCodec {
  /** A message with the zero value of each field. */
  readonly create: () => Message;
  /** Returns undefined for unusual bytes, which protobuf-es must decode. */
  readonly decode: (bytes: Buffer, start: number, end: number) => Message | undefined;
  /** @throws for an unusual message, which protobuf-es must encode */
  readonly encode: (writer: WireWriter, message: never) => void;
}

export type StaticCodecs = Readonly<Record<string, StaticCodec>>;
