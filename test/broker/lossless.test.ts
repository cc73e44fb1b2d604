import { connect } from "node:http2";
import { describe, expect, test } from "@jest/globals";
import { create, fromBinary } from "@bufbuild/protobuf";
import fc from "fast-check";
import { EventSchema } from "kubemq-es/gen";
import { startBroker } from "kubemq-es/testing";
import { decodeMessage, decodeText, encodeMessage, encodeText } from "../../src/broker/grpc/lossless.js";

/** Half an emoji, as protobufjs writes it: three bytes that are not UTF-8. */
const halfEmoji = Buffer.from([0xed, 0xa0, 0xbd]);

/** Bytes that are not UTF-8, as a protobuf field of up to 127 bytes. */
const field = (number: number, bytes: Uint8Array) =>
  Buffer.concat([Buffer.from([(number << 3) | 2, bytes.length]), bytes]);

const framed = (message: Buffer) => {
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(message.length, 1);
  return Buffer.concat([prefix, message]);
};

describe("encoding of strings that are not UTF-8", () => {
  test("any bytes are the same after decoding and encoding", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        expect(Buffer.from(encodeText(decodeText(bytes)))).toEqual(Buffer.from(bytes));
      }),
    );
  });

  test("valid parts of a string are decoded as by TextDecoder, with lone surrogates between them", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), fc.string({ unit: "grapheme" }), (before, after) => {
        const bytes = Buffer.concat([Buffer.from(before), halfEmoji, Buffer.from(after)]);
        expect(decodeText(Buffer.from(before))).toBe(before);
        expect(decodeText(bytes)).toBe(`${before}\udced\udca0\udcbd${after}`);
      }),
    );
  });

  test("a message with invalid UTF-8 is encoded to the same bytes, and other messages as before", () => {
    const bytes = field(4, halfEmoji);
    const message = decodeMessage(EventSchema, bytes);
    expect(message.Metadata).toBe("\udced\udca0\udcbd");
    expect(Buffer.from(encodeMessage(EventSchema, message))).toEqual(bytes);
    const plain = create(EventSchema, { Channel: "日本 😀", ClientID: "c" });
    expect(fromBinary(EventSchema, encodeMessage(EventSchema, plain))).toEqual(plain);
  });

  test("a message with other defects is still refused", () => {
    expect(() => decodeMessage(EventSchema, Buffer.from([0x22, 9, 0xed]))).toThrow("premature EOF");
  });

  test("the text encoding of the process is not changed", () => {
    decodeMessage(EventSchema, field(4, halfEmoji));
    expect(() => fromBinary(EventSchema, field(4, halfEmoji))).toThrow(/encoded data was not valid/);
  });
});

describe.each(["default", "community"] as const)("the %s broker passes on text that is not UTF-8", (profile) => {
  /** Sends one request and returns the bytes of all answers up to the one that `isLast` accepts. */
  function call(address: string, rpc: string, message: Buffer, isLast: (answer: Buffer) => boolean): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      const session = connect(`http://${address}`);
      const stream = session.request({
        ":method": "POST",
        ":path": `/kubemq.kubemq/${rpc}`,
        "content-type": "application/grpc",
        te: "trailers",
      });
      let answer = Buffer.alloc(0);
      const done = () => {
        session.destroy();
        resolve(answer);
      };
      stream.on("data", (chunk: Buffer) => {
        answer = Buffer.concat([answer, chunk]);
        if (isLast(answer)) done();
      });
      stream.on("end", done);
      stream.on("error", reject);
      stream.write(framed(message));
    });
  }

  const unary = (address: string, rpc: string, message: Buffer) =>
    new Promise<Buffer>((resolve, reject) => {
      const session = connect(`http://${address}`);
      const stream = session.request({
        ":method": "POST",
        ":path": `/kubemq.kubemq/${rpc}`,
        "content-type": "application/grpc",
        te: "trailers",
      });
      const chunks: Buffer[] = [];
      stream.on("data", (chunk: Buffer) => chunks.push(chunk));
      stream.on("error", reject);
      stream.on("end", () => {
        session.destroy();
        resolve(Buffer.concat(chunks));
      });
      stream.end(framed(message));
    });

  const client = field(2, Buffer.from("c"));

  test("invalid UTF-8 passes through a queue message sent by a unary call", async () => {
    await using broker = await startBroker({ profile });
    // QueueMessage: MessageID 1, ClientID 2, Channel 3, Metadata 4.
    const message = Buffer.concat([client, field(3, Buffer.from("q")), field(4, halfEmoji)]);
    await unary(broker.address, "SendQueueMessage", message);
    // ReceiveQueueMessagesRequest: ClientID 2, Channel 3, MaxNumberOfMessages 4.
    const receive = Buffer.concat([client, field(3, Buffer.from("q")), Buffer.from([4 << 3, 1])]);
    const received = await unary(broker.address, "ReceiveQueueMessages", receive);
    expect(received.includes(field(4, halfEmoji))).toBe(true);
  });

  test("invalid UTF-8 passes through a queue message sent by a stream", async () => {
    await using broker = await startBroker({ profile });
    const message = Buffer.concat([client, field(3, Buffer.from("q")), field(4, halfEmoji)]);
    // QueuesUpstreamRequest: Messages 2.
    await call(broker.address, "QueuesUpstream", field(2, message), (answer) => answer.length > 5);
    // QueuesDownstreamRequest: ClientID 2, RequestTypeData 3, Channel 4, MaxItems 5.
    const poll = Buffer.concat([
      client,
      Buffer.from([3 << 3, 1]),
      field(4, Buffer.from("q")),
      Buffer.from([5 << 3, 1]),
    ]);
    const received = await call(broker.address, "QueuesDownstream", poll, (answer) => answer.length > 5);
    expect(received.includes(field(4, halfEmoji))).toBe(true);
  });
});
