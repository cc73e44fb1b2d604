import { kubemqCodecs } from "../gen/kubemq_codec.js";
import { EventReceiveSchema } from "../gen/kubemq_pb.js";
import { codecFor } from "../src/internal/transport/codec.js";
import { EnvelopeSplitter } from "../src/internal/transport/envelopes.js";
import { Yielded } from "../src/internal/yielded.js";
import { connectTo, subscribeOn } from "./contestants/raw.js";

/** So many bytes an event has at most. */
const MAX_BYTES = 1024;

/** Subscriptions on one session of node:http2, each with the least that a loop needs. They live as long as the process. */
export function subscribeByHand(port: number, subscriptions: number): AsyncIterable<unknown>[] {
  const session = connectTo(port);
  const { decode } = codecFor(EventReceiveSchema, kubemqCodecs);
  return Array.from({ length: subscriptions }, () => {
    const loop = new Loop();
    const splitter = new EnvelopeSplitter(MAX_BYTES, {
      onMessage: (bytes, start, end) => loop.give(decode(bytes, start, end)),
    });
    subscribeOn(session).on("data", (chunk: Buffer) => splitter.push(chunk));
    return loop;
  });
}

/** Messages as they come: no end, no errors, no bound, and nobody asks twice. */
class Loop implements AsyncIterable<unknown> {
  #resolve: ((result: IteratorResult<unknown>) => void) | undefined;
  readonly #waiting: unknown[] = [];

  give(value: unknown): void {
    const resolve = this.#resolve;
    this.#resolve = undefined;
    if (resolve === undefined) this.#waiting.push(value);
    else resolve(new Yielded(value));
  }

  [Symbol.asyncIterator](): AsyncIterator<unknown> {
    return {
      next: () => {
        const value = this.#waiting.shift();
        if (value !== undefined) return Promise.resolve(new Yielded(value));
        return new Promise((resolve) => (this.#resolve = resolve));
      },
    };
  }
}
