import { create, createFileRegistry, type DescMessage, fromBinary, type Message } from "@bufbuild/protobuf";
import {
  Edition,
  FeatureSet_FieldPresence,
  FeatureSet_Utf8Validation,
  FeatureSetSchema,
  FileDescriptorProtoSchema,
  FileOptionsSchema,
} from "@bufbuild/protobuf/wkt";
import { markInvalidText } from "./text.js";

const lenient = new WeakMap<DescMessage, DescMessage>();

/**
 * Decodes a message with protobuf-es, with U+FFFD in place of invalid UTF-8. Messages with such
 * strings are marked.
 *
 * protobuf-es refuses a whole proto3 message with such a string. Servers store and deliver it:
 * protobufjs writes half a surrogate pair as three bytes that are not UTF-8
 * (https://github.com/protobufjs/protobuf.js/pull/2436).
 *
 * @throws Error when the bytes are invalid in another way
 */
export function fromBinaryLenient(schema: DescMessage, bytes: Uint8Array): Message {
  const message = fromBinary(lenientOf(schema), bytes);
  markWithin(message, Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  return message;
}

/**
 * The same message type without `utf8_validation`, an option of editions: proto3 expressed in
 * edition 2023.
 */
function lenientOf(schema: DescMessage): DescMessage {
  const known = lenient.get(schema);
  if (known !== undefined) return known;
  const features = create(FeatureSetSchema, {
    fieldPresence: FeatureSet_FieldPresence.IMPLICIT,
    utf8Validation: FeatureSet_Utf8Validation.NONE,
  });
  const file = create(FileDescriptorProtoSchema, {
    ...schema.file.proto,
    syntax: "editions",
    edition: Edition.EDITION_2023,
    options: create(FileOptionsSchema, { features }),
  });
  const found = createFileRegistry(file, () => undefined).getMessage(schema.typeName) ?? schema;
  lenient.set(schema, found);
  return found;
}

/** Marks the messages with a string that differs from the bytes on the wire. */
function markWithin(value: unknown, bytes: Buffer): boolean {
  if (typeof value === "string") return value.includes("\uFFFD") && !bytes.includes(value, 0, "utf8");
  if (typeof value !== "object" || value === null || ArrayBuffer.isView(value)) return false;
  let isInvalid = false;
  for (const [key, child] of Object.entries(value)) {
    // Checks every nested message, because each one is marked.
    if (markWithin(key, bytes)) isInvalid = true;
    if (key !== "$unknown" && markWithin(child, bytes)) isInvalid = true;
  }
  if (isInvalid && "$typeName" in value) markInvalidText(value);
  return isInvalid;
}
