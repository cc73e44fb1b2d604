import { create, type DescMessage, fromBinary, type Message, toBinary } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { COPY_BELOW_BYTES } from "../codec/reader.js";
import type { StaticCodecs } from "../codec/static.js";
import { TooLarge, type WireWriter } from "../codec/writer.js";
import { messageOf } from "./status.js";

/** How messages of one type become bytes and are made of bytes. */
export interface MessageCodec {
  /** @throws ConnectError (internal) when the bytes are not such a message */
  readonly decode: (bytes: Buffer, start: number, end: number) => Message;
  /**
   * Writes a message with its envelope.
   *
   * @throws ConnectError (internal) when the message cannot be encoded, (resource exhausted) when it is too large
   */
  write(writer: WireWriter, message: unknown, maxBytes: number): void;
}

/** Picks the codec of a message type: generated code where there is some, protobuf-es for the rest and for all odd input. */
export function codecFor(schema: DescMessage, statics: StaticCodecs): MessageCodec {
  const quick = Object.hasOwn(statics, schema.typeName) ? statics[schema.typeName] : undefined;

  function decodeAny(bytes: Buffer, start: number, end: number): Message {
    const view = new Uint8Array(bytes.buffer, bytes.byteOffset + start, end - start);
    try {
      return fromBinary(schema, view.byteLength < COPY_BELOW_BYTES ? view.slice() : view);
    } catch (error) {
      throw new ConnectError(`parse binary: ${messageOf(error)}`, Code.Internal, undefined, undefined, error);
    }
  }

  function encodeAny(writer: WireWriter, message: unknown): void {
    writer.raw(toBinary(schema, create(schema, message as Message)));
  }

  function writeAny(writer: WireWriter, message: unknown, maxBytes: number): void {
    try {
      writer.envelope(encodeAny, message, maxBytes);
    } catch (error) {
      if (error instanceof TooLarge) throw tooLarge(error.byteSize, maxBytes);
      throw new ConnectError(`serialize binary: ${messageOf(error)}`, Code.Internal, undefined, undefined, error);
    }
  }

  if (quick === undefined) return { decode: decodeAny, write: writeAny };
  const encode = quick.encode as (writer: WireWriter, message: unknown) => void;
  const { decode } = quick;
  return {
    decode: (bytes, start, end) => decode(bytes, start, end) ?? decodeAny(bytes, start, end),
    write(writer, message, maxBytes) {
      try {
        writer.envelope(encode, message, maxBytes);
      } catch (error) {
        if (error instanceof TooLarge) throw tooLarge(error.byteSize, maxBytes);
        writeAny(writer, message, maxBytes);
      }
    },
  };
}

function tooLarge(size: number, maxBytes: number): ConnectError {
  return new ConnectError(
    `message size ${size} is larger than configured writeMaxBytes ${maxBytes}`,
    Code.ResourceExhausted,
  );
}
