import { create, toBinary } from "@bufbuild/protobuf";
import { describe, expect, test } from "@jest/globals";
import { EventReceiveSchema, file_kubemq, QueueMessageSchema, QueuesDownstreamResponseSchema } from "kubemq-es/gen";
import { MessageChannel, receiveMessageOnPort } from "node:worker_threads";
import { kubemqCodecs } from "../../gen/kubemq_codec.js";
import { codecFor } from "../../src/transport/message-codec.js";
import { SplittingCall } from "../support/splitting-call.js";
import { envelope } from "../support/raw-grpc-server.js";

const KIB = 1024;

const sizes = [1, 64, 65, 300, 4 * KIB - 1, 4 * KIB, 10 * KIB, 15 * KIB, 40 * KIB, 100 * KIB, 1024 * KIB];

/**
 * Messages as a socket delivers them: in reads of up to 64 KiB, of which each DATA frame is a part.
 */
function received<T>(schemaName: string, wires: readonly Uint8Array[]): T[] {
  const schema = file_kubemq.messages.find(({ name }) => name === schemaName);
  if (schema === undefined) throw new Error(`no message ${schemaName}`);
  const { decode } = codecFor(schema, kubemqCodecs);
  const messages: T[] = [];
  const call = new SplittingCall(2 ** 31, (bytes, start, end) => messages.push(decode(bytes, start, end) as T));
  const all = Buffer.concat(wires.map((wire) => envelope(wire)));
  for (let from = 0; from < all.length; from += 64 * KIB) {
    const read = new Uint8Array(new ArrayBuffer(Math.min(64 * KIB, all.length - from)));
    read.set(all.subarray(from, from + read.length));
    for (let at = 0; at < read.length; at += 16 * KIB) {
      call.onData(Buffer.from(read.buffer, at, Math.min(16 * KIB, read.length - at)));
    }
  }
  return messages;
}

const bodyOf = (size: number, fill: number) => new Uint8Array(size).fill(fill);

/**
 * Transfers each body in turn, as to a worker. Returns the errors: the other bodies must not
 * change.
 */
function damage(bodies: readonly Uint8Array[], fills: readonly number[]): string[] {
  const { port1, port2 } = new MessageChannel();
  const left = new Set(bodies.keys());
  const isWhole = (body: Uint8Array | undefined, index: number) =>
    body !== undefined && body.length > 0 && body.every((byte) => byte === fills[index]);
  const wrong: string[] = [];
  bodies.forEach((body, index) => {
    try {
      port1.postMessage(body, [body.buffer as ArrayBuffer]);
      left.delete(index);
      if (!isWhole(receiveMessageOnPort(port2)?.message as Uint8Array, index)) wrong.push(`${index} did not arrive`);
    } catch (error) {
      // From Node.js 21 on shared memory cannot be transferred, which throws.
      if ((error as Error).name !== "DataCloneError") throw error;
    }
    for (const other of left) if (!isWhole(bodies[other], other)) wrong.push(`${index} took ${other} with it`);
  });
  port1.close();
  return wrong;
}

describe("transferring a body leaves other bodies intact", () => {
  test.each(sizes)("events of %d bytes", (size) => {
    const fills = [1, 2, 3, 4, 5];
    const wires = fills.map((fill) =>
      toBinary(EventReceiveSchema, create(EventReceiveSchema, { Body: bodyOf(size, fill) })),
    );
    const bodies = received<{ Body: Uint8Array }>("EventReceive", wires).map(({ Body }) => Body);
    expect(bodies).toHaveLength(fills.length);
    expect(damage(bodies, fills)).toEqual([]);
  });

  test.each([
    ["small ones", [10, 100, 1000, 4000]],
    ["one that is most of it, and others", [2000, 100 * KIB, 10 * KIB, 60]],
    ["large ones", [100 * KIB, 100 * KIB, 100 * KIB]],
    ["one of each size", sizes],
  ])("an answer with %s", (_what, lengths) => {
    const fills = lengths.map((_, index) => index + 1);
    const Messages = lengths.map((length, index) =>
      create(QueueMessageSchema, { Body: bodyOf(length, fills[index] ?? 0) }),
    );
    const wire = toBinary(QueuesDownstreamResponseSchema, create(QueuesDownstreamResponseSchema, { Messages }));
    const [answer] = received<{ Messages: { Body: Uint8Array }[] }>("QueuesDownstreamResponse", [wire]);
    const bodies = (answer?.Messages ?? []).map(({ Body }) => Body);
    expect(bodies).toHaveLength(lengths.length);
    expect(damage(bodies, fills)).toEqual([]);
  });

  test("an answer that only protobuf-es can decode", () => {
    const lengths = [10, 5 * KIB, 100 * KIB];
    const Messages = lengths.map((length) => create(QueueMessageSchema, { Body: bodyOf(length, 7) }));
    const unknown = [{ no: 900, wireType: 0, data: new Uint8Array([1]) }];
    const response = { ...create(QueuesDownstreamResponseSchema, { Messages }), $unknown: unknown };
    const wire = toBinary(QueuesDownstreamResponseSchema, response);
    const [answer] = received<{ Messages: { Body: Uint8Array }[] }>("QueuesDownstreamResponse", [wire]);
    const bodies = (answer?.Messages ?? []).map(({ Body }) => Body);
    expect(bodies).toHaveLength(lengths.length);
    expect(damage(bodies, [7, 7, 7])).toEqual([]);
  });
});

test.each(sizes)("a retained body of %d bytes retains no more memory than documented", (size) => {
  const wires = Array.from({ length: 40 }, () =>
    toBinary(EventReceiveSchema, create(EventReceiveSchema, { Metadata: "m", Body: bodyOf(size, 1) })),
  );
  const most = size < 4 * KIB ? 8 * KIB : Math.max(64 * KIB, size + 100);
  for (const { Body } of received<{ Body: Uint8Array }>("EventReceive", wires)) {
    expect(Body.length).toBe(size);
    expect(Body.buffer.byteLength).toBeLessThanOrEqual(most);
  }
});
