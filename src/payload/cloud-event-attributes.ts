import type { CloudEvent, OutgoingCloudEvent } from "../api/cloud-event.js";
import { KubeMQError } from "../api/errors.js";

/** The attributes of CloudEvents, and the tags that carry them on KubeMQ. */

const PREFIX = "ce_";

const REQUIRED = ["id", "source", "specversion", "type"];

const NAME = /^[a-z0-9]+$/;

const TIME =
  /^(\d{4})-(0[1-9]|1[0-2])-(\d\d)[Tt]([01]\d|2[0-3]):[0-5]\d:([0-5]\d|60)(\.\d+)?([Zz]|[+-]([01]\d|2[0-3]):[0-5]\d)$/;

// oxlint-disable-next-line no-control-regex -- control characters are what this looks for
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/;

/** Converts the attributes of an event to send to tags, and checks them. */
export function attributeTags(event: OutgoingCloudEvent, contentType: string | undefined): Record<string, string> {
  const { data: _, data_base64: __, ...given } = event;
  const attributes = { ...given, specversion: event.specversion ?? "1.0", datacontenttype: contentType };
  const tags: Record<string, string> = {};
  for (const [name, value] of Object.entries(attributes)) {
    // Events of the package `cloudevents` have undefined for what they do not have.
    if (value === undefined) continue;
    if (!NAME.test(name)) {
      throw new KubeMQError(
        "ENCODE_FAILED",
        `not a CloudEvent: the attribute ${JSON.stringify(name)} must have a name of lower-case letters and digits`,
      );
    }
    tags[PREFIX + name] = attributeValue(name, value);
  }
  const missing = REQUIRED.filter((name) => tags[PREFIX + name] === undefined);
  // promise: cloud-event-complete
  if (missing.length > 0) {
    throw new KubeMQError("ENCODE_FAILED", `not a CloudEvent: without ${missing.join(" and ")}`);
  }
  return tags;
}

/** Reads the attributes in the tags of a message. */
export function attributesIn(tags: Readonly<Record<string, string>>): CloudEvent {
  const attributes: Record<string, string> = {};
  for (const tag in tags) {
    const name = tag.slice(PREFIX.length);
    const value = tags[tag];
    if (tag.startsWith(PREFIX) && NAME.test(name) && value !== undefined) attributes[name] = value;
  }
  const { id, source, specversion, type } = attributes;
  if (specversion === undefined) {
    throw new KubeMQError("DECODE_FAILED", "message is not a CloudEvent: it has no tag ce_specversion");
  }
  if (id === undefined || source === undefined || type === undefined) {
    const missing = REQUIRED.filter((name) => attributes[name] === undefined).map((name) => PREFIX + name);
    throw new KubeMQError("DECODE_FAILED", `message is not a CloudEvent: it has no tag ${missing.join(" and ")}`);
  }
  if (specversion !== "1.0") {
    throw new KubeMQError("DECODE_FAILED", `message is a CloudEvent of version ${specversion}, only 1.0 can be read`);
  }
  // An attribute must not replace the data, which is the body.
  delete attributes.data; // promise: cloud-event-data-is-body
  return { ...attributes, id, source, specversion, type };
}

function attributeValue(name: string, value: unknown): string {
  const written = writtenValue(value);
  const wrong =
    written === undefined ? "must be a string, a boolean, a 32-bit integer, bytes or a Date" : faultOf(name, written);
  if (written === undefined || wrong !== undefined) {
    throw new KubeMQError("ENCODE_FAILED", `not a CloudEvent: ${name} ${wrong}`);
  }
  return written;
}

/**
 * The canonical string of a value of the type system of CloudEvents; undefined for other values.
 */
function writtenValue(value: unknown): string | undefined {
  if (typeof value === "string") return value;
  if (typeof value === "boolean" || (typeof value === "number" && (value | 0) === value)) return String(value);
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? undefined : value.toISOString();
  if (!(value instanceof Uint8Array)) return undefined;
  return btoa(Array.from(value, (byte) => String.fromCharCode(byte)).join(""));
}

/** Whether this is a time of RFC 3339, on a day that exists. */
function isTime(value: string): boolean {
  const [, year, month, day] = (TIME.exec(value) ?? []).map(Number);
  if (year === undefined || month === undefined || day === undefined) return false;
  return day >= 1 && day <= new Date(Date.UTC(year, month, 0)).getUTCDate();
}

function faultOf(name: string, value: string): string | undefined {
  if (value === "") return "must not be empty";
  if (CONTROL.test(value)) return "must not contain control characters";
  if (name === "specversion" && value !== "1.0") return `must be 1.0, got ${value}`;
  if (name === "time" && !isTime(value)) return `must be a time of RFC 3339, got ${value}`;
  return undefined;
}
