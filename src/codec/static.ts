import type { Message } from "@bufbuild/protobuf";
import type { WireWriter } from "./writer.js";

/** What generated code offers for a message type: the same messages as protobuf-es, or no answer to odd input. */
export interface StaticCodec {
  /** Undefined: the bytes are unusual, ask protobuf-es. */
  readonly decode: (bytes: Buffer, start: number, end: number) => Message | undefined;
  /** @throws when the message is unusual: ask protobuf-es */
  readonly encode: (writer: WireWriter, message: never) => void;
}

export type StaticCodecs = Readonly<Record<string, StaticCodec>>;
