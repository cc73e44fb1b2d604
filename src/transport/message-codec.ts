import type { DescMessage, Message } from "@bufbuild/protobuf";
import { Code } from "@connectrpc/connect";
import { COPY_BELOW_BYTES } from "../codec/reader.js";
import { reflection } from "../codec/reflection.js";
import { markShared } from "../codec/shared-memory.js";
import type { StaticCodecs } from "../codec/static.js";
import { TooLarge, type WireWriter } from "../codec/writer.js";
import { TransportError } from "../support/transport-error.js";
import { messageOf, protocolError } from "./response.js";

/** Encodes and decodes messages of one type. */
export interface MessageCodec {
  /** @throws TransportError (internal) when the bytes are not a message of this type */
  readonly decode: (bytes: Buffer, start: number, end: number) => Message;
  /**
   * Writes a message with its envelope.
   *
   * @throws TransportError (internal) when the message cannot be encoded, (resource exhausted) when
   *   it is too large
   */
  write(writer: WireWriter, message: unknown, maxBytes: number): void;
}

/**
 * Selects the codec of a message type: generated code if it exists; protobuf-es for other types and
 * for unusual input.
 */
export function codecFor(schema: DescMessage, statics: StaticCodecs): MessageCodec {
  const quick = Object.hasOwn(statics, schema.typeName) ? statics[schema.typeName] : undefined;

  function decodeAny(bytes: Buffer, start: number, end: number): Message {
    const view = new Uint8Array(bytes.buffer, bytes.byteOffset + start, end - start);
    const own = view.byteLength < COPY_BELOW_BYTES ? view.slice() : view;
    markShared(own.buffer); // protobuf-es returns views of this buffer
    try {
      return reflection().fromBinary(schema, own);
    } catch {
      return decodeLenient(own);
    }
  }

  function decodeLenient(bytes: Uint8Array): Message {
    try {
      return reflection().fromBinaryLenient(schema, bytes);
    } catch (error) {
      throw protocolError(Code.Internal, `parse binary: ${messageOf(error)}`, { cause: error });
    }
  }

  function encodeAny(writer: WireWriter, message: unknown): void {
    const { create, toBinary } = reflection();
    writer.raw(toBinary(schema, create(schema, message as Message)));
  }

  function writeAny(writer: WireWriter, message: unknown, maxBytes: number): void {
    try {
      writer.envelope(encodeAny, message, maxBytes);
    } catch (error) {
      if (error instanceof TooLarge) throw tooLarge("sent", error.byteSize, maxBytes);
      const message = `serialize binary: ${messageOf(error)}`;
      throw new TransportError({ kind: "unsendable" }, Code.Internal, message, { cause: error });
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
        if (error instanceof TooLarge) throw tooLarge("sent", error.byteSize, maxBytes);
        writeAny(writer, message, maxBytes);
      }
    },
  };
}

/** The error of a message that is larger than the client's limit. */
export function tooLarge(direction: "sent" | "received", byteLength: number, maxBytes: number): TransportError {
  const option = direction === "sent" ? "writeMaxBytes" : "readMaxBytes";
  return new TransportError(
    { kind: "too-large", direction, byteLength, maxBytes },
    Code.ResourceExhausted,
    `message size ${byteLength} is larger than configured ${option} ${maxBytes}`,
  );
}
