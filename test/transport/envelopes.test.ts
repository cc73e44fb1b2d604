import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { SplittingCall } from "../support/splitting-call.js";
import { envelope } from "../support/raw-grpc-server.js";

function split(chunks: readonly Uint8Array[], maxBytes = 1_000_000) {
  const messages: string[] = [];
  const call = new SplittingCall(maxBytes, (bytes, start, end) => messages.push(bytes.toString("latin1", start, end)));
  for (const chunk of chunks) call.onData(Buffer.from(chunk));
  if (call.error !== undefined) throw call.error;
  return { messages, atBoundary: call.atBoundary };
}

describe("EnvelopeSplitter", () => {
  const texts = ["", "a", "hello", "", "x".repeat(300), "end"];
  const wire = Buffer.concat(texts.map((text) => envelope(Buffer.from(text))));

  test("a splitter joins a message in two chunks, for every byte position of the cut", () => {
    for (let at = 0; at <= wire.length; at++) {
      expect(split([wire.subarray(0, at), wire.subarray(at)])).toEqual({ messages: texts, atBoundary: true });
    }
  });

  test("a splitter joins messages in three chunks, for every pair of positions around the headers", () => {
    for (let first = 0; first <= 24; first++) {
      for (let second = first; second <= 30; second++) {
        const chunks = [wire.subarray(0, first), wire.subarray(first, second), wire.subarray(second)];
        expect(split(chunks).messages).toEqual(texts);
      }
    }
  });

  test("a splitter joins a message received one byte at a time", () => {
    expect(split([...wire].map((byte) => new Uint8Array([byte])))).toEqual({ messages: texts, atBoundary: true });
  });

  test("a splitter joins random messages from random chunks", () => {
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ maxLength: 50 }), { maxLength: 20 }),
        fc.array(fc.nat({ max: 40 }), { minLength: 1, maxLength: 20 }),
        (messages, sizes) => {
          const all = Buffer.concat(messages.map((message) => envelope(message)));
          const chunks: Buffer[] = [];
          for (let at = 0, i = 0; at < all.length; i++) {
            const size = (sizes[i % sizes.length] ?? 0) + 1;
            chunks.push(all.subarray(at, at + size));
            at += size;
          }
          expect(split(chunks)).toEqual({
            messages: messages.map((message) => Buffer.from(message).toString("latin1")),
            atBoundary: true,
          });
        },
      ),
      { numRuns: 500 },
    );
  });

  test("a splitter reports whether it is between two messages", () => {
    for (let at = 1; at < 10; at++) {
      const one = envelope(Buffer.from("hello"));
      expect(split([one.subarray(0, at)]).atBoundary).toBe(false);
    }
    expect(split([]).atBoundary).toBe(true);
  });

  test("a splitter refuses a message above the limit after its header", () => {
    const header = Buffer.from([0, 0x7f, 0xff, 0xff, 0xff]);
    expect(() => split([header], 1000)).toThrow("message size 2147483647 is larger than configured readMaxBytes 1000");
    expect(() => split([header.subarray(0, 2), header.subarray(2)], 1000)).toThrow("larger than");
    expect(split([envelope(Buffer.alloc(1000))], 1000).messages).toHaveLength(1);
    expect(() => split([envelope(Buffer.alloc(1001))], 1000)).toThrow("larger than");
  });

  test("a splitter refuses a compressed message", () => {
    expect(() => split([envelope(Buffer.from("hello"), 1)])).toThrow("compressed");
  });
});
