/** Smaller values are copied into the slab; larger ones become separate parts. */
const INLINE_MAX_BYTES = 8 * 1024;

const FIRST_SLAB_BYTES = 2 * 1024;

const LARGEST_SLAB_BYTES = 64 * 1024;

/** Shorter values are copied byte by byte, which costs less than a call. */
const LOOP_MAX_BYTES = 32;

/** Called without a look-up along the prototypes of a Buffer, which costs more than the copy. */
// oxlint-disable-next-line typescript/unbound-method -- called with its object
const copyInto = Uint8Array.prototype.set;

/** Thrown for values that a static encoder does not support; the caller then uses protobuf-es. */
export const unencodable = new Error("value not covered by the static encoder");

/**
 * Encodes protobuf fields, one after another, into memory that node:http2 can send without a copy.
 *
 * Written bytes are never moved or overwritten: a full slab becomes a part and a new one is
 * started, so that the bytes taken for one write stay intact while the next messages are encoded
 * behind them.
 */
export class WireWriter {
  #buffer: Buffer;
  #position = 0;
  #sealedTo = 0;
  #parts: Uint8Array[] = [];
  #sealedBytes = 0;
  #nextSlabBytes = FIRST_SLAB_BYTES;

  constructor() {
    this.#buffer = Buffer.allocUnsafeSlow(FIRST_SLAB_BYTES);
  }

  /** Bytes written and not yet taken. */
  get byteLength(): number {
    return this.#sealedBytes + this.#position - this.#sealedTo;
  }

  /** Takes the written bytes, in order. */
  take(): readonly Uint8Array[] {
    if (this.#parts.length === 0) {
      // A literal, because an array that grows allocates room for 17 items.
      const only = this.#buffer.subarray(this.#sealedTo, this.#position);
      this.#sealedTo = this.#position;
      return only.length === 0 ? [] : [only];
    }
    this.#seal();
    const parts = this.#parts;
    this.#parts = [];
    this.#sealedBytes = 0;
    return parts;
  }

  /**
   * Writes one gRPC message: the prefix of five bytes, then the output of `encode`.
   *
   * @throws the error of `encode`; the writer is then unchanged
   */
  envelope<T>(encode: (writer: WireWriter, message: T) => void, message: T, maxBytes: number): void {
    this.#reserve(5);
    const head = this.#buffer;
    const at = this.#position;
    const sealedTo = this.#sealedTo;
    const parts = this.#parts.length;
    const sealedBytes = this.#sealedBytes;
    const before = this.byteLength;
    this.#position += 5;
    let size = 0;
    let whole = false;
    try {
      encode(this, message);
      size = this.byteLength - before - 5;
      if (size > maxBytes) throw new TooLarge(size);
      whole = true;
    } finally {
      if (!whole) {
        this.#buffer = head;
        this.#position = at;
        this.#sealedTo = sealedTo;
        this.#parts.length = parts;
        this.#sealedBytes = sealedBytes;
      }
    }
    head[at] = 0;
    head[at + 1] = size >>> 24;
    head[at + 2] = size >>> 16;
    head[at + 3] = size >>> 8;
    head[at + 4] = size;
  }

  uint32(value: number): void {
    this.#reserve(5);
    const buffer = this.#buffer;
    let at = this.#position;
    while (value > 0x7f) {
      buffer[at++] = (value & 0x7f) | 0x80;
      value >>>= 7;
    }
    buffer[at++] = value;
    this.#position = at;
  }

  int32(value: unknown): void {
    if (typeof value !== "number" || (value | 0) !== value) throw unencodable;
    if (value < 0) this.#varint64(BigInt.asUintN(64, BigInt(value)));
    else this.uint32(value);
  }

  int64(value: unknown): void {
    if (typeof value !== "bigint" || BigInt.asIntN(64, value) !== value) throw unencodable;
    this.#varint64(BigInt.asUintN(64, value));
  }

  uint64(value: unknown): void {
    if (typeof value !== "bigint" || BigInt.asUintN(64, value) !== value) throw unencodable;
    this.#varint64(value);
  }

  bool(value: unknown): void {
    if (value !== true) throw unencodable;
    this.uint32(1);
  }

  string(value: unknown): void {
    if (typeof value !== "string") throw unencodable;
    const length = value.length;
    if (length <= 40) {
      this.#reserve(length + 1);
      const buffer = this.#buffer;
      let at = this.#position;
      buffer[at++] = length;
      let index = 0;
      for (; index < length; index++) {
        const unit = value.charCodeAt(index);
        if (unit > 0x7f) break;
        buffer[at++] = unit;
      }
      if (index === length) {
        this.#position = at;
        return;
      }
    }
    const bytes = Buffer.byteLength(value);
    this.uint32(bytes);
    this.#reserve(bytes);
    this.#buffer.write(value, this.#position, bytes, "utf8");
    this.#position += bytes;
  }

  stringEntry(key: string, value: unknown): void {
    this.uint32(2 + stringSize(key) + stringSize(value));
    this.uint32(0x0a);
    this.string(key);
    this.uint32(0x12);
    this.string(value);
  }

  bytes(value: unknown): void {
    if (!(value instanceof Uint8Array)) throw unencodable;
    this.uint32(value.length);
    this.raw(value);
  }

  /**
   * Bytes without a length before them. From 8 KiB on they are not copied, and must not change
   * until they are sent.
   */
  raw(value: Uint8Array): void {
    const { length } = value; // not `byteLength`, which V8 looks up along the prototypes of a Buffer
    if (length >= INLINE_MAX_BYTES) {
      this.#seal();
      this.#parts.push(value);
      this.#sealedBytes += length;
      return;
    }
    this.#reserve(length);
    const at = this.#position;
    this.#position += length;
    const buffer = this.#buffer;
    if (length > LOOP_MAX_BYTES) copyInto.call(buffer, value, at);
    else for (let index = 0; index < length; index++) buffer[at + index] = value[index] ?? 0;
  }

  #varint64(value: bigint): void {
    this.#reserve(10);
    const buffer = this.#buffer;
    let at = this.#position;
    let low = Number(value & 0xfffffffn);
    let high = value >> 28n;
    // 28 bits at a time: four bytes without bigint arithmetic.
    while (high > 0n) {
      for (let i = 0; i < 4; i++) {
        buffer[at++] = (low & 0x7f) | 0x80;
        low >>>= 7;
      }
      low = Number(high & 0xfffffffn);
      high >>= 28n;
    }
    while (low > 0x7f) {
      buffer[at++] = (low & 0x7f) | 0x80;
      low >>>= 7;
    }
    buffer[at++] = low;
    this.#position = at;
  }

  #reserve(bytes: number): void {
    if (this.#position + bytes > this.#buffer.length) this.#grow(bytes);
  }

  #grow(bytes: number): void {
    this.#seal();
    this.#nextSlabBytes = Math.min(this.#nextSlabBytes * 4, LARGEST_SLAB_BYTES);
    this.#buffer = Buffer.allocUnsafeSlow(Math.max(this.#nextSlabBytes, bytes));
    this.#position = 0;
    this.#sealedTo = 0;
  }

  #seal(): void {
    if (this.#position === this.#sealedTo) return;
    this.#parts.push(this.#buffer.subarray(this.#sealedTo, this.#position));
    this.#sealedBytes += this.#position - this.#sealedTo;
    this.#sealedTo = this.#position;
  }
}

/** An encoded message exceeds the maximum size. */
export class TooLarge extends Error {
  constructor(readonly byteSize: number) {
    super(`message of ${byteSize} bytes is larger than allowed`);
  }
}

/** The size of a length prefix in bytes. */
export function varintSize(value: number): number {
  return value < 0x80 ? 1 : value < 0x4000 ? 2 : value < 0x200000 ? 3 : value < 0x10000000 ? 4 : 5;
}

/** Size on the wire of a string with its length prefix. */
export function stringSize(value: unknown): number {
  if (typeof value !== "string") throw unencodable;
  const length = value.length;
  if (length <= 40) {
    let index = 0;
    while (index < length && value.charCodeAt(index) <= 0x7f) index++;
    if (index === length) return length + 1;
  }
  const bytes = Buffer.byteLength(value);
  return varintSize(bytes) + bytes;
}

/** Size on the wire of a map entry with its length prefix. */
export function stringEntrySize(key: string, value: unknown): number {
  const size = 2 + stringSize(key) + stringSize(value);
  return varintSize(size) + size;
}

/** Size on the wire of bytes with their length prefix. */
export function bytesSize(value: unknown): number {
  if (!(value instanceof Uint8Array)) throw unencodable;
  return varintSize(value.length) + value.length;
}

/** Size on the wire of an int32 or an enum value. */
export function int32Size(value: unknown): number {
  if (typeof value !== "number" || (value | 0) !== value) throw unencodable;
  return value < 0 ? 10 : varintSize(value);
}

/** Size on the wire of a 64-bit integer. */
export function int64Size(value: unknown): number {
  if (typeof value !== "bigint") throw unencodable;
  if (value >= 0n && value <= 0xfffffffn) return varintSize(Number(value));
  let rest = BigInt.asUintN(64, value);
  let size = 1;
  while (rest > 0x7fn) {
    rest >>= 7n;
    size++;
  }
  return size;
}
