/** The part of HTTP/2 and gRPC framing that the benchmark server needs. */

export const DATA = 0;
export const HEADERS = 1;
export const RST_STREAM = 3;
export const SETTINGS = 4;
export const PING = 6;
export const WINDOW_UPDATE = 8;
export const END_STREAM = 1;
export const END_HEADERS = 4;
export const ACK = 1;
export const PREFACE_BYTES = 24;
export const FRAME_HEADER_BYTES = 9;
export const ENVELOPE_HEADER_BYTES = 5;
/** The default maximum frame size of HTTP/2. */
export const MAX_FRAME_BYTES = 16_384;

export function frame(type: number, flags: number, stream: number, payload: Uint8Array): Buffer {
  const bytes = Buffer.alloc(FRAME_HEADER_BYTES + payload.length);
  bytes.writeUIntBE(payload.length, 0, 3);
  bytes[3] = type;
  bytes[4] = flags;
  bytes.writeUInt32BE(stream, 5);
  bytes.set(payload, FRAME_HEADER_BYTES);
  return bytes;
}

export function envelope(message: Uint8Array): Buffer {
  const bytes = Buffer.alloc(ENVELOPE_HEADER_BYTES + message.length);
  bytes.writeUInt32BE(message.length, 1);
  bytes.set(message, ENVELOPE_HEADER_BYTES);
  return bytes;
}

export function windowUpdate(stream: number, bytes: number): Buffer {
  const payload = Buffer.alloc(4);
  payload.writeUInt32BE(bytes);
  return frame(WINDOW_UPDATE, 0, stream, payload);
}

/** The largest possible windows, so that this server never limits the client's sending. */
export function settings(): Buffer {
  const payload = Buffer.alloc(12);
  payload.writeUInt16BE(4, 0); // INITIAL_WINDOW_SIZE
  payload.writeUInt32BE(2 ** 31 - 1, 2);
  payload.writeUInt16BE(3, 6); // MAX_CONCURRENT_STREAMS
  payload.writeUInt32BE(2 ** 31 - 1, 8);
  return frame(SETTINGS, 0, 0, payload);
}

/** A header as a literal without indexing, which needs no compression state. */
function literal(name: string, value: string): Buffer {
  const field = (value: string) => Buffer.concat([Buffer.from([value.length]), Buffer.from(value)]);
  return Buffer.concat([Buffer.from([0]), field(name), field(value)]);
}

const STATUS_200 = 0x88;

export const responseHeaders = Buffer.concat([Buffer.from([STATUS_200]), literal("content-type", "application/grpc")]);
export const trailers = literal("grpc-status", "0");
