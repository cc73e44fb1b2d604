import type { CloudEvent, OutgoingCloudEvent } from "../api/cloud-event.js";
import type { Codec } from "../api/codec.js";
import { KubeMQError } from "../api/errors.js";
import { attributesIn, attributeTags } from "./cloud-event-attributes.js";
import { mediaType } from "./content-type.js";
import { json } from "./json.js";
import { bytes, text } from "./text.js";

/**
 * CloudEvents in the binary form of KubeMQ's HTTP connector: the attributes are tags with the
 * prefix `ce_`, the body is the data. The media type in `datacontenttype` decides how the data is
 * written and read: JSON (also without a media type), strings for text and XML, bytes for anything
 * else.
 *
 * The id of the event is a tag. Give it as `id` of the message, too, if other tools look for it
 * there. The HTTP connector uses the subject as channel.
 *
 * @throws {KubeMQError} ENCODE_FAILED for an event without id, source or type, or with an attribute
 *   that CloudEvents does not allow
 * @throws {KubeMQError} DECODE_FAILED for a message without the tag `ce_specversion`
 * @example
 * ```ts
 * const event = { id: "7", source: "/shop", type: "order.placed", data: { total: 99.5 } };
 * await client.events.publish({ channel: "orders", body: event, codec: cloudEvent() });
 * ```
 */
export function cloudEvent(): Codec<CloudEvent, OutgoingCloudEvent>;

/** CloudEvents whose data is encoded and decoded by another codec, whatever their media type. */
export function cloudEvent<T, Accepted = T>(
  data: Codec<T, Accepted>,
): Codec<CloudEvent<T>, OutgoingCloudEvent<Accepted>>;

export function cloudEvent(data?: Codec<unknown>): Codec<CloudEvent, OutgoingCloudEvent> {
  return {
    encode: (event) => encodeData(event, data),
    decode: (body, message) => {
      const event: CloudEvent = attributesIn(message?.tags ?? {});
      const { datacontenttype } = event;
      if (body.length > 0 || mayBeData(datacontenttype)) {
        event.data = data === undefined ? decodeData(body, datacontenttype) : data.decode(body, message);
      }
      return event;
    },
    properties: (event) => {
      const inner = event.data === undefined ? undefined : data?.properties?.(event.data);
      const tags = { ...inner?.tags, ...attributeTags(event, contentTypeOf(event, data)) };
      // Servers refuse a message with neither body nor metadata.
      const isBodyless = isEmpty(event) || (mayBeEmpty(event) && encodeData(event, data).length === 0);
      const metadata = isBodyless ? event.type : inner?.metadata; // promise: cloud-event-never-empty
      return { tags, ...(metadata === undefined ? {} : { metadata }) };
    },
  };
}

function isEmpty({ data, data_base64 }: OutgoingCloudEvent): boolean {
  return data === undefined && data_base64 === undefined;
}

/** Whether the data may have no bytes: the empty string is two bytes as JSON. */
function mayBeEmpty({ data, data_base64 }: OutgoingCloudEvent): boolean {
  return data === "" || data_base64 === "" || (isBytes(data) && data.length === 0);
}

/**
 * Whether an empty body is data, such as an empty string. The binary form does not distinguish it
 * from an event without data, but that rarely has a media type. An empty body is neither valid JSON
 * nor valid gzip.
 */
function mayBeData(contentType: string | undefined): boolean {
  if (contentType === undefined || formOf(contentType) === "json") return false;
  return mediaType(contentType) !== "application/gzip";
}

function isBytes(value: unknown): value is Uint8Array {
  return ArrayBuffer.isView(value) && Object.prototype.toString.call(value) === "[object Uint8Array]";
}

/** The content type to write. Data that is written as JSON without one has `application/json`. */
function contentTypeOf(event: OutgoingCloudEvent, data: Codec<unknown> | undefined): string | undefined {
  if (event.datacontenttype !== undefined || isEmpty(event)) return event.datacontenttype;
  if (data !== undefined) return data.contentType;
  return event.data_base64 !== undefined || isBytes(event.data) ? undefined : "application/json";
}

function encodeData(event: OutgoingCloudEvent, codec: Codec<unknown> | undefined): Uint8Array {
  const { data, data_base64: base64 } = event;
  if (base64 !== undefined) {
    // Binary events of the package `cloudevents` have both properties.
    if (data !== undefined && !isBytes(data)) throw refused("data and data_base64 exclude each other");
    return checkedBytes(bytesOf(base64), event.datacontenttype);
  }
  if (data === undefined) return new Uint8Array();
  if (codec !== undefined) return codec.encode(data);
  if (isBytes(data)) return checkedBytes(data, event.datacontenttype);
  const contentType = contentTypeOf(event, codec);
  const form = formOf(contentType);
  if (form === "json") return json().encode(data);
  if (typeof data === "string") return text.encode(data);
  throw refused(
    `data of the media type ${contentType} must be a Uint8Array or a string; cloudEvent(codec) takes others`,
  );
}

/** Refuses bytes that are not JSON and whose media type promises JSON. */
function checkedBytes(data: Uint8Array, contentType: string | undefined): Uint8Array {
  if (contentType === undefined || formOf(contentType) !== "json") return data;
  try {
    json().decode(data);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw refused(`data of the media type ${contentType} must be JSON: ${why}`);
  }
  return data;
}

function decodeData(body: Uint8Array, contentType: string | undefined): unknown {
  const form = formOf(contentType);
  if (form !== "json") return form === "text" ? text.decode(body) : bytes.decode(body);
  try {
    return json().decode(body);
  } catch (error) {
    // Without a media type, KubeMQ's HTTP connector treats a body that is not JSON as bytes.
    if (contentType === undefined) return body;
    throw error;
  }
}

function formOf(contentType: string | undefined): "json" | "text" | "bytes" {
  const type = contentType === undefined ? "application/json" : mediaType(contentType);
  if (/^[^/]+\/(.+\+)?json$/.test(type)) return "json";
  return /^text\/|^[^/]+\/(.+\+)?xml$/.test(type) ? "text" : "bytes";
}

function bytesOf(base64: unknown): Uint8Array {
  const isBase64 =
    typeof base64 === "string" && /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(base64);
  if (!isBase64) throw refused("data_base64 must be base64");
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
}

function refused(why: string): KubeMQError {
  return new KubeMQError("ENCODE_FAILED", `not a CloudEvent: ${why}`);
}
