import { create, createFileRegistry, equals, fromBinary, toBinary, toJson } from "@bufbuild/protobuf";
import type { DescField, DescMessage, Message, MessageShape } from "@bufbuild/protobuf";
import { ScalarType } from "@bufbuild/protobuf";
import {
  Edition,
  FeatureSet_FieldPresence,
  FeatureSet_Utf8Validation,
  FeatureSetSchema,
  FileDescriptorProtoSchema,
  FileOptionsSchema,
} from "@bufbuild/protobuf/wkt";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import {
  EventSchema,
  EventReceiveSchema,
  file_kubemq,
  QueueMessageSchema,
  QueuesDownstreamRequestSchema,
  QueuesDownstreamResponseSchema,
} from "kubemq-es/gen";
import type { EventReceive } from "kubemq-es/gen";
import { kubemqCodecs } from "../../gen/kubemq_codec.js";
import { codecFor } from "../../src/transport/message-codec.js";
import type { MessageCodec } from "../../src/transport/message-codec.js";
import { hasInvalidText } from "../../src/codec/text.js";
import { WireWriter } from "../../src/codec/writer.js";

/** These have no static codec: no code of the client sends or receives them in numbers. */
const cold = [
  "QueueMessagesBatchRequest",
  "QueueMessagesBatchResponse",
  "AckAllQueueMessagesRequest",
  "AckAllQueueMessagesResponse",
];
const messages = file_kubemq.messages.filter(({ name }) => !cold.includes(name));
/** Half of an emoji, as protobufjs writes it. */
const half = new Uint8Array([0xed, 0xa0, 0xbd]);
const VARINT = WireType.Varint;
const LEN = WireType.LengthDelimited;

type Outcome = { readonly message: Message } | { readonly error: string };

/**
 * The same messages for a protobuf-es that decodes invalid UTF-8 with U+FFFD, as TextDecoder does.
 */
const lenient = lenientMessages();

function lenientMessages(): ReadonlyMap<string, DescMessage> {
  const { proto } = file_kubemq;
  const features = create(FeatureSetSchema, {
    fieldPresence: FeatureSet_FieldPresence.IMPLICIT,
    utf8Validation: FeatureSet_Utf8Validation.NONE,
  });
  const options = create(FileOptionsSchema, { features });
  const file = create(FileDescriptorProtoSchema, {
    ...proto,
    syntax: "editions",
    edition: Edition.EDITION_2023,
    options,
  });
  const registry = createFileRegistry(file, () => undefined);
  return new Map(messages.flatMap(({ typeName }) => [[typeName, registry.getMessage(typeName) as DescMessage]]));
}

/** The result of protobuf-es for these bytes, if it accepted strings that are not UTF-8. */
function reference(schema: DescMessage, bytes: Uint8Array): Outcome {
  const outcome = read(schema, bytes);
  return "error" in outcome ? read(lenient.get(schema.typeName) ?? schema, bytes) : outcome;
}

function read(schema: DescMessage, bytes: Uint8Array): Outcome {
  try {
    return { message: fromBinary(schema, bytes) };
  } catch (error) {
    return { error: (error as Error).message };
  }
}

/** The result of our codec, within a larger chunk. */
function ours(schema: DescMessage, bytes: Uint8Array): Outcome {
  const chunk = Buffer.concat([Buffer.from([0xff, 0x0a, 0x01]), bytes, Buffer.from([0x0a, 0x01, 0x41, 0xff])]);
  try {
    return { message: codecOf(schema).decode(chunk, 3, 3 + bytes.length) };
  } catch (error) {
    return { error: (error as { rawMessage: string }).rawMessage.replace("parse binary: ", "") };
  }
}

function codecOf(schema: DescMessage): MessageCodec {
  return codecFor(schema, kubemqCodecs);
}

/** True when generated code decoded the message without protobuf-es. */
function isStatic(schema: DescMessage, bytes: Uint8Array): boolean {
  return kubemqCodecs[schema.typeName]?.decode(Buffer.from(bytes), 0, bytes.length) !== undefined;
}

/** Values that the static decoder leaves to protobuf-es: negative 32-bit numbers, and a key that names the prototype. */
function hasOddValues(schema: DescMessage, message: Message): boolean {
  return /-\d|__proto__/.test(JSON.stringify(toJson(schema, message)));
}

/** The nested messages that are marked as having invalid strings. */
function marksOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(marksOf);
  if (typeof value !== "object" || value === null || !("$typeName" in value)) return undefined;
  return [hasInvalidText(value), ...Object.values(value).map(marksOf)];
}

function encode(schema: DescMessage, message: unknown): Uint8Array {
  const writer = new WireWriter();
  codecOf(schema).write(writer, message, 2 ** 31);
  const written = Buffer.concat(writer.take());
  expect(written[0]).toBe(0);
  expect(written.readUInt32BE(1)).toBe(written.length - 5);
  return new Uint8Array(written.subarray(5));
}

/** Jest compares byte by byte, which takes milliseconds per kilobyte. */
function expectBytes(actual: Uint8Array, expected: Uint8Array): void {
  if (!Buffer.from(actual).equals(expected))
    expect(Buffer.from(actual).toString("hex")).toBe(Buffer.from(expected).toString("hex"));
}

const text = fc.oneof(
  fc.string({ maxLength: 60 }),
  fc.string({ unit: "binary", maxLength: 60 }),
  fc.string({ minLength: 100, maxLength: 200 }),
  fc.constantFrom("", "\uFFFD", "cut \u0800", "\uFEFFbom", "é".repeat(40), "__proto__", "constructor"),
);

const bytes = fc.oneof(
  { weight: 30, arbitrary: fc.uint8Array({ maxLength: 40 }) },
  { weight: 1, arbitrary: fc.constantFrom(130, 4096, 8192).map((size) => new Uint8Array(size).fill(size)) },
);

const int64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
const uint64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
const scalars: ReadonlyMap<ScalarType, fc.Arbitrary<unknown>> = new Map<ScalarType, fc.Arbitrary<unknown>>([
  [ScalarType.STRING, text],
  [ScalarType.BYTES, bytes],
  [ScalarType.BOOL, fc.boolean()],
  [ScalarType.INT32, fc.oneof(fc.integer(), fc.nat())],
  [ScalarType.INT64, fc.oneof(int64, fc.bigInt({ min: 0n, max: 2n ** 53n }))],
  [ScalarType.UINT64, fc.oneof(uint64, fc.bigInt({ min: 0n, max: 2n ** 53n }))],
]);

function scalar(type: ScalarType): fc.Arbitrary<unknown> {
  const found = scalars.get(type);
  if (found === undefined) throw new Error(`no arbitrary for scalar ${type}`);
  return found;
}

function value(field: DescField): fc.Arbitrary<unknown> {
  switch (field.fieldKind) {
    case "scalar":
      return scalar(field.scalar);
    case "enum":
      return fc.oneof(fc.constantFrom(...field.enum.values.map((v) => v.number)), fc.integer());
    case "message":
      return init(field.message);
    case "map":
      return fc.dictionary(text, text, { maxKeys: 4, noNullPrototype: true });
    case "list":
      if (field.listKind === "message") return fc.array(init(field.message), { maxLength: 3 });
      if (field.listKind === "scalar") return fc.array(scalar(field.scalar), { maxLength: 5 });
      throw new Error(`no arbitrary for ${field.toString()}`);
    default:
      throw new Error("no arbitrary for a new kind of field");
  }
}

/** A message as callers write it: any field may be missing. */
function init(schema: DescMessage): fc.Arbitrary<Record<string, unknown>> {
  const fields: Record<string, fc.Arbitrary<unknown>> = {};
  for (const field of schema.fields) fields[field.localName] = value(field);
  return fc.record(fields, { requiredKeys: [], noNullPrototype: true });
}

function complete(schema: DescMessage, partial: Record<string, unknown>): Message {
  return create(schema, partial);
}

describe("the static codec of every message type", () => {
  test("every message type but those that are rare has a static codec", () => {
    expect(file_kubemq.messages.length - messages.length).toBe(cold.length);
    expect(Object.keys(kubemqCodecs).sort()).toEqual(messages.map((m) => m.typeName).sort());
  });

  test.each(messages.map((m) => [m.name, m] as const))("%s is encoded as by protobuf-es", (_name, schema) => {
    fc.assert(
      fc.property(init(schema), (partial) => {
        const message = complete(schema, partial);
        const expected = toBinary(schema, message);
        expectBytes(encode(schema, partial), expected);
        expectBytes(encode(schema, message), expected);
        expect(isStatic(schema, expected) || hasOddValues(schema, message)).toBe(true);
      }),
      { numRuns: 25 },
    );
  });

  test.each(messages.map((m) => [m.name, m] as const))("%s is decoded as by protobuf-es", (_name, schema) => {
    fc.assert(
      fc.property(init(schema), (partial) => {
        const message = complete(schema, partial);
        const wire = toBinary(schema, message);
        const decoded = ours(schema, wire);
        expect(decoded).toEqual(reference(schema, wire));
        if (!("message" in decoded)) throw new Error(decoded.error);
        expect(equals(schema, decoded.message, message)).toBe(true);
        expect(toJson(schema, decoded.message)).toEqual(toJson(schema, message));
        expectBytes(toBinary(schema, decoded.message), wire);
      }),
      { numRuns: 25 },
    );
  });

  test.each(messages.map((m) => [m.name, m] as const))(
    "%s: random bytes have the same outcome as in protobuf-es",
    (_name, schema) => {
      fc.assert(
        fc.property(fc.uint8Array({ maxLength: 80 }), (wire) => {
          expect(ours(schema, wire)).toEqual(reference(schema, wire));
        }),
        { numRuns: 60 },
      );
    },
  );

  test.each(messages.map((m) => [m.name, m] as const))(
    "%s: damaged messages have the same outcome as in protobuf-es",
    (_name, schema) => {
      const damage = fc.record({ at: fc.nat(), byte: fc.integer({ min: 0, max: 255 }), drop: fc.boolean() });
      fc.assert(
        fc.property(init(schema), fc.array(damage, { minLength: 1, maxLength: 4 }), (partial, damages) => {
          const wire = [...toBinary(schema, complete(schema, partial)).subarray(0, 500)];
          for (const { at, byte, drop } of damages) {
            if (drop) wire.splice(at % (wire.length + 1), 1);
            else wire.splice(at % (wire.length + 1), 1, byte);
          }
          const damaged = new Uint8Array(wire);
          expect(ours(schema, damaged)).toEqual(reference(schema, damaged));
        }),
        { numRuns: 40 },
      );
    },
  );
});

/** A field of any wire type under any number. */
const anyRecord = fc
  .record({
    no: fc.integer({ min: 1, max: 20 }),
    wire: fc.constantFrom(
      WireType.Varint,
      WireType.Bit64,
      WireType.LengthDelimited,
      WireType.StartGroup,
      WireType.Bit32,
    ),
    fill: fc.uint8Array({ maxLength: 12 }),
  })
  .map(({ no, wire, fill }) => {
    const writer = new BinaryWriter().tag(no, wire);
    switch (wire) {
      case WireType.Varint:
        return writer.uint64(BigInt(fill.length) * 12345678901n).finish();
      case WireType.Bit64:
        return writer.fixed64(7n).finish();
      case WireType.LengthDelimited:
        return writer.bytes(fill).finish();
      case WireType.StartGroup:
        return writer.tag(3, WireType.Varint).uint32(9).tag(no, WireType.EndGroup).finish();
      case WireType.Bit32:
        return writer.fixed32(7).finish();
      default:
        throw new Error("no record of this wire type");
    }
  });

test.each(messages.map((m) => [m.name, m] as const))(
  "%s: unknown fields and other wire types are decoded as by protobuf-es",
  (_name, schema) => {
    fc.assert(
      fc.property(
        init(schema),
        fc.array(anyRecord, { minLength: 1, maxLength: 4 }),
        fc.boolean(),
        (partial, extra, before) => {
          const wire = toBinary(schema, complete(schema, partial));
          const joined = new Uint8Array(Buffer.concat(before ? [...extra, wire] : [wire, ...extra]));
          const decoded = ours(schema, joined);
          expect(decoded).toEqual(reference(schema, joined));
          if ("message" in decoded) expectBytes(encode(schema, decoded.message), toBinary(schema, decoded.message));
        },
      ),
      { numRuns: 25 },
    );
  },
);

describe("corner cases of the wire format", () => {
  const event = { EventID: "id", Channel: "c", Body: new Uint8Array([1, 2, 3]), Tags: { a: "1", b: "2" } };
  const queueMessage = {
    MessageID: "m",
    Body: new Uint8Array(300).fill(7),
    Tags: { k: "v" },
    Attributes: { Timestamp: 1_700_000_000_000_000_000n, Sequence: 12n, MD5OfBody: "x", ReRouted: true },
    Policy: { ExpirationSeconds: -1, MaxReceiveQueue: "dead" },
  };

  test.each([
    ["EventReceive", EventReceiveSchema, { ...event, Timestamp: -1n, Sequence: 2n ** 64n - 1n }],
    ["QueueMessage", QueueMessageSchema, queueMessage],
    [
      "QueuesDownstreamRequest",
      QueuesDownstreamRequestSchema,
      { SequenceRange: [1n, -2n, 2n ** 62n], Metadata: { a: "b" } },
    ],
  ] as const)("%s: a message cut off at any byte has the same outcome as in protobuf-es", (_name, schema, partial) => {
    const wire = toBinary(schema as DescMessage, complete(schema, partial));
    for (let size = 0; size <= wire.length; size++) {
      const cut = wire.slice(0, size);
      expect(ours(schema, cut)).toEqual(reference(schema, cut));
    }
  });

  test("messages from common encoders never fall back to protobuf-es", () => {
    expect(isStatic(EventSchema, toBinary(EventSchema, create(EventSchema, event)))).toBe(true);
    expect(isStatic(QueueMessageSchema, toBinary(QueueMessageSchema, create(QueueMessageSchema, queueMessage)))).toBe(
      false,
    );
    const usual = create(QueueMessageSchema, { ...queueMessage, Policy: { ExpirationSeconds: 1 } });
    expect(isStatic(QueueMessageSchema, toBinary(QueueMessageSchema, usual))).toBe(true);
  });

  test("repeated numbers are decoded when packed, unpacked and mixed", () => {
    const packed = new BinaryWriter().tag(9, LEN).fork().int64(1n).int64(-2n).join();
    const mixed = packed.tag(9, VARINT).int64(3n).tag(9, LEN).fork().join().finish();
    expect(ours(QueuesDownstreamRequestSchema, mixed)).toEqual(reference(QueuesDownstreamRequestSchema, mixed));
    expect(ours(QueuesDownstreamRequestSchema, mixed)).toMatchObject({ message: { SequenceRange: [1n, -2n, 3n] } });
  });

  test("map entries are decoded without key or value, with repeated keys and with unknown fields", () => {
    const entry = (write: (writer: BinaryWriter) => BinaryWriter) =>
      write(new BinaryWriter().tag(7, LEN).fork()).join().finish();
    const wire = new Uint8Array(
      Buffer.concat([
        entry((w) => w),
        entry((w) => w.tag(1, LEN).string("only key")),
        entry((w) => w.tag(2, LEN).string("only value")),
        entry((w) => w.tag(1, LEN).string("twice").tag(2, LEN).string("first")),
        entry((w) => w.tag(2, LEN).string("second").tag(1, LEN).string("twice")),
      ]),
    );
    expect(ours(EventSchema, wire)).toEqual(reference(EventSchema, wire));
    expect(ours(EventSchema, wire)).toMatchObject({
      message: { Tags: { "": "only value", "only key": "", twice: "second" } },
    });
    const strange = new Uint8Array(
      Buffer.concat([
        wire,
        entry((w) => w.tag(3, VARINT).uint32(1).tag(1, LEN).string("__proto__").tag(2, LEN).string("x")),
      ]),
    );
    expect(ours(EventSchema, strange)).toEqual(reference(EventSchema, strange));
  });

  test("a submessage in two parts is merged", () => {
    const writer = new BinaryWriter();
    writer.tag(7, LEN).fork().tag(1, VARINT).int64(5n).join();
    writer.tag(7, LEN).fork().tag(3, LEN).string("md5").join();
    const wire = writer.finish();
    expect(ours(QueueMessageSchema, wire)).toEqual(reference(QueueMessageSchema, wire));
    expect(ours(QueueMessageSchema, wire)).toMatchObject({
      message: { Attributes: { Timestamp: 5n, MD5OfBody: "md5" } },
    });
  });

  test.each([
    ["a lone continuation byte", [0x80]],
    ["an overlong slash", [0xc0, 0xaf]],
    ["a surrogate", [0xed, 0xa0, 0x80]],
    ["cut in a character", [0xe2, 0x82]],
    ["a long invalid text", [...Buffer.from("x".repeat(100)), 0xff]],
    ["half an emoji as protobufjs writes it", [...Buffer.from("cut "), 0xed, 0xa0, 0xbd]],
    ["a byte that no character begins with", [0xf8, 0x41]],
  ])("invalid UTF-8 is decoded with U+FFFD, as by TextDecoder: %s", (_name, invalid) => {
    const wire = new BinaryWriter().tag(1, LEN).bytes(new Uint8Array(invalid)).tag(3, LEN).string("next").finish();
    expect(read(EventSchema, wire)).toHaveProperty("error");
    const { message } = ours(EventSchema, wire) as { message: MessageShape<typeof EventSchema> };
    expect(message).toMatchObject({ EventID: new TextDecoder().decode(new Uint8Array(invalid)), Channel: "next" });

    expect(hasInvalidText(message)).toBe(true);
    expect(isStatic(EventSchema, wire)).toBe(true);
  });

  test.each([
    ["a name", new BinaryWriter().tag(3, LEN)],
    ["a key of a map", new BinaryWriter().tag(7, LEN).fork().tag(1, LEN)],
    ["a value of a map", new BinaryWriter().tag(7, LEN).fork().tag(1, LEN).string("key").tag(2, LEN)],
  ])(
    "a message with invalid UTF-8 in %s is marked, also with fields that only protobuf-es decodes",
    (_name, writer) => {
      writer.bytes(half);
      const wire = (_name === "a name" ? writer : writer.join()).finish();
      for (const bytes of [wire, Buffer.concat([wire, new BinaryWriter().tag(900, VARINT).uint32(1).finish()])]) {
        const { message } = ours(EventSchema, bytes) as { message: Message };
        expect(hasInvalidText(message)).toBe(true);
        expect(JSON.stringify(toJson(EventSchema, message as MessageShape<typeof EventSchema>))).toContain("\uFFFD");
      }
    },
  );

  test("U+FFFD written by the sender is not marked as invalid", () => {
    const wire = toBinary(EventSchema, create(EventSchema, { Metadata: "\uFFFD", Tags: { "\uFFFD": "x\uFFFD" } }));
    const { message } = ours(EventSchema, wire) as { message: Message };
    expect(hasInvalidText(message)).toBe(false);
    expect(isStatic(EventSchema, wire)).toBe(true);
  });

  test("only the messages of an answer that have invalid UTF-8 are marked", () => {
    const item = (write: (writer: BinaryWriter) => BinaryWriter) => (writer: BinaryWriter) =>
      write(writer.tag(4, LEN).fork()).join();
    const good = item((w) => w.tag(1, LEN).string("good"));
    const bad = item((w) => w.tag(1, LEN).bytes(half));
    const within = item((w) => w.tag(7, LEN).fork().tag(6, LEN).bytes(half).join());
    const writer = [good, bad, good, within, good].reduce((w, write) => write(w), new BinaryWriter());
    const wire = writer.finish();
    for (const bytes of [wire, Buffer.concat([wire, new BinaryWriter().tag(900, VARINT).uint32(1).finish()])]) {
      const { message } = ours(QueuesDownstreamResponseSchema, bytes) as {
        message: MessageShape<typeof QueuesDownstreamResponseSchema>;
      };
      expect(message.Messages.map(hasInvalidText)).toEqual([false, true, false, true, false]);
      expect(hasInvalidText(message)).toBe(true);
    }
  });

  test("messages with invalid UTF-8 are decoded to the same value with and without unknown fields", () => {
    for (const schema of messages) {
      const samples = fc.sample(init(schema), { numRuns: 30, seed: 20 });
      for (const sample of samples) {
        const valid = Buffer.from(toBinary(schema, create(schema, sample as never)));
        const broken = Buffer.from(
          valid.toString("latin1").replaceAll("\u00e0\u00a0\u0080", "\u00ed\u00a0\u0080"),
          "latin1",
        );
        const quick = codecFor(schema, kubemqCodecs).decode(broken, 0, broken.length);
        const slow = codecFor(schema, {}).decode(broken, 0, broken.length);
        expect(toJson(schema, quick as never)).toEqual(toJson(schema, slow as never));
        expect(marksOf(quick)).toEqual(marksOf(slow));
        if (broken.equals(valid)) expect(hasInvalidText(quick)).toBe(false);
      }
    }
  });

  test("a lone surrogate is encoded as by protobuf-es", () => {
    for (const Metadata of ["\ud800", `long ${"x".repeat(60)}\udfff`]) {
      expect(encode(EventSchema, { Metadata })).toEqual(toBinary(EventSchema, create(EventSchema, { Metadata })));
    }
  });

  test("overlong and oversized varints are decoded as by protobuf-es", () => {
    for (const tail of [
      [0x80, 0x00],
      [0x81, 0x80, 0x80, 0x00],
      [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f],
      Array.from({ length: 11 }, () => 0xff),
    ]) {
      for (const tag of [0x10, 0x28, 0x30, 0x0a]) {
        const wire = new Uint8Array([tag, ...tail]);
        expect(ours(EventReceiveSchema, wire)).toEqual(reference(EventReceiveSchema, wire));
        expect(ours(QueueMessageSchema, wire)).toEqual(reference(QueueMessageSchema, wire));
      }
    }
  });

  test("values of the wrong type fail as in protobuf-es, and leave the writer usable", () => {
    const writer = new WireWriter();
    const codec = codecOf(QueueMessageSchema);
    codec.write(writer, { MessageID: "before" }, 1000);
    for (const wrong of [
      { Partition: 1.5 },
      { Partition: "x" },
      { Body: "text" },
      { Attributes: { Sequence: -1n } },
      { Messages: 3, Tags: { a: {} } },
    ]) {
      let expected: string | undefined;
      try {
        toBinary(QueueMessageSchema, create(QueueMessageSchema, wrong as never));
      } catch (error) {
        expected = (error as Error).message;
      }
      const before = writer.byteLength;
      let got: string | undefined;
      try {
        codec.write(writer, wrong, 1000);
      } catch (error) {
        got = (error as { rawMessage: string }).rawMessage.replace("serialize binary: ", "");
        expect(writer.byteLength).toBe(before);
      }
      expect(got).toBe(expected);
    }
    codec.write(writer, { MessageID: "after" }, 100_000);
    const written = Buffer.concat(writer.take());
    expect(fromBinary(QueueMessageSchema, written.subarray(5, 5 + written.readUInt32BE(1))).MessageID).toBe("before");
  });

  test("a message above the limit is refused, and the writer stays usable", () => {
    const writer = new WireWriter();
    const codec = codecOf(EventSchema);
    expect(() => codec.write(writer, { Body: new Uint8Array(20_000) }, 10_000)).toThrow(
      /larger than configured writeMaxBytes 10000/,
    );
    codec.write(writer, { EventID: "next" }, 10_000);
    const written = Buffer.concat(writer.take());
    expect(fromBinary(EventSchema, written.subarray(5)).EventID).toBe("next");
  });
});

test("repeated names and similar names are decoded correctly", () => {
  const names = [
    "orders.a1",
    "orders.b1",
    "orders.a1",
    "ordér.a1",
    "o\u0000",
    "",
    "x".repeat(64),
    "x".repeat(65),
    "ab",
    "bb",
  ];
  for (const Channel of [...names, ...names]) {
    const bytes = toBinary(EventReceiveSchema, create(EventReceiveSchema, { Channel, Tags: { [Channel]: Channel } }));
    expect(isStatic(EventReceiveSchema, bytes)).toBe(true);
    expect(ours(EventReceiveSchema, bytes)).toEqual(reference(EventReceiveSchema, bytes));
  }
});

describe("decoded bodies", () => {
  test("a small body is a copy, and a large body a view of the received bytes", () => {
    for (const [size, shared] of [
      [16, false],
      [4095, false],
      [4096, true],
      [20_000, true],
    ] as const) {
      const wire = Buffer.from(
        toBinary(EventReceiveSchema, create(EventReceiveSchema, { Body: new Uint8Array(size) })),
      );
      const message = codecOf(EventReceiveSchema).decode(wire, 0, wire.length) as ReturnType<
        typeof create<typeof EventReceiveSchema>
      >;
      expect(message.Body.byteLength).toBe(size);
      expect(message.Body.buffer === wire.buffer).toBe(shared);
      expect(Object.getPrototypeOf(message.Body)).toBe(Uint8Array.prototype);
    }
  });

  test("bodies in the same slab do not overlap", () => {
    const sizes = [65, 100, 4_000, 1_024, 4_095, 71, 2_000, 66];
    const bodies = sizes.map((size, n) => new Uint8Array(size).fill(n + 1));
    const received = bodies.map((Body) => {
      const wire = Buffer.from(toBinary(EventReceiveSchema, create(EventReceiveSchema, { Body })));
      return (codecOf(EventReceiveSchema).decode(wire, 0, wire.length) as EventReceive).Body;
    });
    received[0]?.fill(0);
    expect(received[0]).toEqual(new Uint8Array(65));
    for (const [n, body] of received.entries()) {
      expect(body.byteOffset % 8).toBe(0);
      if (n > 0) expect(body).toEqual(bodies[n]);
    }
  });

  test("a body that was taken from a slab stays unchanged while more is written after it", () => {
    const writer = new WireWriter();
    const codec = codecOf(EventSchema);
    const taken: Buffer[] = [];
    for (let i = 0; i < 500; i++) {
      codec.write(writer, { EventID: `${i}`, Body: new Uint8Array(i * 40).fill(i) }, 1_000_000);
      if (i % 7 === 0) taken.push(...(writer.take() as Buffer[]));
    }
    taken.push(...(writer.take() as Buffer[]));
    const all = Buffer.concat(taken);
    let at = 0;
    for (let i = 0; i < 500; i++) {
      const size = all.readUInt32BE(at + 1);
      const event = fromBinary(EventSchema, all.subarray(at + 5, at + 5 + size));
      expect(event.EventID).toBe(`${i}`);
      expect(event.Body.length).toBe(i * 40);
      expect(event.Body.every((byte) => byte === i % 256)).toBe(true);
      at += 5 + size;
    }
    expect(at).toBe(all.length);
  });
});
