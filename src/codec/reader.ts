import { isUtf8 } from "node:buffer";
import { markShared } from "./shared-memory.js";

/**
 * Bodies below this size are copied: a view would retain up to 64 KiB of received bytes as long as
 * the message lives.
 */
export const COPY_BELOW_BYTES = 4 * 1024;

/** V8 keeps typed arrays up to this size on its heap, where creating and filling them is cheap. */
const ON_HEAP_BYTES = 64;

/**
 * Larger copies share slabs, because separate memory costs 1 µs per body. A retained body therefore
 * retains at most this much memory.
 */
const SLAB_BYTES = 8 * 1024;

/**
 * Strings up to this length that repeat in every message of a stream are cached, in this many
 * places.
 */
const NAME_BYTES = 64;

const NAME_PLACES = 64;

/**
 * The position of a reader that leaves the message to protobuf-es; past every end, so that all
 * loops stop.
 */
const GAVE_UP = 0x7fffffff;

const nothing = Buffer.alloc(0);

/** The two halves of a 64-bit integer. */
const words = new DataView(new ArrayBuffer(8));

/** @param low the lower 49 bits; `high` are the upper 15 */
function setWords(low: number, high: number): void {
  words.setUint32(0, high * 0x20000 + Math.floor(low / 0x1_0000_0000));
  words.setUint32(4, low); // modulo 2^32
}

/**
 * Decodes protobuf fields as common encoders write them.
 *
 * For anything else that the wire format allows (unknown fields, other wire types, overlong
 * numbers, truncation) it gives up, and protobuf-es decodes the message, so that unusual input has
 * one interpretation. Invalid UTF-8 is decoded here, with U+FFFD, because protobuf-es refuses the
 * whole message.
 */
export class WireReader {
  position = 0;
  /** Counts the strings that were not UTF-8; if it grows during a message, the message has one. */
  invalidTexts = 0;
  #buffer: Buffer = nothing;
  #limit = 0;
  /**
   * The message has its own memory. In a chunk of a socket it would begin behind the five bytes of
   * its prefix.
   */
  #isAlone = false;
  #slab: Buffer = nothing;
  #slabUsed = 0;
  readonly #names = Array.from({ length: NAME_PLACES }, () => "");

  start(buffer: Buffer, position: number, limit: number): void {
    this.#buffer = buffer;
    this.position = position;
    this.#limit = limit;
    this.#isAlone = position === 0;
  }

  /** Ends the decoding: true when the whole message was understood. Releases the bytes. */
  finish(end: number): boolean {
    this.#buffer = nothing;
    return this.position === end;
  }

  giveUp(): void {
    this.position = GAVE_UP;
  }

  /** A varint of up to 32 bits. */
  uint32(): number {
    const buffer = this.#buffer;
    let byte = buffer[this.position++] ?? 0xff;
    if (byte < 0x80) return byte;
    let value = byte & 0x7f;
    for (let shift = 7; shift < 28; shift += 7) {
      byte = buffer[this.position++] ?? 0xff;
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    byte = buffer[this.position++] ?? 0xff;
    if (byte <= 0x0f) return (value | (byte << 28)) >>> 0;
    this.giveUp();
    return 0;
  }

  /** A field's tag. Overlong tags are left to protobuf-es. */
  tag(): number {
    const byte = this.#buffer[this.position++] ?? 0xff;
    if (byte < 0x80) return byte;
    const second = this.#buffer[this.position++] ?? 0xff;
    if (second > 0 && second < 0x80) return (byte & 0x7f) | (second << 7);
    this.giveUp();
    return 0;
  }

  int32(): number {
    return this.uint32() | 0;
  }

  bool(): boolean {
    const byte = this.#buffer[this.position++];
    if (byte === 1) return true;
    if (byte !== 0) this.giveUp();
    return false;
  }

  int64(): bigint {
    this.#varint64();
    return words.getBigInt64(0);
  }

  uint64(): bigint {
    this.#varint64();
    return words.getBigUint64(0);
  }

  /** Reads a varint into `words`: each operation on a bigint would allocate one. */
  #varint64(): void {
    const buffer = this.#buffer;
    let value = 0;
    let scale = 1;
    // Seven bytes are 49 bits: exact in a double.
    for (let index = 0; index < 7; index++) {
      const byte = buffer[this.position++] ?? 0xff;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return setWords(value, 0);
      scale *= 128;
    }
    let high = 0;
    for (let shift = 0; shift <= 14; shift += 7) {
      const byte = buffer[this.position++] ?? 0xff;
      high |= (byte & 0x7f) << shift;
      if (byte >= 0x80) continue;
      if (shift === 14 && byte > 1) break;
      return setWords(value, high);
    }
    this.giveUp();
    setWords(0, 0);
  }

  string(): string {
    const length = this.uint32();
    const start = this.position;
    const end = start + length;
    if (end > this.#limit) {
      this.giveUp();
      return "";
    }
    this.position = end;
    const buffer = this.#buffer;
    if (length < 16) {
      // Four at a time: each addition allocates a string.
      let text = "";
      let index = start;
      for (; index + 4 <= end; index += 4) {
        const [a, b, c, d] = [
          buffer[index] ?? 0xff,
          buffer[index + 1] ?? 0xff,
          buffer[index + 2] ?? 0xff,
          buffer[index + 3] ?? 0xff,
        ];
        if ((a | b | c | d) > 0x7f) return this.#utf8(start, end);
        text += String.fromCharCode(a, b, c, d);
      }
      for (; index < end; index++) {
        const byte = buffer[index] ?? 0xff;
        if (byte > 0x7f) return this.#utf8(start, end);
        text += String.fromCharCode(byte);
      }
      return text;
    }
    return this.#utf8(start, end);
  }

  /**
   * A string that is usually the same as in the previous message, such as a channel; then it is not
   * decoded again.
   */
  name(): string {
    const start = this.position;
    const buffer = this.#buffer;
    const length = buffer[start] ?? 0xff;
    const end = start + 1 + length;
    if (length === 0 || length > NAME_BYTES || end > this.#limit) return this.string();
    const place = (length * 7 + (buffer[end - 1] ?? 0)) % NAME_PLACES;
    const known = this.#names[place] ?? "";
    if (isText(known, buffer, start + 1, length)) {
      this.position = end;
      return known;
    }
    return (this.#names[place] = this.string());
  }

  bytes(): Uint8Array {
    const length = this.uint32();
    const start = this.position;
    const end = start + length;
    if (end > this.#limit) {
      this.giveUp();
      return new Uint8Array(0);
    }
    this.position = end;
    const buffer = this.#buffer;
    if (length <= ON_HEAP_BYTES) {
      const copy = new Uint8Array(length);
      for (let index = 0; index < length; index++) copy[index] = buffer[start + index] ?? 0;
      return copy;
    }
    if (length < COPY_BELOW_BYTES) return this.#copy(start, end);
    // A body that makes up most of its message takes over the memory, unless other values also use
    // it.
    if (this.#isAlone ? length * 2 <= this.#limit : !markShared(buffer.buffer)) return ownCopy(buffer, start, end);
    return new Uint8Array(buffer.buffer, buffer.byteOffset + start, length);
  }

  #copy(start: number, end: number): Uint8Array {
    const length = end - start;
    if (this.#slabUsed + length > this.#slab.length) {
      const slab = Buffer.allocUnsafeSlow(SLAB_BYTES);
      if (!markShared(slab.buffer)) return ownCopy(this.#buffer, start, end);
      this.#slab = slab;
      this.#slabUsed = 0;
    }
    const slab = this.#slab;
    const slabUsed = this.#slabUsed;
    this.#buffer.copy(slab, slabUsed, start, end);
    this.#slabUsed += (length + 7) & ~7; // aligned, so that an application may view it as numbers
    return new Uint8Array(slab.buffer, slabUsed, length);
  }

  /** Reads a length, and returns where that many bytes end. */
  end(): number {
    const length = this.uint32();
    const end = this.position + length;
    if (end <= this.#limit) return end;
    this.giveUp();
    return 0;
  }

  /** Reads a map entry with a string key and value. */
  stringEntry(map: Record<string, string>): void {
    const end = this.end();
    let key = "";
    let value = "";
    while (this.position < end) {
      const tag = this.tag();
      if (tag === 0x0a) key = this.name();
      else if (tag === 0x12) value = this.string();
      else this.giveUp();
    }
    // Assigning to this name would set the prototype.
    if (this.position !== end || key === "__proto__") this.giveUp();
    else map[key] = value;
  }

  #utf8(start: number, end: number): string {
    const text = this.#buffer.toString("utf8", start, end);
    // Invalid UTF-8 is decoded as U+FFFD, but so is a real U+FFFD.
    if (text.includes("\uFFFD") && !isUtf8(this.#buffer.subarray(start, end))) this.invalidTexts += 1;
    return text;
  }
}

function ownCopy(buffer: Buffer, start: number, end: number): Uint8Array {
  const copy = Buffer.allocUnsafeSlow(end - start);
  buffer.copy(copy, 0, start, end);
  return new Uint8Array(copy.buffer);
}

/** Whether these bytes are this string, which is then ASCII. */
function isText(text: string, bytes: Buffer, start: number, length: number): boolean {
  if (text.length !== length) return false;
  for (let index = 0; index < length; index++) {
    const byte = bytes[start + index] ?? 0xff;
    if (byte > 0x7f || text.charCodeAt(index) !== byte) return false;
  }
  return true;
}
