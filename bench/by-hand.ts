import { connect } from "node:http2";
import { create, toBinary } from "@bufbuild/protobuf";
import { kubemqCodecs } from "../gen/kubemq_codec.js";
import { EventReceiveSchema, SubscribeSchema } from "../gen/kubemq_pb.js";
import { codecFor } from "../src/internal/transport/codec.js";
import { EnvelopeSplitter } from "../src/internal/transport/envelopes.js";

/** Subscriptions on one session of node:http2, each with the least that a loop needs. They live as long as the process. */
export function subscribeByHand(port: number, channel: string, subscriptions: number): AsyncIterable<unknown>[] {
  const session = connect(`http://127.0.0.1:${port}`, { settings: { initialWindowSize: 1024 * 1024 } });
  session.once("connect", (connected) => connected.setLocalWindowSize(2 * 1024 * 1024));
  session.on("error", () => {}); // a lost connection shows in that the measuring does not end
  const request = toBinary(SubscribeSchema, create(SubscribeSchema, { Channel: channel }));
  const head = Buffer.alloc(5);
  head.writeUInt32BE(request.length, 1);
  const { decode } = codecFor(EventReceiveSchema, kubemqCodecs);
  return Array.from({ length: subscriptions }, () => {
    const stream = session.request({
      ":method": "POST",
      ":path": "/kubemq.kubemq/SubscribeToEvents",
      "content-type": "application/grpc+proto",
      te: "trailers",
    });
    stream.end(Buffer.concat([head, request]));
    const loop = new Loop();
    const splitter = new EnvelopeSplitter(request.length + 1024, (bytes, start, end) => {
      loop.give(decode(bytes, start, end));
    });
    stream.on("data", (chunk: Buffer) => splitter.push(chunk));
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
    else resolve({ done: false, value });
  }

  [Symbol.asyncIterator](): AsyncIterator<unknown> {
    return {
      next: () => {
        const value = this.#waiting.shift();
        if (value !== undefined) return Promise.resolve({ done: false, value });
        return new Promise((resolve) => (this.#resolve = resolve));
      },
    };
  }
}
