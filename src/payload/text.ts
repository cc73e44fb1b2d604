import type { Codec } from "../api/codec.js";
import { KubeMQError } from "../api/errors.js";

const encoder = new TextEncoder();

const decoder = new TextDecoder("utf-8", { fatal: true });

/** Bodies as bytes, unchanged. */
export const bytes: Codec<Uint8Array> = {
  contentType: "application/octet-stream",
  encode: (value) => value,
  decode: (body) => body,
};

/** Bodies as UTF-8 strings. Decoding bytes that are not UTF-8 throws `DECODE_FAILED`. */
export const text: Codec<string> = {
  contentType: "text/plain; charset=utf-8",
  encode: (value: unknown) => {
    if (typeof value === "string") return encoder.encode(value);
    throw new KubeMQError("ENCODE_FAILED", `value must be a string, got ${value === null ? "null" : typeof value}`);
  },
  decode: (body) => {
    try {
      return decoder.decode(body);
    } catch (cause) {
      throw new KubeMQError("DECODE_FAILED", "body is not UTF-8 text", { cause });
    }
  },
};
