import { gzipSync } from "node:zlib";
import { describe, expect, test } from "@jest/globals";
import { byContentType, bytes, gzip, json, tagged, text, type Codec } from "kubemq-es";

const failure = (code: string, message: string) =>
  expect.objectContaining({ code, message: expect.stringContaining(message) });

/** Writes and reads metadata. */
const named: Codec<string> = {
  encode: (value) => text.encode(value),
  decode: (body, message) => `${message?.metadata}: ${text.decode(body)}`,
  properties: (value) => ({ metadata: value.slice(0, 1), tags: { first: value.slice(0, 1), by: "named" } }),
};

describe("gzip", () => {
  test("gzip compresses and decompresses the bytes of another codec", () => {
    const codec = gzip(json<string>());
    const body = codec.encode("x".repeat(10_000));
    expect(body.length).toBeLessThan(200);
    expect(codec.decode(body)).toBe("x".repeat(10_000));
    expect(codec.contentType).toBe("application/gzip");
    expect(codec).not.toHaveProperty("properties");
  });

  test("gzip keeps the properties of the other codec, and passes the properties of the message to it", () => {
    const codec = gzip(named);
    expect(codec.properties?.("ab")).toEqual({ metadata: "a", tags: { first: "a", by: "named" } });
    expect(codec.decode(codec.encode("ab"), { metadata: "a" })).toBe("a: ab");
  });

  test("gzip stops at its limit, so that a small body cannot fill the memory", () => {
    const bomb = gzipSync(new Uint8Array(1_000_000));
    expect(() => gzip(bytes, { maxBytes: 999_999 }).decode(bomb)).toThrow(
      failure("DECODE_FAILED", "body has more than 999999 bytes after decompression"),
    );
    expect(gzip(bytes, { maxBytes: 1_000_000 }).decode(bomb)).toHaveLength(1_000_000);
  });

  test.each([
    ["is cut off", (body: Uint8Array) => body.subarray(0, -9)],
    ["has a wrong checksum", (body: Uint8Array) => body.with(body.length - 6, (body.at(-6) ?? 0) ^ 1)],
  ])("throws DECODE_FAILED for a body that %s", (_, damage) => {
    const body = new Uint8Array(gzipSync(text.encode("a longer string, and some more")));
    expect(() => gzip(text).decode(damage(body))).toThrow(failure("DECODE_FAILED", "body is not valid gzip"));
  });

  test("gzip refuses a body that is not compressed, unless an option accepts it", () => {
    expect(() => gzip(text).decode(text.encode("plain"))).toThrow(failure("DECODE_FAILED", "body is not gzip"));
    expect(() => gzip(text).decode(new Uint8Array())).toThrow(failure("DECODE_FAILED", "body is not gzip"));
    expect(gzip(text, { plain: "accept" }).decode(text.encode("plain"))).toBe("plain");
  });

  test.each([{ maxBytes: 0 }, { maxBytes: 1.5 }, { plain: "pass" as never }, { maxbytes: 5 } as never])(
    "refuses the options %o",
    (options) => {
      expect(() => gzip(text, options)).toThrow(expect.objectContaining({ code: "INVALID_ARGUMENT" }));
    },
  );
});

test.each([
  ["gzip", () => gzip(undefined as never)],
  ["tagged", () => tagged(undefined as never, {})],
  ["byContentType", () => byContentType({ "text/plain": text }, { other: text } as never)],
])("%s refuses a value that is not a codec, and an option that it does not have", (_, make) => {
  expect(make).toThrow(expect.objectContaining({ code: "INVALID_ARGUMENT" }));
});

test("gzip reads bodies when its limit is larger than a buffer can be", () => {
  expect(gzip(text, { maxBytes: 2 ** 50 }).decode(gzip(text).encode("small"))).toBe("small");
});

describe("tagged", () => {
  test("tagged adds tags to those of the codec, and replaces tags of the same name", () => {
    const codec = tagged(named, { by: "tagged", version: "2" });
    expect(codec.properties?.("ab")).toEqual({ metadata: "a", tags: { first: "a", by: "tagged", version: "2" } });
    expect(codec.decode(codec.encode("ab"), { metadata: "a" })).toBe("a: ab");
    expect(tagged(json(), {}).contentType).toBe("application/json");
  });
});

describe("byContentType", () => {
  const codec = byContentType({ "application/json": json<number>(), "text/plain": text }, { otherwise: bytes });
  const one = text.encode("1");

  test.each([
    ["NestJS", { "nestjs:content-type": "application/json" }, 1],
    ["Spring", { "spring-contentType": "Application/JSON; charset=utf-8" }, 1],
    ["CloudEvents", { ce_datacontenttype: "text/plain" }, "1"],
    ["the first of two tags", { ce_datacontenttype: "text/plain", "nestjs:content-type": "application/json" }, 1],
    ["no tag", {}, one],
    ["an empty tag", { ce_datacontenttype: "" }, one],
  ])("reads the content type of %s", (_, tags, value) => {
    expect(codec.decode(one, { tags })).toEqual(value);
  });

  test("byContentType reads other tags when an option names them", () => {
    const own = byContentType({ "text/plain": text }, { tags: ["type"] });
    expect(own.decode(one, { tags: { type: "text/plain" } })).toBe("1");
    expect(() => own.decode(one, { tags: { ce_datacontenttype: "text/plain" } })).toThrow(
      failure("DECODE_FAILED", "message has none of the tags type; expected text/plain"),
    );
  });

  test("byContentType throws DECODE_FAILED for a content type without a decoder, also for names of Object.prototype", () => {
    for (const type of ["image/png", "constructor"]) {
      expect(() => codec.decode(one, { tags: { "nestjs:content-type": type } })).toThrow(
        failure("DECODE_FAILED", `message has the content type ${type}; expected application/json, text/plain`),
      );
    }
  });

  test("byContentType throws DECODE_FAILED for a message without a content type", () => {
    expect(() => byContentType({ "text/plain": text }).decode(one)).toThrow(
      failure("DECODE_FAILED", "none of the tags"),
    );
  });
});
