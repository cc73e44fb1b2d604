import {
  type ConnectRouter,
  createMethodImplSpec,
  createServiceImplSpec,
  type MethodImplSpec,
} from "@connectrpc/connect";
import type { DescMethodUnary } from "@bufbuild/protobuf";
import { refuse } from "../support/checks.js";
import { checkRouteLimits } from "./checks.js";
import { procedureOf, type Serialization, serializationOf, urlOf } from "./format.js";
import type { RouteOptions } from "./options.js";

/** A method, its implementation and how its messages are encoded. */
export interface Route {
  readonly spec: MethodImplSpec;
  readonly url: string;
  readonly options: RouteOptions;
  readonly serialization: Serialization;
}

/** The methods on a channel, by their procedures. */
export type Channels = ReadonlyMap<string, ReadonlyMap<string, Route>>;

/** Collects the methods that `routes` registers. */
export function collectRoutes(
  routes: (router: ConnectRouter) => unknown,
  prefix: string,
  defaults: RouteOptions,
): Channels {
  const operation = "serve";
  const channels = new Map<string, Map<string, Route>>();
  const add = (spec: MethodImplSpec, own: RouteOptions | undefined) => {
    const { method } = spec;
    const channel = prefix + method.parent.typeName;
    const methods = channels.get(channel) ?? new Map<string, Route>();
    channels.set(channel, methods);
    const procedure = procedureOf(method);
    if (methods.has(procedure)) throw refuse({ operation, channel }, `${procedure} is registered twice`);
    const options = { ...defaults, ...own };
    checkRouteLimits(operation, options);
    // A streaming method is never called; its messages have the same kinds of encodings.
    const serialization = serializationOf(method as DescMethodUnary, options);
    methods.set(procedure, { spec, options, serialization, url: urlOf(channel, method) });
  };
  const router: ConnectRouter = {
    handlers: [], // of HTTP
    service(service, implementation, options) {
      for (const spec of Object.values(createServiceImplSpec(service, implementation).methods)) add(spec, options);
      return router;
    },
    rpc(method, implementation, options) {
      add(createMethodImplSpec(method, implementation), options);
      return router;
    },
  };
  routes(router);
  if (channels.size === 0) throw refuse({ operation }, "routes must register a service or a method");
  return channels;
}
