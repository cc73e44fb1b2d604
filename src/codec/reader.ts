import { isUtf8 } from "node:buffer";
import { markShared } from "./shared-memory.js";

/** Bodies below this are copied: a view would keep up to 64 KiB of received bytes alive for as long as the message lives. */
export const COPY_BELOW_BYTES = 4 * 1024;

/** V8 keeps typed arrays up to this size on its heap: making one is cheap, and so is filling it by hand. */
const ON_HEAP_BYTES = 64;

/**
 * Copies above that share slabs, since memory of its own costs a body a microsecond. So a body that is kept keeps this much alive
 * at most.
 */
const SLAB_BYTES = 8 * 1024;

/** Names that come again with each message of a stream are kept as strings up to this length, in so many places. */
const NAME_BYTES = 64;

const NAME_PLACES = 64;

/** Where a reader stands once it has met something it leaves to protobuf-es; past every end, so that all loops stop. */
const GAVE_UP = 0x7fffffff;

const nothing = Buffer.alloc(0);

/**
 * Reads protobuf fields as encoders write them.
 *
 * Whatever else the wire format allows (unknown fields, other wire types, overlong numbers, truncation) makes it give up, and
 * protobuf-es decides what the bytes mean: there is one authority on odd input, and it is not this file. Text that is not UTF-8 is
 * read here, with U+FFFD: protobuf-es refuses the whole message.
 */
export class WireReader {
  position = 0;
  /** Counts the strings that were not UTF-8: a message that saw it grow has one. */
  invalidTexts = 0;
  private buffer: Buffer = nothing;
  private limit = 0;
  /** The message has memory of its own: in a chunk of a socket it begins behind the five bytes of its envelope. */
  private isAlone = false;
  private slab: Buffer = nothing;
  private slabUsed = 0;
  private readonly names = Array.from({ length: NAME_PLACES }, () => "");

  start(buffer: Buffer, position: number, limit: number): void {
    this.buffer = buffer;
    this.position = position;
    this.limit = limit;
    this.isAlone = position === 0;
  }

  /** Ends the reading: true when all of the message was understood. Keeps no hold of the bytes. */
  finish(end: number): boolean {
    this.buffer = nothing;
    return this.position === end;
  }

  giveUp(): void {
    this.position = GAVE_UP;
  }

  /** A varint of up to 32 bits. */
  uint32(): number {
    const buffer = this.buffer;
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

  /** A field's tag. Overlong tags are for protobuf-es. */
  tag(): number {
    const byte = this.buffer[this.position++] ?? 0xff;
    if (byte < 0x80) return byte;
    const second = this.buffer[this.position++] ?? 0xff;
    if (second > 0 && second < 0x80) return (byte & 0x7f) | (second << 7);
    this.giveUp();
    return 0;
  }

  int32(): number {
    return this.uint32() | 0;
  }

  bool(): boolean {
    const byte = this.buffer[this.position++];
    if (byte === 1) return true;
    if (byte !== 0) this.giveUp();
    return false;
  }

  int64(): bigint {
    return BigInt.asIntN(64, this.uint64());
  }

  uint64(): bigint {
    const buffer = this.buffer;
    let value = 0;
    let scale = 1;
    // Seven bytes are 49 bits: exact in a double, and all that times and sequences need for a while.
    for (let index = 0; index < 7; index++) {
      const byte = buffer[this.position++] ?? 0xff;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return BigInt(value);
      scale *= 128;
    }
    let high = 0n;
    for (let shift = 0n; shift <= 14n; shift += 7n) {
      const byte = buffer[this.position++] ?? 0xff;
      high |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) {
        if (shift === 14n && byte > 1) break;
        return BigInt(value) | (high << 49n);
      }
    }
    this.giveUp();
    return 0n;
  }

  string(): string {
    const length = this.uint32();
    const start = this.position;
    const end = start + length;
    if (end > this.limit) {
      this.giveUp();
      return "";
    }
    this.position = end;
    const buffer = this.buffer;
    if (length < 16) {
      let text = "";
      for (let index = start; index < end; index++) {
        const byte = buffer[index] ?? 0xff;
        if (byte > 0x7f) return this.utf8(start, end);
        text += String.fromCharCode(byte);
      }
      return text;
    }
    return this.utf8(start, end);
  }

  /** A string that is most likely the same as in the message before, such as a channel: then it is not made anew. */
  name(): string {
    const start = this.position;
    const buffer = this.buffer;
    const length = buffer[start] ?? 0xff;
    const end = start + 1 + length;
    if (length === 0 || length > NAME_BYTES || end > this.limit) return this.string();
    const place = (length * 7 + (buffer[end - 1] ?? 0)) % NAME_PLACES;
    const known = this.names[place] ?? "";
    if (isText(known, buffer, start + 1, length)) {
      this.position = end;
      return known;
    }
    return (this.names[place] = this.string());
  }

  bytes(): Uint8Array {
    const length = this.uint32();
    const start = this.position;
    const end = start + length;
    if (end > this.limit) {
      this.giveUp();
      return new Uint8Array(0);
    }
    this.position = end;
    const buffer = this.buffer;
    if (length <= ON_HEAP_BYTES) {
      const copy = new Uint8Array(length);
      for (let index = 0; index < length; index++) copy[index] = buffer[start + index] ?? 0;
      return copy;
    }
    if (length < COPY_BELOW_BYTES) return this.copy(start, end);
    // A body that is most of a message of its own takes the memory with it; what is beside it must not go, too.
    if (this.isAlone ? length * 2 <= this.limit : !markShared(buffer.buffer)) return ownCopy(buffer, start, end);
    return new Uint8Array(buffer.buffer, buffer.byteOffset + start, length);
  }

  private copy(start: number, end: number): Uint8Array {
    const length = end - start;
    if (this.slabUsed + length > this.slab.length) {
      const slab = Buffer.allocUnsafeSlow(SLAB_BYTES);
      if (!markShared(slab.buffer)) return ownCopy(this.buffer, start, end);
      this.slab = slab;
      this.slabUsed = 0;
    }
    const { slab, slabUsed } = this;
    this.buffer.copy(slab, slabUsed, start, end);
    this.slabUsed += (length + 7) & ~7; // aligned: an application may look at it as numbers
    return new Uint8Array(slab.buffer, slabUsed, length);
  }

  /** Reads a length and says where that much ends. */
  end(): number {
    const length = this.uint32();
    const end = this.position + length;
    if (end <= this.limit) return end;
    this.giveUp();
    return 0;
  }

  /** Reads a map entry from one string to another. */
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
    // An assignment to this name would set the prototype.
    if (this.position !== end || key === "__proto__") this.giveUp();
    else map[key] = value;
  }

  private utf8(start: number, end: number): string {
    const text = this.buffer.toString("utf8", start, end);
    // Invalid UTF-8 shows as U+FFFD, and so does a real U+FFFD.
    if (text.includes("\uFFFD") && !isUtf8(this.buffer.subarray(start, end))) this.invalidTexts += 1;
    return text;
  }
}

function ownCopy(buffer: Buffer, start: number, end: number): Uint8Array {
  const copy = Buffer.allocUnsafeSlow(end - start);
  buffer.copy(copy, 0, start, end);
  return new Uint8Array(copy.buffer);
}

/** Whether these bytes are this text, which then is all ASCII. */
function isText(text: string, bytes: Buffer, start: number, length: number): boolean {
  if (text.length !== length) return false;
  for (let index = 0; index < length; index++) {
    const byte = bytes[start + index] ?? 0xff;
    if (byte > 0x7f || text.charCodeAt(index) !== byte) return false;
  }
  return true;
}
