import type { ClientHttp2Stream, IncomingHttpHeaders } from "node:http2";
import { Readable } from "node:stream";

/** What a stream tells its call. */
export interface StreamListener {
  onResponse(headers: IncomingHttpHeaders): void;
  onTrailers(trailers: IncomingHttpHeaders): void;
  onData(chunk: Buffer): void;
  onEnd(): void;
  onError(error: unknown): void;
  onClose(): void;
}

const listenerOf: unique symbol = Symbol("listener");

type CallStream = ClientHttp2Stream & { [listenerOf]: StreamListener };

/** Tells of errors alone: a stream that comes too late for its call must have somebody for them, too. */
export function listenForErrors(stream: ClientHttp2Stream, listener: StreamListener): void {
  (stream as CallStream)[listenerOf] = listener;
  stream.on("error", onError);
}

/** Tells of all the rest. */
export function listen(stream: ClientHttp2Stream): void {
  stream.on("response", onResponse);
  stream.on("trailers", onTrailers);
  stream.on("data", onData);
  stream.push = push;
  stream.on("end", onEnd);
  stream.on("close", onClose);
}

/** What still comes is nobody's. */
export function ignoreData(stream: ClientHttp2Stream): void {
  stream.push = usualPush;
  stream.off("data", onData);
}

// All streams share these: six functions of its own for each call were a thirtieth of all that a unary one costs.

function onResponse(this: CallStream, headers: IncomingHttpHeaders): void {
  this[listenerOf].onResponse(headers);
}

function onTrailers(this: CallStream, trailers: IncomingHttpHeaders): void {
  this[listenerOf].onTrailers(trailers);
}

function onData(this: CallStream, chunk: Buffer): void {
  this[listenerOf].onData(chunk);
  if (this.isPaused()) usualPush.call(this, nothing); // promise: resume-of-buffered
}

const nothing: Buffer = Buffer.alloc(0);

/**
 * In the place of the stream's `push`, which node calls with what it has read: straight to the call. The usual way is an event, and a tick to
 * ask for what is on its way anyhow, for each chunk: half of all that node:http2 costs. It stays for a stream that is paused, for its end, and for
 * a node that should read without calling `push`.
 */
function push(this: CallStream, chunk: Buffer | null, encoding?: BufferEncoding): boolean {
  // promise: no-overtaking
  if (chunk === null || this.isPaused() || this.readableLength > 0) return usualPush.call(this, chunk, encoding);
  this[listenerOf].onData(chunk);
  // Paused by that. It must learn that what it had asked for has come, or it would not ask again when it is resumed.
  return !this.isPaused() || usualPush.call(this, nothing); // promise: resume-after-silence
}

function usualPush(this: CallStream, chunk: Buffer | null, encoding?: BufferEncoding): boolean {
  return Readable.prototype.push.call(this, chunk, encoding);
}

function onEnd(this: CallStream): void {
  this[listenerOf].onEnd();
}

function onError(this: CallStream, error: unknown): void {
  this[listenerOf].onError(error);
}

function onClose(this: CallStream): void {
  this[listenerOf].onClose();
}
