import { Code } from "@connectrpc/connect";
import { tooLarge } from "./codec.js";
import { protocolError } from "./status.js";

/** Five bytes before every gRPC message: a flag for compression, then the length, big endian. */
const HEADER_BYTES = 5;

/** Who takes messages out of buffers. An object: a function for each of a thousand streams is two objects more on the way of a message. */
export interface EnvelopeSink {
  onMessage(bytes: Buffer, start: number, end: number): void;
}

/**
 * Splits a stream of DATA chunks into gRPC messages.
 *
 * Messages that lie whole in a chunk are handed on in place. One that spans chunks is gathered in memory of its own, which is
 * asked for only after its length has been checked.
 */
export class EnvelopeSplitter {
  private readonly header = Buffer.alloc(HEADER_BYTES);
  private headerBytes = 0;
  private body: Buffer | undefined;
  private bodyBytes = 0;

  constructor(
    private readonly maxBytes: number,
    private readonly sink: EnvelopeSink,
  ) {}

  /** True between two messages: here, and only here, a stream may end. */
  get atBoundary(): boolean {
    return this.headerBytes === 0 && this.body === undefined;
  }

  /** @throws TransportError for a message that is too large or compressed, and whatever its sink throws */
  push(chunk: Buffer): void {
    let at = 0;
    if (this.headerBytes > 0 || this.body !== undefined) at = this.resume(chunk);
    const length = chunk.length;
    while (at + HEADER_BYTES <= length && this.body === undefined) {
      const size = this.messageSize(chunk, at);
      at += HEADER_BYTES;
      if (at + size <= length) {
        this.sink.onMessage(chunk, at, at + size);
        at += size;
      } else {
        this.gather(size);
        at = this.fill(chunk, at);
      }
    }
    if (at < length) {
      this.headerBytes = chunk.copy(this.header, 0, at);
    }
  }

  private resume(chunk: Buffer): number {
    let at = 0;
    if (this.headerBytes > 0) {
      at = chunk.copy(this.header, this.headerBytes, 0, HEADER_BYTES - this.headerBytes);
      this.headerBytes += at;
      if (this.headerBytes < HEADER_BYTES) return chunk.length;
      this.headerBytes = 0;
      this.gather(this.messageSize(this.header, 0));
    }
    return this.fill(chunk, at);
  }

  private gather(size: number): void {
    this.body = Buffer.allocUnsafeSlow(size);
    this.bodyBytes = 0;
  }

  private fill(chunk: Buffer, at: number): number {
    const body = this.body;
    if (body === undefined) return at;
    const copied = chunk.copy(body, this.bodyBytes, at);
    this.bodyBytes += copied;
    if (this.bodyBytes === body.length) {
      this.body = undefined;
      this.sink.onMessage(body, 0, body.length);
    }
    return at + copied;
  }

  private messageSize(bytes: Buffer, at: number): number {
    const flags = bytes[at] ?? 0;
    const size = bytes.readUInt32BE(at + 1);
    // promise: envelope-too-large
    if (size > this.maxBytes) {
      throw tooLarge("received", size, this.maxBytes);
    }
    if ((flags & 1) === 1) {
      throw protocolError(Code.Internal, "received compressed envelope, but do not know how to decompress");
    }
    return size;
  }
}
