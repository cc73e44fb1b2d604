import type { ClientHttp2Session } from "node:http2";
import { kubemqCodecs } from "../gen/kubemq_codec.js";
import { EventReceiveSchema } from "../gen/kubemq_pb.js";
import { codecFor } from "../src/transport/codec.js";
import { EnvelopeSplitter, type EnvelopeSink } from "../src/transport/envelopes.js";
import { listen, listenForErrors, type StreamListener } from "../src/transport/listener.js";
import { Round, type Due } from "../src/transport/round.js";
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
  const round = new Round();
  return Array.from({ length: subscriptions }, () => {
    const loop = new Loop(round);
    subscribe(session, loop);
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
class Loop extends Ignoring implements AsyncIterable<unknown>, AsyncIterator<unknown>, EnvelopeSink, Due {
  isDue = false;
  #resolve: ((result: IteratorResult<unknown>) => void) | undefined;
  #received: unknown[] = [];
  #at = 0;
  readonly #splitter = new EnvelopeSplitter(MAX_BYTES, this);
  readonly #round: Round;

  constructor(round: Round) {
    super();
    this.#round = round;
  }

  override onData(chunk: Buffer): void {
    this.#splitter.push(chunk);
    this.#round.add(this);
  }

  onMessage(bytes: Buffer, start: number, end: number): void {
    this.#received.push(decode(bytes, start, end));
  }

  handOver(): void {
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
