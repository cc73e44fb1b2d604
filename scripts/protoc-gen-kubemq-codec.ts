/**
 * A buf plugin that generates encoders and decoders for the messages of one file that are sent or
 * received in numbers, or when a client starts. protobuf-es encodes and decodes the others.
 *
 * They use the same objects as protobuf-es and are about three times as fast, because nothing is
 * looked up at run time. They support what encoders write; anything else is left to protobuf-es
 * (see src/codec/reader.ts).
 */
import { ScalarType } from "@bufbuild/protobuf";
import type { DescField, DescFile, DescMessage } from "@bufbuild/protobuf";
import { createEcmaScriptPlugin, runNodeJs, safeIdentifier } from "@bufbuild/protoplugin";
import type { GeneratedFile, Schema } from "@bufbuild/protoplugin";

const LENGTH_DELIMITED = 2;
const VARINT = 0;

/** Fields whose value is nearly always the same in all messages of a stream. */
const repeats: ReadonlySet<string> = new Set(["Channel", "ClientID"]);

/** Messages that no code of the client sends often, or at all. */
const cold: ReadonlySet<string> = new Set([
  "QueueMessagesBatchRequest",
  "QueueMessagesBatchResponse",
  "AckAllQueueMessagesRequest",
  "AckAllQueueMessagesResponse",
]);

/** The scalar types of the contract, with the method of reader and writer for each. */
const methods: ReadonlyMap<ScalarType, string> = new Map([
  [ScalarType.STRING, "string"],
  [ScalarType.BYTES, "bytes"],
  [ScalarType.BOOL, "bool"],
  [ScalarType.INT32, "int32"],
  [ScalarType.INT64, "int64"],
  [ScalarType.UINT64, "uint64"],
]);

const zeros: ReadonlyMap<ScalarType, string> = new Map([
  [ScalarType.STRING, '""'],
  [ScalarType.BOOL, "false"],
  [ScalarType.INT64, "0n"],
  [ScalarType.UINT64, "0n"],
]);

runNodeJs(
  createEcmaScriptPlugin({
    name: "protoc-gen-kubemq-codec",
    version: "v1",
    generateTs(schema: Schema) {
      for (const file of schema.files) {
        generateFile(schema, file);
        generateLazy(schema, file);
      }
    },
  }),
);

function generateFile(schema: Schema, file: DescFile): void {
  const messages = file.messages.filter(({ name }) => !cold.has(name));
  const f = schema.generateFile(`${file.name}_codec.ts`);
  f.preamble(file);
  const runtime = "../src/codec";
  f.print(`import { WireReader } from "${runtime}/reader.js";`);
  f.print(
    `import { bytesSize, int32Size, int64Size, stringEntrySize, stringSize, unencodable, varintSize } from "${runtime}/writer.js";`,
  );
  f.print(`import { markInvalidText } from "${runtime}/text.js";`);
  f.print(`import type { WireWriter } from "${runtime}/writer.js";`);
  f.print(`import type { StaticCodecs } from "${runtime}/static.js";`);
  f.print(`import type { ${messages.map(({ name }) => name).join(", ")} } from "./${file.name}_pb.js";`);
  f.print();
  f.print("const reader = new WireReader();");
  f.print();
  f.print("type Fields<T> = { readonly [K in keyof T]?: unknown };");
  f.print();
  const nested = new Set<DescMessage>();
  for (const message of messages) {
    for (const field of message.fields) if (field.message !== undefined) nested.add(field.message);
  }
  for (const message of messages) {
    generateClass(f, message);
    generateCreate(f, message);
    generateDecoder(f, message);
    generateEncoder(f, message);
    if (nested.has(message)) generateSize(f, message);
  }
  f.print("/** The codecs of this file, by message type. */");
  f.print("export const ", file.name, "Codecs: StaticCodecs = {");
  for (const message of messages) {
    const { name, typeName } = message;
    f.print(`  "${typeName}": { create: create${name}, decode: decode${name}, encode: write${name} },`);
  }
  f.print("};");
}

/** The descriptors and enums that the client uses, without what it takes to build them. */
function generateLazy(schema: Schema, file: DescFile): void {
  const f = schema.generateFile(`${file.name}_lazy.ts`);
  f.preamble(file);
  const runtime = "../src/codec";
  f.print(`import { creator, lazyMessage, lazyService } from "${runtime}/lazy.js";`);
  f.print(`import { ${file.name}Codecs } from "./${file.name}_codec.js";`);
  f.print(`import * as eager from "./${file.name}_pb.js";`);
  f.print(`import type * as pb from "./${file.name}_pb.js";`);
  f.print();
  f.print(`export type * from "./${file.name}_pb.js";`);
  f.print();
  f.print("/** The package evaluates protobuf-es's descriptors at the first call. */");
  f.print("const load = () => eager;");
  f.print();
  f.print("/** Creates a message. */");
  f.print(`export const create = creator(${file.name}Codecs);`);
  f.print();
  for (const { name, typeName } of file.messages) {
    const of = `${name}Schema`;
    f.print(`export const ${of}: typeof pb.${of} = lazyMessage("${typeName}", () => load().${of});`);
  }
  f.print();
  for (const { name, values } of [
    ...file.enums,
    ...file.messages.flatMap((message) =>
      message.nestedEnums.map((nested) => ({ name: `${message.name}_${nested.name}`, values: nested.values })),
    ),
  ]) {
    f.print(`export const ${name} = {`);
    for (const { localName, number } of values) f.print(`  ${localName}: ${number},`);
    f.print(`} as unknown as typeof pb.${name};`);
    f.print(`export type ${name} = pb.${name};`);
    f.print();
  }
  for (const { name, typeName, methods } of file.services) {
    f.print(`export const ${name}: typeof pb.${name} = lazyService(`);
    f.print(`  "${typeName}",`);
    f.print("  [");
    for (const { localName, name, methodKind, input, output } of methods) {
      f.print(
        `    { localName: "${localName}", name: "${name}", methodKind: "${methodKind}", input: ${input.name}Schema, output: ${output.name}Schema },`,
      );
    }
    f.print("  ],");
    f.print(`  () => load().${name},`);
    f.print(");");
  }
}

/**
 * Decoded messages are created by a constructor, not by an object literal: V8 allocates the objects
 * of a literal in the old generation once it has seen them live long; see src/support/yielded.ts.
 */
function generateClass(f: GeneratedFile, message: DescMessage): void {
  const { name } = message;
  const fields = message.fields.filter(isAlwaysSet);
  f.print("class Decoded", name, " implements ", name, " {");
  f.print("  declare readonly $typeName: ", f.string(message.typeName), ";");
  for (const field of message.fields) {
    f.print("  declare ", field.localName, isAlwaysSet(field) ? ": " : "?: ", name, '["', field.localName, '"];');
  }
  const parameters = fields.map((field) => `${local(field)}: ${name}["${field.localName}"]`);
  f.print("  constructor(", parameters.join(", "), ") {");
  f.print("    this.$typeName = ", f.string(message.typeName), ";");
  for (const field of fields) f.print("    this.", field.localName, " = ", local(field), ";");
  f.print("  }");
  f.print("}");
  f.print();
}

function generateCreate(f: GeneratedFile, message: DescMessage): void {
  const { name } = message;
  const values = message.fields.filter(isAlwaysSet).map((field) => {
    if (field.fieldKind === "list") return "[]";
    if (field.fieldKind === "map") return "{}";
    if (field.fieldKind === "scalar") return isBytes(field) ? "new Uint8Array(0)" : zero(field.scalar);
    return "0";
  });
  f.print(`function create${name}(): ${name} {`);
  f.print(`  return new Decoded${name}(${values.join(", ")});`);
  f.print("}");
  f.print();
}

/** Every field except a message field has a zero value. */
function isAlwaysSet(field: DescField): boolean {
  return field.fieldKind !== "message";
}

function generateDecoder(f: GeneratedFile, message: DescMessage): void {
  const { name } = message;
  f.print("function decode", name, "(bytes: Buffer, start: number, end: number): ", name, " | undefined {");
  f.print("  reader.start(bytes, start, end);");
  f.print("  const message = read", name, "(end);");
  f.print("  return reader.finish(end) ? message : undefined;");
  f.print("}");
  f.print();
  f.print("function read", name, "(end: number): ", name, " {");
  const hasText = canHaveText(message);
  for (const field of message.fields) f.print("  ", declaration(message, field));
  if (hasText) f.print("  const invalidTexts = reader.invalidTexts;");
  f.print("  while (reader.position < end) {");
  f.print("    switch (reader.tag()) {");
  for (const field of message.fields) generateFieldReader(f, field);
  f.print("      default:");
  f.print("        reader.giveUp();");
  f.print("    }");
  f.print("  }");
  f.print("  if (reader.position !== end) reader.giveUp();");
  const values = message.fields
    .filter(isAlwaysSet)
    .map((field) => (isBytes(field) ? `${local(field)} ?? new Uint8Array(0)` : local(field)));
  f.print("  const message = new Decoded", name, "(", values.join(", "), ");");
  for (const field of message.fields) {
    if (isAlwaysSet(field)) continue;
    f.print("  if (", local(field), " !== undefined) message.", field.localName, " = ", local(field), ";");
  }
  if (hasText) f.print("  if (reader.invalidTexts !== invalidTexts) markInvalidText(message);");
  f.print("  return message;");
  f.print("}");
  f.print();
}

/** Whether a message, or one within it, has a string that may not be UTF-8. No message contains itself. */
function canHaveText(message: DescMessage): boolean {
  return message.fields.some(
    (field) =>
      field.fieldKind === "map" ||
      (field.fieldKind === "scalar" && field.scalar === ScalarType.STRING) ||
      (field.message !== undefined && canHaveText(field.message)),
  );
}

function declaration(message: DescMessage, field: DescField): string {
  const type = `${message.name}["${field.localName}"]`;
  switch (field.fieldKind) {
    case "message":
      return `let ${local(field)}: ${type};`;
    case "list":
      return `${field.listKind === "message" ? "let" : "const"} ${local(field)}: ${type} = [];`;
    case "map":
      return `const ${local(field)}: ${type} = {};`;
    case "enum":
      return `let ${local(field)}: ${type} = 0;`;
    case "scalar":
      if (isBytes(field)) return `let ${local(field)}: ${type} | undefined;`;
      return `let ${local(field)} = ${zero(field.scalar)};`;
    default:
      throw uncovered(field);
  }
}

function generateFieldReader(f: GeneratedFile, field: DescField): void {
  const name = local(field);
  switch (field.fieldKind) {
    case "scalar":
    case "enum":
      f.print("      case ", tag(field), ":");
      f.print("        ", name, " = reader.", repeats.has(field.name) ? "name" : readMethod(field), "();");
      break;
    case "message":
      f.print("      case ", tag(field), ":");
      f.print("        // protobuf-es merges repeated occurrences.");
      f.print("        if (", name, " !== undefined) reader.giveUp();");
      f.print("        else ", name, " = read", field.message.name, "(reader.end());");
      break;
    case "map":
      assertStringMap(field);
      f.print("      case ", tag(field), ":");
      f.print("        reader.stringEntry(", name, ");");
      break;
    case "list":
      if (field.listKind === "message") {
        f.print("      case ", tag(field), ": {");
        f.print("        const item = read", field.message.name, "(reader.end());");
        f.print("        // A literal, because an array that grows allocates room for 17 items.");
        f.print("        if (", name, ".length === 0) ", name, " = [item];");
        f.print("        else ", name, ".push(item);");
        f.print("        break;");
        f.print("      }");
        return;
      }
      assertInt64List(field);
      f.print("      case ", field.number * 8 + VARINT, ":");
      f.print("        ", name, ".push(reader.int64());");
      f.print("        break;");
      f.print("      case ", field.number * 8 + LENGTH_DELIMITED, ": {");
      f.print("        const stop = reader.end();");
      f.print("        while (reader.position < stop) ", name, ".push(reader.int64());");
      f.print("        if (reader.position !== stop) reader.giveUp();");
      f.print("        break;");
      f.print("      }");
      return;
  }
  f.print("        break;");
}

function generateEncoder(f: GeneratedFile, message: DescMessage): void {
  const writer = message.fields.length > 0 ? "writer" : "_writer";
  f.print("function write", message.name, "(", writer, ": WireWriter, message: Fields<", message.name, ">): void {");
  generateGuard(f, message);
  for (const field of message.fields) {
    const name = local(field);
    f.print("  const ", name, " = message.", field.localName, ";");
    f.print("  if (", isSet(field), ") {");
    switch (field.fieldKind) {
      case "scalar":
      case "enum":
        f.print("    writer.uint32(", tag(field), ");");
        f.print("    writer.", readMethod(field), "(", name, ");");
        break;
      case "message":
        generateChildWriter(f, tag(field), field.message.name, name);
        break;
      case "map":
        f.print("    for (const key in ", name, ") {");
        f.print("      if (!Object.hasOwn(", name, ", key)) continue;");
        f.print("      writer.uint32(", tag(field), ");");
        f.print("      writer.stringEntry(key, (", name, " as Record<string, unknown>)[key]);");
        f.print("    }");
        break;
      case "list":
        f.print("    if (!Array.isArray(", name, ")) throw unencodable;");
        if (field.listKind === "message") {
          f.print("    for (const item of ", name, ") {");
          generateChildWriter(f, tag(field), field.message.name, "item");
          f.print("    }");
        } else {
          f.print("    if (", name, ".length > 0) {");
          f.print("      let size = 0;");
          f.print("      for (const item of ", name, ") size += int64Size(item);");
          f.print("      writer.uint32(", tag(field), ");");
          f.print("      writer.uint32(size);");
          f.print("      for (const item of ", name, ") writer.int64(item);");
          f.print("    }");
        }
        break;
    }
    f.print("  }");
  }
  f.print("}");
  f.print();
}

function generateChildWriter(f: GeneratedFile, fieldTag: number, type: string, value: string): void {
  f.print("    writer.uint32(", fieldTag, ");");
  f.print("    writer.uint32(size", type, "(", value, "));");
  f.print("    write", type, "(writer, ", value, ");");
}

function generateSize(f: GeneratedFile, message: DescMessage): void {
  f.print("function size", message.name, "(message: Fields<", message.name, ">): number {");
  generateGuard(f, message);
  f.print("  let size = 0;");
  for (const field of message.fields) {
    const name = local(field);
    const width = tag(field) < 0x80 ? 1 : 2;
    f.print("  const ", name, " = message.", field.localName, ";");
    f.print("  if (", isSet(field), ") {");
    switch (field.fieldKind) {
      case "scalar":
      case "enum":
        f.print("    size += ", width, " + ", sizeOf(field, name), ";");
        break;
      case "message":
        f.print("    const child = size", field.message.name, "(", name, ");");
        f.print("    size += ", width, " + varintSize(child) + child;");
        break;
      case "map":
        f.print("    for (const key in ", name, ") {");
        f.print("      if (!Object.hasOwn(", name, ", key)) continue;");
        f.print("      size += ", width, " + stringEntrySize(key, (", name, " as Record<string, unknown>)[key]);");
        f.print("    }");
        break;
      case "list":
        if (field.listKind !== "message") throw uncovered(field);
        f.print("    if (!Array.isArray(", name, ")) throw unencodable;");
        f.print("    for (const item of ", name, ") {");
        f.print("      const child = size", field.message.name, "(item);");
        f.print("      size += ", width, " + varintSize(child) + child;");
        f.print("    }");
        break;
    }
    f.print("  }");
  }
  f.print("  return size;");
  f.print("}");
  f.print();
}

function generateGuard(f: GeneratedFile, message: DescMessage): void {
  f.print("  const type = message.$typeName;");
  f.print(
    "  if (message.$unknown !== undefined || (type !== undefined && type !== ",
    f.string(message.typeName),
    ")) throw unencodable;",
  );
}

/** A local name that is neither a reserved word nor a name used in the generated file. */
function local(field: DescField): string {
  return safeIdentifier(`${field.localName.slice(0, 1).toLowerCase()}${field.localName.slice(1)}_`);
}

function isSet(field: DescField): string {
  const name = local(field);
  const given = `${name} !== undefined && ${name} !== null`;
  switch (field.fieldKind) {
    case "message":
    case "map":
    case "list":
      return given;
    case "enum":
      return `${given} && ${name} !== 0`;
    case "scalar":
      if (isBytes(field)) return `${given} && !(${name} instanceof Uint8Array && ${name}.length === 0)`;
      return `${given} && ${name} !== ${zero(field.scalar)}`;
    default:
      throw uncovered(field);
  }
}

function tag(field: DescField): number {
  const number = field.number * 8;
  if (field.fieldKind === "enum") return number + VARINT;
  if (field.fieldKind !== "scalar") return number + LENGTH_DELIMITED;
  return number + (field.scalar === ScalarType.STRING || field.scalar === ScalarType.BYTES ? LENGTH_DELIMITED : VARINT);
}

function isBytes(field: DescField): boolean {
  return field.fieldKind === "scalar" && field.scalar === ScalarType.BYTES;
}

function readMethod(field: DescField): string {
  if (field.fieldKind === "enum") return "int32";
  const method = field.fieldKind === "scalar" ? methods.get(field.scalar) : undefined;
  if (method === undefined) throw uncovered(field);
  return method;
}

function sizeOf(field: DescField, name: string): string {
  const method = readMethod(field);
  if (method === "bool") return "1";
  return `${method === "uint64" ? "int64" : method}Size(${name})`;
}

function zero(scalar: ScalarType): string {
  return zeros.get(scalar) ?? "0";
}

function assertStringMap(field: DescField & { fieldKind: "map" }): void {
  if (field.mapKey !== ScalarType.STRING || field.scalar !== ScalarType.STRING) {
    throw uncovered(field);
  }
}

function assertInt64List(field: DescField & { fieldKind: "list" }): void {
  if (field.listKind !== "scalar" || field.scalar !== ScalarType.INT64) {
    throw uncovered(field);
  }
}

function uncovered(field: DescField): Error {
  return new Error(`no static codec for ${field.toString()}: teach scripts/protoc-gen-kubemq-codec.ts its type`);
}
