import { create, toBinary, toJsonString } from "@bufbuild/protobuf";
import { describe, expect, test } from "@jest/globals";
import { json } from "kubemq-es";
import { EventSchema, ResultSchema } from "kubemq-es/gen";
import { protobuf } from "kubemq-es/protobuf";

// Any generated messages will do: these are the ones that the project has.
const event = create(EventSchema, { EventID: "7", Body: Uint8Array.of(1), Tags: { a: "b" } });

describe("protobuf", () => {
  test.each([
    ["binary", "application/protobuf"],
    ["json", "application/json"],
  ] as const)("decodes what it encoded as %s", (format, contentType) => {
    const codec = protobuf(EventSchema, { format });
    expect(codec.contentType).toBe(contentType);
    expect(codec.decode(codec.encode(event))).toEqual(event);
    expect(codec.decode(codec.encode({ EventID: "7", Body: Uint8Array.of(1), Tags: { a: "b" } }))).toEqual(event);
  });

  test("protobuf writes the formats of protobuf-es, binary by default", () => {
    expect(protobuf(EventSchema).encode(event)).toEqual(toBinary(EventSchema, event));
    const body = protobuf(EventSchema, { format: "json" }).encode(event);
    expect(new TextDecoder().decode(body)).toBe(toJsonString(EventSchema, event));
  });

  test("protobuf keeps fields that the schema does not know", () => {
    // Field 4 of Event, Metadata, is unknown to Result, which has three fields.
    const sent = protobuf(EventSchema).encode({ Metadata: "kept" });
    const codec = protobuf(ResultSchema);
    const forwarded = codec.encode(codec.decode(sent));
    expect(protobuf(EventSchema).decode(forwarded).Metadata).toBe("kept");
  });

  test("protobuf ignores unknown fields of JSON, unless an option refuses them", () => {
    const body = json().encode({ EventID: "7", newer: true });
    expect(protobuf(EventSchema, { format: "json" }).decode(body).EventID).toBe("7");
    const strict = protobuf(EventSchema, { format: "json", json: { ignoreUnknownFields: false } });
    expect(() => strict.decode(body)).toThrow(expect.objectContaining({ code: "DECODE_FAILED" }));
  });

  test("protobuf refuses a message of another type", () => {
    const codec = protobuf(ResultSchema);
    expect(() => codec.encode(event as never)).toThrow(
      expect.objectContaining({
        code: "ENCODE_FAILED",
        message: "value is a kubemq.Event, the codec is for kubemq.Result",
      }),
    );
  });

  test.each(["binary", "json"] as const)("protobuf throws DECODE_FAILED for a body that is not %s", (format) => {
    expect(() => protobuf(EventSchema, { format }).decode(Uint8Array.of(0xff, 0xff))).toThrow(
      expect.objectContaining({
        code: "DECODE_FAILED",
        message: expect.stringMatching(/^body is not a kubemq.Event: /),
      }),
    );
  });

  test.each([null, undefined, "x", [], { Chanel: "misspelt" }])(
    "protobuf refuses %j, which would be sent without a field",
    (value) => {
      expect(() => protobuf(EventSchema).encode(value as never)).toThrow(
        expect.objectContaining({ code: "ENCODE_FAILED", message: expect.stringContaining("kubemq.Event") }),
      );
    },
  );

  test("protobuf refuses a value that is not a schema, and an unknown option", () => {
    const refused = expect.objectContaining({ code: "INVALID_ARGUMENT" });
    expect(() => protobuf(undefined as never)).toThrow(refused);
    expect(() => protobuf(EventSchema, { formt: "json" } as never)).toThrow(refused);
  });

  test("protobuf refuses an unknown format", () => {
    expect(() => protobuf(EventSchema, { format: "text" as never })).toThrow(
      expect.objectContaining({ code: "INVALID_ARGUMENT" }),
    );
  });
});
