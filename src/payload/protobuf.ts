import {
  create,
  type DescMessage,
  fromBinary,
  fromJsonString,
  isMessage,
  type JsonReadOptions,
  type JsonWriteOptions,
  type MessageInitShape,
  type MessageShape,
  toBinary,
  toJsonString,
} from "@bufbuild/protobuf";
import type { Codec } from "../api/codec.js";
import { KubeMQError } from "../api/errors.js";
import { checkOptions } from "./check.js";
import { text } from "./text.js";

/** Options of the codec `protobuf`. */
export interface ProtobufOptions {
  /**
   * `binary` is the compact form, which keeps unknown fields. `json` is ProtoJSON, which people and
   * other tools can read; it loses unknown fields. @default "binary"
   */
  format?: "binary" | "json" | undefined;
  /** Options of protobuf-es for the format `json`, such as a registry for `google.protobuf.Any`. */
  json?: Partial<JsonReadOptions & JsonWriteOptions> | undefined;
}

/**
 * Bodies as protobuf messages that protobuf-es v2 has generated. A send accepts a message, or the
 * plain object that `create(Schema, ...)` accepts.
 *
 * @throws {KubeMQError} DECODE_FAILED for a body that is not such a message
 * @example
 * ```ts
 * const Greeting = protobuf(GreetRequestSchema);
 * await client.events.publish({ channel: "greetings", body: { name: "Ada" }, codec: Greeting });
 * ```
 */
export function protobuf<Desc extends DescMessage>(
  schema: Desc,
  options: ProtobufOptions = {},
): Codec<MessageShape<Desc>, MessageInitShape<Desc>> {
  checkOptions("protobuf", options, ["format", "json"]);
  const { format = "binary", json } = options;
  if ((schema as Desc | undefined)?.kind !== "message") {
    throw new KubeMQError("INVALID_ARGUMENT", "protobuf takes the schema of a message, such as GreetRequestSchema");
  }
  const message = (value: MessageInitShape<Desc>): MessageShape<Desc> => {
    if (isMessage(value, schema)) return value;
    // promise: protobuf-type-checked
    if (isMessage(value)) {
      throw new KubeMQError("ENCODE_FAILED", `value is a ${value.$typeName}, the codec is for ${schema.typeName}`);
    }
    checkInit(schema, value);
    return create(schema, value);
  };
  switch (format) {
    case "binary":
      return {
        contentType: "application/protobuf",
        encode: (value) => toBinary(schema, message(value)),
        decode: (body) => read(schema, () => fromBinary(schema, body)),
      };
    case "json":
      return {
        contentType: "application/json",
        encode: (value) => text.encode(toJsonString(schema, message(value), json)),
        // ProtoJSON of a newer sender may have fields that this schema does not know.
        decode: (body) =>
          read(schema, () => fromJsonString(schema, text.decode(body), { ignoreUnknownFields: true, ...json })),
      };
    default:
      format satisfies never;
      throw new KubeMQError("INVALID_ARGUMENT", `format must be "binary" or "json", got ${String(format)}`);
  }
}

/**
 * Refuses values that `create` accepts and loses: it makes an empty message of a string, and drops
 * unknown fields.
 */
function checkInit(schema: DescMessage, value: unknown): void {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new KubeMQError("ENCODE_FAILED", `value must be a ${schema.typeName} or an object with its fields`);
  }
  const fields = schema.members.map(({ localName }) => localName);
  const unknown = Object.keys(value).find((name) => !name.startsWith("$") && !fields.includes(name));
  if (unknown === undefined) return;
  throw new KubeMQError("ENCODE_FAILED", `${schema.typeName} has no field "${unknown}", only ${fields.join(", ")}`);
}

function read<T>(schema: DescMessage, decode: () => T): T {
  try {
    return decode();
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new KubeMQError("DECODE_FAILED", `body is not a ${schema.typeName}: ${why}`, { cause });
  }
}
