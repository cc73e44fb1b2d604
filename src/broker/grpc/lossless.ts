import type { DescMessage, MessageShape } from "@bufbuild/protobuf";
import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { configureTextEncoding, getTextEncoding } from "@bufbuild/protobuf/wire";

/**
 * Encodes and decodes messages without loss: strings that are not UTF-8 keep their bytes.
 *
 * A KubeMQ server does not validate strings, and some clients send strings that are not UTF-8
 * (protobufjs writes half a surrogate pair as three bytes). In a JavaScript string, each byte that
 * is not part of valid UTF-8 becomes a lone surrogate from U+DC80 to U+DCFF, as in Python (PEP
 * 383). protobuf-es takes its text encoding from a global setting, which is changed during one
 * synchronous call.
 */

const encoder = new TextEncoder();
const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

const loneSurrogate = /\p{Surrogate}/u;
const firstEscape = 0xdc80;
const lastEscape = 0xdcff;
const escapeOf = (byte: number): string => String.fromCharCode(0xdc00 + byte);

/** Invalid strings can only be sent after one was received. */
let seen = false;

export function decodeMessage<Desc extends DescMessage>(schema: Desc, bytes: Uint8Array): MessageShape<Desc> {
  try {
    return fromBinary(schema, bytes);
  } catch {
    seen = true;
    // Other errors are thrown again.
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

/**
 * Decodes bytes to a string; each byte that is not part of valid UTF-8 becomes a lone surrogate.
 */
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

/** The bytes from which {@link decodeText} made the string. */
export function encodeText(text: string): Uint8Array<ArrayBuffer> {
  if (!loneSurrogate.test(text)) return encoder.encode(text);
  // Iterates by code point, so that only a lone surrogate is seen as such.
  return Buffer.concat(Array.from(text, bytesOf));
}

function bytesOf(character: string): Uint8Array {
  const code = character.codePointAt(0) ?? 0;
  return code >= firstEscape && code <= lastEscape ? Uint8Array.of(code - 0xdc00) : encoder.encode(character);
}

/** The length in bytes of the character at a position; 0 if it is invalid. */
function characterLength(bytes: Uint8Array, at: number): number {
  for (let length = 1; length <= 4 && at + length <= bytes.length; length++) {
    try {
      strict.decode(bytes.subarray(at, at + length));
      return length;
    } catch {
      // The character is incomplete.
    }
  }
  return 0;
}
