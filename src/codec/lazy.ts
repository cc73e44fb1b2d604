import type { DescMessage, DescMethod, DescService, MessageInitShape, MessageShape } from "@bufbuild/protobuf";
import { reflection } from "./reflection.js";
import type { StaticCodecs } from "./static.js";

/**
 * Descriptors for gen/: their names are known, everything else is read from protobuf-es when
 * needed.
 */

/** A descriptor with some known properties. The others are those of the loaded descriptor. */
function lazily<D extends object>(known: object, load: () => D): D {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the proxy has every property of D
  return new Proxy(known as D, {
    get: (own, key): unknown => Reflect.get(Object.hasOwn(own, key) ? own : load(), key),
    has: (_own, key) => Reflect.has(load(), key),
  });
}

export function lazyMessage<D extends DescMessage>(typeName: string, load: () => D): D {
  return lazily({ kind: "message", typeName }, load);
}

interface KnownMethod {
  readonly localName: string;
  readonly name: string;
  readonly methodKind: DescMethod["methodKind"];
  readonly input: DescMessage;
  readonly output: DescMessage;
}

export function lazyService<S extends DescService>(
  typeName: string,
  methods: readonly KnownMethod[],
  load: () => S,
): S {
  const method: Record<string, DescMethod> = {};
  const service = lazily({ kind: "service", typeName, method }, load);
  for (const known of methods) {
    method[known.localName] = lazily<DescMethod>({ kind: "rpc", parent: service, ...known }, () => {
      const loaded = load().method[known.localName];
      if (loaded === undefined) throw new Error(`${typeName} has no method ${known.name}`);
      return loaded;
    });
  }
  return service;
}

/**
 * Creates messages like `create` of protobuf-es, without their descriptors where there is a codec.
 */
export function creator(statics: StaticCodecs) {
  return <D extends DescMessage>(schema: D, init?: MessageInitShape<D>): MessageShape<D> => {
    const codec = Object.hasOwn(statics, schema.typeName) ? statics[schema.typeName] : undefined;
    if (codec === undefined) return reflection().create(schema, init);
    const message = codec.create() as MessageShape<D> & Record<string, unknown>;
    for (const [name, value] of Object.entries(init ?? {}))
      if (value !== undefined) Object.assign(message, { [name]: value });
    return message;
  };
}
