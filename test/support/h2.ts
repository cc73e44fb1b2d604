/**
 * Hand-written HTTP/2, for servers that break its rules: RFC 9113 and a minimal part of RFC 7541.
 */
export const frameType = {
  data: 0,
  headers: 1,
  priority: 2,
  rstStream: 3,
  settings: 4,
  pushPromise: 5,
  ping: 6,
  goAway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const;

export const flag = { endStream: 1, ack: 1, endHeaders: 4, padded: 8 } as const;

/** The connection preface of a client. */
export const prefaceLength = 24;

export function frame(type: number, flags: number, stream: number, payload: Uint8Array = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length & 0xffffff, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream >>> 0, 5);
  return Buffer.concat([head, payload]);
}

/** Header fields as HPACK literals without indexing and without Huffman coding. */
export function headerBlock(fields: Readonly<Record<string, string>>): Buffer {
  const parts: Buffer[] = [];
  for (const [name, value] of Object.entries(fields)) {
    parts.push(Buffer.from([0]), literal(name), literal(value));
  }
  return Buffer.concat(parts);
}

function literal(text: string): Buffer {
  const bytes = Buffer.from(text, "latin1");
  if (bytes.length < 127) return Buffer.concat([Buffer.from([bytes.length]), bytes]);
  const length = [127];
  let rest = bytes.length - 127;
  for (; rest >= 128; rest = Math.floor(rest / 128)) length.push((rest % 128) + 128);
  length.push(rest);
  return Buffer.concat([Buffer.from(length), bytes]);
}

/** A header block of any size: HEADERS, then the CONTINUATION frames that it needs. */
export function headers(stream: number, fields: Readonly<Record<string, string>>, flags = 0): Buffer {
  const block = headerBlock(fields);
  const largest = 16_384;
  const frames: Buffer[] = [];
  for (let at = 0; at === 0 || at < block.length; at += largest) {
    const last = at + largest >= block.length ? flag.endHeaders : 0;
    const type = at === 0 ? frameType.headers : frameType.continuation;
    frames.push(frame(type, last | (at === 0 ? flags : 0), stream, block.subarray(at, at + largest)));
  }
  return Buffer.concat(frames);
}

/** A gRPC message with its length prefix. */
export function envelope(message: Uint8Array, compressed = 0, length = message.length): Buffer {
  const head = Buffer.alloc(5);
  head[0] = compressed;
  head.writeUInt32BE(length >>> 0, 1);
  return Buffer.concat([head, message]);
}

/** A stream that a client has opened. */
export interface Call {
  readonly id: number;
  /** The payload of its first DATA frame, once received. */
  first?: Buffer;
  /** Whether the client has ended its side of the stream. */
  ended: boolean;
}

/** Finds the streams that a client opens in the bytes that it sends. */
export class RequestScanner {
  #rest = Buffer.alloc(0);
  #prefaced = false;

  /** The streams opened by these bytes. */
  push(chunk: Buffer): Call[] {
    this.#rest = Buffer.concat([this.#rest, chunk]);
    if (!this.#prefaced) {
      if (this.#rest.length < prefaceLength) return [];
      this.#rest = this.#rest.subarray(prefaceLength);
      this.#prefaced = true;
    }
    const opened = new Map<number, Call>();
    while (this.#rest.length >= 9) {
      const size = this.#rest.readUIntBE(0, 3);
      if (this.#rest.length < 9 + size) break;
      const [type, flags] = [this.#rest[3], this.#rest[4] ?? 0];
      const id = this.#rest.readUInt32BE(5);
      if (type === frameType.headers) opened.set(id, { id, ended: false });
      const call = opened.get(id);
      if (call !== undefined && (type === frameType.headers || type === frameType.data)) {
        if (type === frameType.data) call.first ??= this.#rest.subarray(9, 9 + size);
        call.ended ||= (flags & flag.endStream) !== 0;
      }
      this.#rest = this.#rest.subarray(9 + size);
    }
    return [...opened.values()];
  }
}
