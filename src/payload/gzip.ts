import type { Codec, Encoder, MessageProperties } from "../api/codec.js";
import { KubeMQError } from "../api/errors.js";
import { checkCodec, checkOptions } from "./check.js";

/** Options of the codec `gzip`. */
export interface GzipOptions {
  /**
   * Maximum size of a decompressed body, in bytes. A larger one throws `DECODE_FAILED`, so that a
   * small body cannot fill the memory. @default 104857600 (100 MiB)
   */
  maxBytes?: number | undefined;
  /**
   * What happens with a body that is not gzip: `refuse` throws `DECODE_FAILED`, `accept` decodes it
   * as it is. Accept it while some senders do not compress yet. @default "refuse"
   */
  plain?: "refuse" | "accept" | undefined;
}

const MAX_BYTES = 100 * 1024 * 1024;

/** The largest buffer of Node.js 20, in bytes; zlib refuses a larger limit. */
const LARGEST_OUTPUT = 2 ** 32;

/**
 * Compresses the bodies of another codec. Properties that the codec writes are kept.
 *
 * Compression is synchronous and blocks the event loop for tens of milliseconds for each MiB. Do
 * not use it for bodies of many MiB in a process that must answer quickly; compress those before,
 * in a worker.
 *
 * @throws {KubeMQError} UNSUPPORTED where `node:zlib` does not exist, such as in a browser
 * @example
 * ```ts
 * await client.queues.send({ channel: "reports", body: report, codec: gzip(json()) });
 * ```
 */
export function gzip<T, Accepted = T>(codec: Codec<T, Accepted>, options: GzipOptions = {}): Codec<T, Accepted> {
  checkCodec("gzip", codec as Codec<never>);
  checkOptions("gzip", options, ["maxBytes", "plain"]);
  const { maxBytes = MAX_BYTES, plain = "refuse" } = options;
  if (!Number.isInteger(maxBytes) || maxBytes < 1) {
    throw new KubeMQError("INVALID_ARGUMENT", `maxBytes must be a whole number from 1, got ${String(maxBytes)}`);
  }
  if (plain !== "refuse" && plain !== "accept") {
    throw new KubeMQError("INVALID_ARGUMENT", `plain must be "refuse" or "accept", got ${String(plain)}`);
  }
  const { gzipSync, gunzipSync } = zlib();
  const decompress = (body: Uint8Array): Uint8Array => {
    try {
      return gunzipSync(body, {
        maxOutputLength: Math.min(maxBytes, LARGEST_OUTPUT), // promise: gzip-limit
      });
    } catch (cause) {
      const isTooLarge = (cause as { code?: unknown }).code === "ERR_BUFFER_TOO_LARGE";
      const why = isTooLarge
        ? `has more than ${maxBytes} bytes after decompression`
        : `is not valid gzip: ${String(cause)}`;
      throw new KubeMQError("DECODE_FAILED", `body ${why}`, { cause });
    }
  };
  return {
    contentType: "application/gzip",
    encode: (value) => gzipSync(codec.encode(value)),
    decode: (body, message) => {
      const isGzip = body[0] === 0x1f && body[1] === 0x8b;
      if (isGzip) return codec.decode(decompress(body), message);
      if (plain === "accept") return codec.decode(body, message); // promise: gzip-plain-refused
      throw new KubeMQError("DECODE_FAILED", 'body is not gzip; `plain: "accept"` decodes such bodies, too');
    },
    ...writing(codec), // promise: gzip-properties-kept
  };
}

/** The `properties` function of a codec, for a codec that wraps it. */
function writing<T>(codec: Encoder<T>): { properties?(value: T): MessageProperties } {
  return codec.properties === undefined ? {} : { properties: (value) => codec.properties?.(value) ?? {} };
}

/** Not imported, so that the other codecs can be bundled for browsers. */
function zlib() {
  const { process } = globalThis as { process?: typeof globalThis.process };
  const found = process?.getBuiltinModule?.("node:zlib");
  if (found === undefined)
    throw new KubeMQError("UNSUPPORTED", "gzip needs node:zlib, which this runtime does not have");
  return found;
}
