import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { bytes, json, text, type StandardSchemaV1 } from "kubemq-es";
import { z } from "zod";

const utf8 = (value: string) => new TextEncoder().encode(value);

describe("payload codecs", () => {
  test("the bytes codec changes nothing", () => {
    const body = utf8("x");
    expect(bytes.encode(body)).toBe(body);
    expect(bytes.decode(body)).toBe(body);
  });

  test("the text and JSON codecs decode what they encoded", () => {
    fc.assert(fc.property(fc.string({ unit: "grapheme" }), (value) => text.decode(text.encode(value)) === value));
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        // JSON has only one zero.
        expect(json().decode(json().encode(value))).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });

  test("bytes that are not UTF-8 throw DECODE_FAILED", () => {
    expect(() => text.decode(new Uint8Array([0xff]))).toThrow(expect.objectContaining({ code: "DECODE_FAILED" }));
    expect(() => json().decode(new Uint8Array([0xff]))).toThrow(expect.objectContaining({ code: "DECODE_FAILED" }));
  });

  test.each([
    ["nothing", ""],
    ["half an object", "{"],
    ["two values", "1 2"],
  ])("decoding %s as JSON throws DECODE_FAILED", (_, body) => {
    expect(() => json().decode(utf8(body))).toThrow(
      expect.objectContaining({ code: "DECODE_FAILED", message: expect.stringContaining("body is not JSON") }),
    );
  });

  test.each([
    ["undefined", undefined],
    ["a function", () => 1],
    ["a symbol", Symbol("s")],
    ["a bigint", 1n],
  ])("JSON cannot encode %s", (_, value) => {
    expect(() => json().encode(value)).toThrow(expect.objectContaining({ code: "ENCODE_FAILED" }));
  });

  test("a schema validates and transforms the value", () => {
    const order = json(z.object({ id: z.number(), placed: z.coerce.date() }));
    expect(order.decode(utf8('{"id":1,"placed":"2026-01-02"}'))).toEqual({ id: 1, placed: new Date("2026-01-02") });
    expect(() => order.decode(utf8('{"id":"one"}'))).toThrow(
      expect.objectContaining({
        code: "DECODE_FAILED",
        message: expect.stringMatching(/does not match its schema: .+; .+/),
      }),
    );
  });

  test("an asynchronous schema is refused, and its rejection is handled", () => {
    const later: StandardSchemaV1<unknown, number> = {
      "~standard": { version: 1, vendor: "test", validate: () => Promise.reject(new Error("too late")) },
    };
    expect(() => json(later).decode(utf8("1"))).toThrow(/validates asynchronously/);
  });
});
