import { create, toBinary } from "@bufbuild/protobuf";
import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { EventReceiveSchema, kubemq } from "kubemq-es/gen";
import { batchesOf } from "../../src/transport/index.js";
import { openTransport } from "../support/calls.js";
import { envelope, RawGrpcServer, respond } from "../support/raw-grpc-server.js";

/** Cuts bytes into DATA frames of given sizes, over and over. */
function cut(bytes: Buffer, sizes: readonly number[]): Buffer[] {
  const frames: Buffer[] = [];
  for (let at = 0, i = 0; at < bytes.length; i++) {
    const size = sizes[i % sizes.length] ?? bytes.length;
    frames.push(bytes.subarray(at, at + size));
    at += size;
  }
  return frames;
}

test("messages arrive complete and in order, however a server cuts them into frames", async () => {
  let script: { readonly frames: readonly Buffer[]; readonly pauses: readonly number[] } = { frames: [], pauses: [] };
  await using server = await RawGrpcServer.start((stream) => {
    respond(stream);
    const { frames, pauses } = script;
    void (async () => {
      for (const [index, frame] of frames.entries()) {
        // Written alone and left alone for a turn, a chunk is a frame of its own.
        await new Promise<void>((resolve) => stream.write(frame, () => resolve()));
        if (pauses.includes(index % 8)) await new Promise((resolve) => setImmediate(resolve));
      }
      stream.end();
    })();
  });
  using transport = openTransport("fast", server.url);

  const message = fc.record({
    EventID: fc.string({ unit: "binary", maxLength: 20 }),
    Body: fc.oneof(
      { weight: 5, arbitrary: fc.uint8Array({ maxLength: 30 }) },
      { weight: 1, arbitrary: fc.constantFrom(4095, 4096, 17_000).map((size) => new Uint8Array(size).fill(size)) },
    ),
    Sequence: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  });
  await fc.assert(
    fc.asyncProperty(
      fc.array(message, { maxLength: 12 }),
      fc.array(fc.oneof(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 1, max: 20_000 })), {
        minLength: 1,
        maxLength: 6,
      }),
      fc.array(fc.nat({ max: 7 }), { maxLength: 4 }),
      fc.nat({ max: 3 }),
      async (inits, sizes, pauses, slowness) => {
        const expected = inits.map((init) => create(EventReceiveSchema, init));
        const wire = Buffer.concat(expected.map((event) => envelope(toBinary(EventReceiveSchema, event))));
        // Frames of few bytes for all of a large message would only take time.
        script = { frames: cut(wire, wire.length > 5_000 ? sizes.map((size) => size + 500) : sizes), pauses };
        const requests = (async function* () {
          yield { Channel: "c" };
        })();
        const messages = batchesOf(transport.open(kubemq.method.subscribeToEvents, requests));
        const received: unknown[] = [];
        for await (const batch of messages) {
          expect(batch.length).toBeGreaterThan(0);
          received.push(...batch);
          for (let i = 0; i < slowness; i++) await new Promise((resolve) => setImmediate(resolve));
        }
        expect(received).toEqual(expected);
      },
    ),
    { numRuns: 30 },
  );
}, 60_000);
