import type { DescEnum, DescField, DescMessage, Message } from "@bufbuild/protobuf";
import { ScalarType, create } from "@bufbuild/protobuf";
import type { Json, JsonObject, Variables } from "./variables.js";
import { asObject, isObject, itemsOf, scalar } from "./variables.js";

/** A message of the project's generated code, from the JSON of a case. */
export function messageOf(desc: DescMessage, json: JsonObject, variables: Variables): Message {
  const fields: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(json)) {
    const field = fieldOf(desc, name);
    fields[field.localName] = fieldValue(field, value, variables);
  }
  return create(desc, fields);
}

export function fieldOf(desc: DescMessage, name: string): DescField {
  const field = desc.fields.find((candidate) => candidate.name === name);
  if (field === undefined) throw new Error(`${desc.name} has no field ${name}`);
  return field;
}

function fieldValue(field: DescField, value: Json, variables: Variables): unknown {
  switch (field.fieldKind) {
    case "list":
      return itemsOf(value, variables).map(([item, own]) => {
        if (field.listKind === "message") return messageOf(field.message, asObject(item), own);
        if (field.listKind === "enum") return enumNumber(field.enum, item);
        return scalarValue(field.scalar, item, own);
      });
    case "map":
      return Object.fromEntries(
        Object.entries(asObject(value)).map(([key, text]) => [
          String(variables.text(key)),
          String(variables.text(scalar(text))),
        ]),
      );
    case "message":
      return messageOf(field.message, asObject(value), variables);
    case "enum":
      return enumNumber(field.enum, value);
    case "scalar":
      return scalarValue(field.scalar, value, variables);
  }
  return field satisfies never;
}

export function enumNumber(desc: DescEnum, value: Json): number {
  if (typeof value === "number") return value;
  const found = desc.values.find(({ name }) => name === value);
  if (found === undefined) throw new Error(`${desc.name} has no value ${JSON.stringify(value)}`);
  return found.number;
}

/** A scalar as the generated code stores it. */
export function scalarValue(type: ScalarType, value: Json, variables: Variables): unknown {
  if (type === ScalarType.BYTES) return bytesOf(value, variables);
  const filled = typeof value === "string" ? variables.text(value) : scalar(value);
  if (type === ScalarType.BOOL) return filled === "true";
  if (type === ScalarType.INT64 || type === ScalarType.UINT64) return BigInt(String(filled));
  if (type === ScalarType.INT32) return Number(filled);
  if (type === ScalarType.STRING) return filled instanceof Uint8Array ? textOf(filled) : String(filled);
  throw new Error(`no field of the contract has scalar type ${type}`);
}

export function bytesOf(value: Json, variables: Variables): Uint8Array {
  if (isObject(value) && typeof value["$base64"] === "string") {
    return new Uint8Array(Buffer.from(value["$base64"], "base64"));
  }
  if (isObject(value) && value["$repeat"] !== undefined) {
    const { text, times } = asObject(value["$repeat"]);
    return new TextEncoder().encode(scalar(text).repeat(Number(times)));
  }
  const filled = variables.text(scalar(value));
  return filled instanceof Uint8Array ? filled : new TextEncoder().encode(String(filled));
}

export const textOf = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
