import type { ClientHttp2Session, ClientHttp2Stream } from "node:http2";
import { kubemqCodecs } from "../gen/kubemq_codec.js";
import { EventReceiveSchema } from "../gen/kubemq_pb.js";
import { codecFor } from "../src/transport/message-codec.js";
import { Http2Call } from "../src/transport/calls/call.js";
import type { Reader } from "../src/transport/source.js";
import { listen, listenForErrors, type StreamListener } from "../src/transport/calls/stream-events.js";
import { turn, type TurnTask } from "../src/support/time/turn.js";
import { yielded } from "../src/support/yielded.js";
import { connectTo, subscribeOn } from "./contestants/raw.js";

/** Maximum size of an event in bytes. */
const MAX_BYTES = 1024;

/**
 * Subscriptions on one session of node:http2, built from the parts of the client's transport and
 * the minimum that a loop needs. They are never closed: they live until the process exits.
 */
export function subscribeByHand(port: number, subscriptions: number): AsyncIterable<unknown>[] {
  const session = connectTo(port);
  return Array.from({ length: subscriptions }, () => {
    const loop = new Loop();
    new BareCall(subscribeOn(session), loop).start();
    return loop;
  });
}

/** The same subscriptions, but the content of the frames is ignored. */
export function countFrames(port: number, subscriptions: number, onFrame: () => void): void {
  const session = connectTo(port);
  const listener = new Ignoring();
  listener.onData = onFrame;
  for (let index = 0; index < subscriptions; index++) subscribe(session, listener);
}

function subscribe(session: ClientHttp2Session, listener: StreamListener): void {
  const stream = subscribeOn(session);
  listenForErrors(stream, listener);
  listen(stream);
}

/** Ignores everything. A lost connection is noticed because the round never ends. */
class Ignoring implements StreamListener {
  onResponse(): void {}
  onTrailers(): void {}
  onData(_chunk: Buffer): void {}
  onEnd(): void {}
  onError(): void {}
  onClose(): void {}
}

const { decode } = codecFor(EventReceiveSchema, kubemqCodecs);

/** Yields messages as they arrive: no end, no errors, no limit, one `next()` at a time. */
class Loop implements AsyncIterable<unknown>, AsyncIterator<unknown>, Reader<unknown>, TurnTask {
  isDue = false;
  #resolve: ((result: IteratorResult<unknown>) => void) | undefined;
  #received: unknown[] = [];
  #at = 0;

  message(message: unknown): boolean {
    this.#received.push(message);
    if (this.#resolve !== undefined) turn.atEnd(this);
    return true;
  }

  end(): void {}

  onTurnEnd(): void {
    const resolve = this.#resolve;
    if (resolve === undefined || this.#at === this.#received.length) return;
    this.#resolve = undefined;
    resolve(yielded(this.#take()));
  }

  [Symbol.asyncIterator](): AsyncIterator<unknown> {
    return this;
  }

  next(): Promise<IteratorResult<unknown>> {
    if (this.#at < this.#received.length) return Promise.resolve(yielded(this.#take()));
    return new Promise((resolve) => (this.#resolve = resolve));
  }

  #take(): unknown {
    const value = this.#received[this.#at++];
    if (this.#at === this.#received.length) {
      this.#received = [];
      this.#at = 0;
    }
    return value;
  }
}

/** The least that a call needs. */
class BareCall extends Http2Call {
  readonly #reader: Reader<unknown>;

  constructor(stream: ClientHttp2Stream, reader: Reader<unknown>) {
    super({
      signal: undefined,
      deadlineMs: undefined,
      readMaxBytes: MAX_BYTES,
      writeMaxBytes: MAX_BYTES,
      request: () => Promise.resolve(stream),
    });
    this.#reader = reader;
  }

  start(): void {
    this.begin();
  }

  override onData(chunk: Buffer): void {
    turn.received(chunk.length);
    super.onData(chunk);
  }

  protected override onMessage(bytes: Buffer, start: number, end: number): void {
    this.#reader.message(decode(bytes, start, end), end - start);
  }

  protected override onOpen(): void {}
  protected override onOver(): void {}
  override onResponse(): void {}
  override onTrailers(): void {}
  override onEnd(): void {}
  override onClose(): void {}
}
