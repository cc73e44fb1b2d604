import type { DescMessage, MessageShape } from "@bufbuild/protobuf";
import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { configureTextEncoding, getTextEncoding } from "@bufbuild/protobuf/wire";

/**
 * Messages as bytes, without loss: text that is not UTF-8 passes through as the bytes that it is.
 *
 * A KubeMQ server does not look at text, and some clients send text that is not UTF-8 (protobufjs writes half a surrogate pair as
 * three bytes). In a JavaScript string, a byte that is no part of UTF-8 text is a lone surrogate from U+DC80 to U+DCFF, as in
 * Python (PEP 383). Protobuf-ES takes its text encoding from a setting for all messages, which is changed for one synchronous call.
 */

const encoder = new TextEncoder();
const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

const loneSurrogate = /\p{Surrogate}/u;
const firstEscape = 0xdc80;
const lastEscape = 0xdcff;
const escapeOf = (byte: number): string => String.fromCharCode(0xdc00 + byte);

/** Until there was text that is not UTF-8, there is none to be written. */
let seen = false;

export function decodeMessage<Desc extends DescMessage>(schema: Desc, bytes: Uint8Array): MessageShape<Desc> {
  try {
    return fromBinary(schema, bytes);
  } catch {
    seen = true;
    // What is wrong beside its text is thrown again.
    return withLosslessText(() => fromBinary(schema, bytes));
  }
}

export function encodeMessage<Desc extends DescMessage>(schema: Desc, message: MessageShape<Desc>): Uint8Array {
  return seen ? withLosslessText(() => toBinary(schema, message)) : toBinary(schema, message);
}

function withLosslessText<T>(run: () => T): T {
  const usual = getTextEncoding();
  configureTextEncoding({
    ...usual,
    decodeUtf8: decodeText,
    encodeUtf8: encodeText,
    encodeUtf8Into: (text, target) => {
      const bytes = encodeText(text);
      target.set(bytes);
      return { written: bytes.length };
    },
  });
  try {
    return run();
  } finally {
    configureTextEncoding(usual);
  }
}

/** Text as a string; each byte that is no part of UTF-8 text as a lone surrogate. */
export function decodeText(bytes: Uint8Array): string {
  try {
    return strict.decode(bytes);
  } catch {
    let text = "";
    for (let at = 0; at < bytes.length;) {
      const length = characterLength(bytes, at);
      text += length === 0 ? escapeOf(bytes[at] ?? 0) : strict.decode(bytes.subarray(at, at + length));
      at += Math.max(1, length);
    }
    return text;
  }
}

/** The bytes that {@link decodeText} made the string of. */
export function encodeText(text: string): Uint8Array<ArrayBuffer> {
  if (!loneSurrogate.test(text)) return encoder.encode(text);
  // Iterates by code point: only a surrogate without its other half comes alone.
  return Buffer.concat(Array.from(text, bytesOf));
}

function bytesOf(character: string): Uint8Array {
  const code = character.codePointAt(0) ?? 0;
  return code >= firstEscape && code <= lastEscape ? Uint8Array.of(code - 0xdc00) : encoder.encode(character);
}

/** How many bytes the character at a position has; 0 if there is none. */
function characterLength(bytes: Uint8Array, at: number): number {
  for (let length = 1; length <= 4 && at + length <= bytes.length; length++) {
    try {
      strict.decode(bytes.subarray(at, at + length));
      return length;
    } catch {
      // Not a whole character yet.
    }
  }
  return 0;
}
