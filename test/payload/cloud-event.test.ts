import { describe, expect, test } from "@jest/globals";
import { cloudEvent, gzip, json, tagged, text, type Codec, type OutgoingCloudEvent } from "kubemq-es";

const required = { id: "7", source: "/shop", type: "order.placed" };

const tagsOf = (event: OutgoingCloudEvent) => cloudEvent().properties?.(event).tags;

/** What a receiver makes of an event. */
function passed<T, A>(codec: Codec<T, A>, event: A): T {
  return codec.decode(codec.encode(event), codec.properties?.(event));
}

describe("cloudEvent", () => {
  test("cloudEvent writes the attributes to tags and the data to the body", () => {
    const event = {
      ...required,
      specversion: "1.0",
      datacontenttype: "application/json",
      dataschema: "https://example.com/order.json",
      subject: "orders",
      time: "2026-01-02T03:04:05.123456789Z",
      data: { total: 99.5 },
      traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
      attempt: 3,
      urgent: true,
      unused: undefined,
    };
    expect(cloudEvent().properties?.(event)).toEqual({
      tags: {
        ce_id: "7",
        ce_source: "/shop",
        ce_type: "order.placed",
        ce_specversion: "1.0",
        ce_datacontenttype: "application/json",
        ce_dataschema: "https://example.com/order.json",
        ce_subject: "orders",
        ce_time: "2026-01-02T03:04:05.123456789Z",
        ce_traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        ce_attempt: "3",
        ce_urgent: "true",
      },
    });
    expect(text.decode(cloudEvent().encode(event))).toBe('{"total":99.5}');
    const { unused: _, ...rest } = event;
    expect(passed(cloudEvent(), event)).toEqual({ ...rest, attempt: "3", urgent: "true" });
  });

  test.each([
    ["JSON without a media type", {}, { a: 1 }, "application/json"],
    ["a JSON string", { datacontenttype: "application/json" }, "7", "application/json"],
    ["a structured suffix", { datacontenttype: "application/order+json" }, [1], "application/order+json"],
    ["text", { datacontenttype: "text/plain; charset=utf-8" }, "7", "text/plain; charset=utf-8"],
    ["XML", { datacontenttype: "application/xml" }, "<a/>", "application/xml"],
    ["bytes", { datacontenttype: "image/png" }, Uint8Array.of(0, 255), "image/png"],
    ["bytes without a media type", {}, Uint8Array.of(0, 255), undefined],
    ["an empty string", { datacontenttype: "text/plain" }, "", "text/plain"],
    ["an empty JSON string", {}, "", "application/json"],
    ["no bytes with a media type", { datacontenttype: "image/png" }, new Uint8Array(), "image/png"],
    ["falsy data", {}, 0, "application/json"],
    ["null", {}, null, "application/json"],
  ])("carries %s", (_, attributes, data, datacontenttype) => {
    const event = passed(cloudEvent(), { ...required, ...attributes, data });
    expect(event.data).toEqual(data);
    expect(event.datacontenttype).toBe(datacontenttype);
  });

  test("cloudEvent sends data_base64 as bytes, also beside the same bytes in data", () => {
    const base64 = { ...required, data_base64: "AP8=" };
    expect(passed(cloudEvent(), base64).data).toEqual(Uint8Array.of(0, 255));
    expect(passed(cloudEvent(), { ...base64, data: Uint8Array.of(0, 255) }).data).toEqual(Uint8Array.of(0, 255));
  });

  test("cloudEvent sends bytes with the media type of JSON as JSON", () => {
    const event = { ...required, datacontenttype: "application/json", data: text.encode('{"a":1}') };
    expect(passed(cloudEvent(), event).data).toEqual({ a: 1 });
  });

  test("cloudEvent distinguishes an empty string of a codec from an event without data", () => {
    expect(passed(cloudEvent(text), { ...required, data: "" }).data).toBe("");
    expect(passed(cloudEvent(text), required)).not.toHaveProperty("data");
  });

  test("cloudEvent sends an event without data with metadata, because servers refuse an empty message", () => {
    const codec = cloudEvent();
    expect(codec.properties?.(required).metadata).toBe("order.placed");
    expect(passed(codec, required)).toEqual({ ...required, specversion: "1.0" });
  });

  test.each([
    ["an empty string", { ...required, datacontenttype: "text/plain", data: "" }, cloudEvent()],
    ["no bytes", { ...required, data: new Uint8Array() }, cloudEvent()],
    ["empty base64", { ...required, data_base64: "" }, cloudEvent()],
    ["an empty string of a codec", { ...required, data: "" }, cloudEvent(text)],
  ] as [string, OutgoingCloudEvent, Codec<unknown, OutgoingCloudEvent>][])(
    "sends an event with %s as data, which servers would refuse without metadata",
    (_, event, codec) => {
      expect(codec.encode(event)).toHaveLength(0);
      expect(codec.properties?.(event).metadata).toBe("order.placed");
    },
  );

  test.each([
    ["2026-11-28T22:00:00+01:00", true],
    ["2016-12-31T23:59:60Z", true],
    ["2024-02-29t00:00:00.123456789z", true],
    ["2026-02-29T00:00:00Z", false],
    ["2026-13-01T00:00:00Z", false],
    ["2026-11-28T24:00:00Z", false],
    ["2026-11-28T22:00:00+25:00", false],
  ])("the time %s is one of RFC 3339: %s", (time, isValid) => {
    const sent = () => tagsOf({ ...required, time })?.["ce_time"];
    if (isValid) expect(sent()).toBe(time);
    else expect(sent).toThrow(expect.objectContaining({ code: "ENCODE_FAILED" }));
  });

  test("cloudEvent uses another codec for the data, with its media type and its tags", () => {
    const data = tagged(gzip(json<{ total: number }>()), { version: "2" });
    const codec = cloudEvent(data);
    const event = { ...required, data: { total: 1 } };
    expect(codec.properties?.(event).tags).toMatchObject({ ce_datacontenttype: "application/gzip", version: "2" });
    expect(passed(codec, event).data).toEqual({ total: 1 });
    expect(passed(codec, required)).not.toHaveProperty("data");
  });

  test.each([
    ["without an id", { ...required, id: undefined as never }, "without id"],
    ["without anything", {} as OutgoingCloudEvent, "without id and source and type"],
    ["with an empty source", { ...required, source: "" }, "source must not be empty"],
    ["of another version", { ...required, specversion: "0.3" }, "specversion must be 1.0, got 0.3"],
    ["with a time that is none", { ...required, time: "yesterday" }, "time must be a time of RFC 3339"],
    ["with an upper-case attribute", { ...required, orderId: "7" }, 'the attribute "orderId" must have a name'],
    ["with an underscore", { ...required, order_id: "7" }, 'the attribute "order_id" must have a name'],
    ["with an object as attribute", { ...required, order: {} }, "order must be a string, a boolean"],
    ["with a fraction as attribute", { ...required, total: 1.5 }, "total must be a string, a boolean"],
    ["with a control character", { ...required, subject: "a\nb" }, "subject must not contain control characters"],
  ])("refuses an event %s", (_, event, why) => {
    expect(() => tagsOf(event)).toThrow(
      expect.objectContaining({ code: "ENCODE_FAILED", message: expect.stringContaining(`not a CloudEvent: ${why}`) }),
    );
  });

  test.each([
    [
      "data that its media type has no form for",
      { ...required, datacontenttype: "image/png", data: {} },
      "must be a Uint8Array",
    ],
    ["data beside data_base64", { ...required, data: {}, data_base64: "AA==" }, "exclude each other"],
    [
      "bytes that are not the JSON of their media type",
      { ...required, datacontenttype: "application/json", data: Uint8Array.of(0xff) },
      "data of the media type application/json must be JSON",
    ],
    [
      "data_base64 that is not the JSON of its media type",
      { ...required, datacontenttype: "application/order+json", data_base64: "AP8=" },
      "data of the media type application/order+json must be JSON",
    ],
    ["data_base64 that is none", { ...required, data_base64: "A" }, "data_base64 must be base64"],
  ])("refuses %s", (_, event, why) => {
    expect(() => cloudEvent().encode(event)).toThrow(
      expect.objectContaining({ code: "ENCODE_FAILED", message: expect.stringContaining(why) }),
    );
  });

  test.each([
    ["without tags", undefined, "it has no tag ce_specversion"],
    ["without an id", { ce_specversion: "1.0", ce_source: "/", ce_type: "t" }, "it has no tag ce_id"],
    ["of another version", { ce_specversion: "0.3", ce_id: "1", ce_source: "/", ce_type: "t" }, "version 0.3"],
  ])("throws DECODE_FAILED for a message %s", (_, tags, why) => {
    expect(() => cloudEvent().decode(text.encode("1"), { tags })).toThrow(
      expect.objectContaining({ code: "DECODE_FAILED", message: expect.stringContaining(why) }),
    );
  });

  test("cloudEvent reads bytes when there is no media type and the body is not JSON, as the connector does", () => {
    const tags = { ce_specversion: "1.0", ce_id: "1", ce_source: "/", ce_type: "t" };
    expect(cloudEvent().decode(Uint8Array.of(0xff), { tags }).data).toEqual(Uint8Array.of(0xff));
    expect(() =>
      cloudEvent().decode(Uint8Array.of(0xff), { tags: { ...tags, ce_datacontenttype: "application/json" } }),
    ).toThrow(expect.objectContaining({ code: "DECODE_FAILED" }));
  });

  test("cloudEvent ignores tags that are not attributes, so that none replaces the data or a prototype", () => {
    const tags = {
      ...tagsOf(required),
      ce_data: "x",
      ce___proto__: "x",
      ce_Upper: "x",
      by: "me",
      ce_ext: "kept",
    };
    expect(cloudEvent().decode(new Uint8Array(), { tags })).toEqual({ ...required, specversion: "1.0", ext: "kept" });
  });
});
