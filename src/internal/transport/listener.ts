import type { ClientHttp2Stream, IncomingHttpHeaders } from "node:http2";

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
  stream.on("end", onEnd);
  stream.on("close", onClose);
}

/** What still comes is nobody's. */
export function ignoreData(stream: ClientHttp2Stream): void {
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
