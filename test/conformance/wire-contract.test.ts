import { readFileSync } from "node:fs";
import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { describe, expect, test } from "@jest/globals";
import { file_kubemq, kubemq } from "kubemq-es/gen";
import protobuf from "protobufjs";

// The contract as implemented by deployed servers, separate from proto/; the generated code is
// compared with it.
const descriptor = JSON.parse(readFileSync(new URL("./wire.json", import.meta.url), "utf8")) as protobuf.INamespace;
const contract = protobuf.Root.fromJSON(descriptor).resolveAll();
const service = contract.lookupService("kubemq.kubemq");
const types = [...messageTypes(contract)];

const conversion = { longs: String, bytes: String, defaults: true, arrays: true, objects: true } as const;

describe("the generated code and the wire contract", () => {
  test("every message of the contract is generated, and no other", () => {
    const names = types.map(({ name }) => name);
    expect(file_kubemq.messages.map(({ name }) => name).sort()).toEqual(names.sort());
    expect(names.length).toBeGreaterThan(20);
  });

  test("every method has the contract's name, messages and kind", () => {
    const wanted = service.methodsArray.map(({ name, requestType, responseType, requestStream, responseStream }) => ({
      name,
      path: `/kubemq.kubemq/${name}`,
      input: requestType,
      output: responseType,
      kind: kindOf(requestStream === true, responseStream === true),
    }));
    const generated = kubemq.methods.map(({ name, input, output, methodKind, parent }) => ({
      name,
      path: `/${parent.typeName}/${name}`,
      input: input.name,
      output: output.name,
      kind: methodKind,
    }));
    const byName = (a: { name: string }, b: { name: string }) => (a.name < b.name ? -1 : 1);
    expect(generated.sort(byName)).toEqual(wanted.sort(byName));
    expect(generated).toHaveLength(15);
  });

  test.each(types.map((type) => [type.name, type] as const))(
    "%s: a filled sample is the same after encoding by one implementation and decoding by the other",
    (name, type) => {
      const desc = file_kubemq.messages.find((candidate) => candidate.name === name);
      if (desc === undefined) throw new Error(`${name} is not generated`);
      const sample = filled(type, 1);
      const theirs = type.encode(type.fromObject(sample)).finish();
      const ours = fromBinary(desc, theirs);
      // No field may be among the unknown fields: those would survive, too.
      expect(ours.$unknown ?? []).toEqual([]);
      const back = type.decode(toBinary(desc, ours));
      expect(type.toObject(back, conversion)).toEqual(type.toObject(type.decode(theirs), conversion));
      for (const field of type.fieldsArray) {
        const generated = desc.fields.find((candidate) => candidate.name === field.name);
        expect(generated?.number).toBe(field.id);
        // Every field of the sample has a value, so that no comparison succeeds because both are
        // empty.
        expect(isEmpty((ours as unknown as Record<string, unknown>)[generated?.localName ?? ""])).toBe(false);
      }
    },
  );

  test("every enum has the contract's names and numbers", () => {
    const enums = [...enumsIn(contract)].map(({ name, values }) => ({ name, values }));
    const generated = [...file_kubemq.enums, ...file_kubemq.messages.flatMap(({ nestedEnums }) => nestedEnums)].map(
      ({ name, values }) => ({
        name,
        values: Object.fromEntries(values.map((value) => [value.name, value.number])),
      }),
    );
    expect(generated).toHaveLength(enums.length);
    for (const wanted of enums) expect(generated).toContainEqual(wanted);
  });
});

function kindOf(requestStream: boolean, responseStream: boolean): string {
  if (requestStream) return "bidi_streaming";
  return responseStream ? "server_streaming" : "unary";
}

/** A sample in which every field has a distinct value other than its default. */
function filled(type: protobuf.Type, seed: number): Record<string, unknown> {
  return Object.fromEntries(
    type.fieldsArray.map((field) => {
      const one = (n: number) => valueOf(field, seed * 100 + field.id * 3 + n);
      if (field instanceof protobuf.MapField) return [field.name, { a: "1", "schlüssel ☃": "wert" }];
      return [field.name, field.repeated ? [one(0), one(1)] : one(0)];
    }),
  );
}

function valueOf({ type, resolvedType }: protobuf.Field, n: number): unknown {
  if (resolvedType instanceof protobuf.Type) return filled(resolvedType, n % 7);
  // The last value of an enum; a number without a name must survive, too.
  if (resolvedType instanceof protobuf.Enum) return n % 2 === 0 ? 99 : Math.max(...Object.values(resolvedType.values));
  switch (type) {
    case "string":
      return `text ${n} ☃ ü`;
    case "bytes":
      return Buffer.from([0, 255, n % 256]);
    case "bool":
      return true;
    case "int32":
      return n % 2 === 0 ? 2 ** 31 - 1 - n : -n;
    case "int64":
      return (n % 2 === 0 ? 2n ** 63n - 1n - BigInt(n) : -(2n ** 62n) - BigInt(n)).toString();
    case "uint64":
      return (2n ** 64n - 1n - BigInt(n)).toString();
    default:
      throw new Error(`the contract has no field of type ${type}`);
  }
}

function isEmpty(value: unknown): boolean {
  if (value === undefined || value === "" || value === false || value === 0 || value === 0n) return true;
  if (value instanceof Uint8Array || Array.isArray(value)) return value.length === 0;
  return typeof value === "object" && value !== null && Object.keys(value).length === 0;
}

function* messageTypes(space: protobuf.NamespaceBase): Iterable<protobuf.Type> {
  for (const child of space.nestedArray) {
    if (child instanceof protobuf.Type) yield child;
    else if (child instanceof protobuf.Namespace) yield* messageTypes(child);
  }
}

function* enumsIn(space: protobuf.NamespaceBase): Iterable<protobuf.Enum> {
  for (const child of space.nestedArray) {
    if (child instanceof protobuf.Enum) yield child;
    else if (child instanceof protobuf.Namespace || child instanceof protobuf.Type) yield* enumsIn(child);
  }
}
