import type { ClientHttp2Stream, IncomingHttpHeaders } from "node:http2";
import { Readable } from "node:stream";
/** The events of a stream, as its call receives them. */
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

/**
 * Installs only the error handler: a stream that is opened after its call ended must not raise an
 * uncaught error.
 */
export function listenForErrors(stream: ClientHttp2Stream, listener: StreamListener): void {
  (stream as CallStream)[listenerOf] = listener;
  stream.on("error", onError);
}

/** Installs the handlers of all other events. */
export function listen(stream: ClientHttp2Stream): void {
  stream.on("response", onResponse);
  stream.on("trailers", onTrailers);
  stream.on("data", onData);
  stream.push = push;
  stream.on("end", onEnd);
  stream.on("close", onClose);
}

/** Discards any further data. */
export function ignoreData(stream: ClientHttp2Stream): void {
  stream.push = usualPush;
  stream.off("data", onData);
}

// All streams share these functions: six closures for each call cost 3 % of a unary call.

function onResponse(this: CallStream, headers: IncomingHttpHeaders): void {
  this[listenerOf].onResponse(headers);
}

function onTrailers(this: CallStream, trailers: IncomingHttpHeaders): void {
  this[listenerOf].onTrailers(trailers);
}

function onData(this: CallStream, chunk: Buffer): void {
  this[listenerOf].onData(chunk);
  // After a pause, node:http2 reads again only when the stream asks for data, and a stream that
  // counts as reading does not ask. Without this line the flow-control window would never be
  // replenished. No upstream issue found.
  if (this.isPaused()) usualPush.call(this, nothing); // promise: resume-of-buffered
}

/** The listener of a stream that is closed. */
const nobody: StreamListener = {
  onResponse() {},
  onTrailers() {},
  onData() {},
  onEnd() {},
  onError() {},
  onClose() {},
};

const nothing: Buffer = Buffer.alloc(0);

/**
 * Replaces the stream's `push`, which Node.js calls with each chunk that it has read: the chunk
 * is passed directly to the call. The standard path, an event and a tick to request the next chunk,
 * is half of the cost of node:http2 per chunk. It remains in use while the stream is paused, at its
 * end, and if a version of Node.js stops calling `push`. No upstream issue found.
 */
function push(this: CallStream, chunk: Buffer | null, encoding?: BufferEncoding): boolean {
  // promise: no-overtaking
  if (chunk === null || this.isPaused() || this.readableLength > 0) return usualPush.call(this, chunk, encoding);
  this[listenerOf].onData(chunk);
  // The call has paused the stream. Node.js must see this data as the answer to its request, or it
  // makes no further request at the resume.
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

/**
 * Releases the call. Node.js 20 to 24 keep a stream that has ended until a full garbage collection,
 * and its call would retain the messages that it has received. No upstream issue found.
 */
function onClose(this: CallStream): void {
  const listener = this[listenerOf];
  this[listenerOf] = nobody;
  this.removeAllListeners("drain");
  listener.onClose();
}
