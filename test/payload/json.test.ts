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
    // A string of one invalid byte: valid JSON if the byte were replaced.
    const body = new Uint8Array([0x22, 0xff, 0x22]);
    expect(() => json().decode(body)).toThrow(expect.objectContaining({ code: "DECODE_FAILED" }));
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

  test("a schema refuses an invalid value before it is sent, with its issues and their paths", () => {
    const order = json(z.object({ "order lines": z.array(z.object({ price: z.number() })) }));
    const value = { "order lines": [{ price: 1 }, { price: "2" as never }] };
    const path = ["order lines", 1, "price"];
    const issues = [{ path, message: expect.any(String) }];
    expect(() => order.encode(value)).toThrow(
      expect.objectContaining({
        code: "ENCODE_FAILED",
        issues,
        message: expect.stringMatching(/^value does not match its schema: \["order lines"\]\[1\]\.price: \w/),
      }),
    );
    expect(() => order.decode(json().encode(value))).toThrow(
      expect.objectContaining({
        code: "DECODE_FAILED",
        issues,
        message: expect.stringMatching(/^body does not match/),
      }),
    );
  });

  test("paths of schemas that wrap their keys are unwrapped", () => {
    const schema: StandardSchemaV1<number, number> = {
      "~standard": {
        version: 1,
        vendor: "test",
        validate: () => ({ issues: [{ message: "no", path: [{ key: "a" }, { key: 0 }] }, { message: "never" }] }),
      },
    };
    expect(() => json(schema).encode(1)).toThrow(
      expect.objectContaining({
        message: "value does not match its schema: a[0]: no; never",
        issues: [
          { message: "no", path: ["a", 0] },
          { message: "never", path: [] },
        ],
      }),
    );
  });

  test("a schema that converts strings to dates needs an encoder, and the encoded value is validated", () => {
    const when = json(
      z.iso.datetime().transform((time) => new Date(time)),
      { encode: (date) => date.toISOString() },
    );
    const date = new Date("2026-01-02T03:04:05Z");
    expect(when.decode(when.encode(date))).toEqual(date);
    const wrong = json(
      z.iso.datetime().transform((time) => new Date(time)),
      { encode: String },
    );
    expect(() => wrong.encode(date)).toThrow(expect.objectContaining({ code: "ENCODE_FAILED" }));
  });

  test.each([
    ["a date", z.object({ at: z.date() }), { at: new Date(0) }],
    ["a map", z.map(z.string(), z.number()), new Map([["a", 1]])],
    ["a hole in an array", z.array(z.string().optional()), ["a", undefined]],
  ])("a schema that refuses the JSON of %s refuses the value before it is sent", (_, schema, value) => {
    expect(() => json(schema as StandardSchemaV1<unknown, unknown>).encode(value)).toThrow(
      expect.objectContaining({ code: "ENCODE_FAILED", message: expect.stringContaining("cannot be read") }),
    );
    const both = json(z.object({ at: z.coerce.date() }));
    expect(both.decode(both.encode({ at: new Date(0) }))).toEqual({ at: new Date(0) });
  });

  test.each([
    ["null", null],
    ["a string", "x"],
    ["a misspelt option", { revivr: () => 1 }],
    ["a schema that is no Standard Schema", { _def: {}, parse: () => 1 }],
  ])("json() refuses %s, which would validate nothing", (_, first) => {
    expect(() => json(first as never)).toThrow(expect.objectContaining({ code: "INVALID_ARGUMENT" }));
  });

  test("the text codec refuses values that are not strings instead of converting them", () => {
    for (const value of [5, {}, undefined, null]) {
      expect(() => text.encode(value as never)).toThrow(expect.objectContaining({ code: "ENCODE_FAILED" }));
    }
  });

  test("the written value is the given one, so that a schema converts it once", () => {
    const shouting = json(z.string().transform((name) => `${name}!`));
    expect(shouting.decode(shouting.encode("hello"))).toBe("hello!");
  });

  test("a replacer and a reviver convert values that JSON cannot represent", () => {
    const codec = json<{ total: bigint }>({
      replacer: (_, value) => (typeof value === "bigint" ? `${value}n` : value),
      reviver: (_, value) => (typeof value === "string" && /^\d+n$/.test(value) ? BigInt(value.slice(0, -1)) : value),
    });
    expect(codec.decode(codec.encode({ total: 2n ** 64n }))).toEqual({ total: 2n ** 64n });
    const checked = json(z.object({ total: z.bigint() }), {
      replacer: (_, value) => (typeof value === "bigint" ? Number(value) : value),
      reviver: (key, value) => (key === "total" ? BigInt(value as number) : value),
    });
    expect(checked.decode(checked.encode({ total: 5n }))).toEqual({ total: 5n });
  });

  test("an asynchronous schema is refused, and its rejection is handled", () => {
    const later: StandardSchemaV1<unknown, number> = {
      "~standard": { version: 1, vendor: "test", validate: () => Promise.reject(new Error("too late")) },
    };
    for (const [code, use] of [
      ["DECODE_FAILED", () => json(later).decode(utf8("1"))],
      ["ENCODE_FAILED", () => json(later).encode(1)],
    ] as const) {
      expect(use).toThrow(
        expect.objectContaining({ code, message: expect.stringContaining("validates asynchronously") }),
      );
    }
  });
});
