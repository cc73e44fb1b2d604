import type { ConnectRouter, ServiceImpl } from "@connectrpc/connect";
import type { DescService } from "@bufbuild/protobuf";
import type { QueriesClient } from "../api/requests/queries.js";
import type { Service } from "../api/subscription.js";
import { checkChannel, kind, refuse } from "../support/checks.js";
import { checkKnown } from "../support/names/known.js";
import { checkClient } from "./checks.js";
import { answer } from "./answer.js";
import { DEFAULT_PREFIX } from "./format.js";
import type { ServeOptions } from "./options.js";
import { collectRoutes } from "./routes.js";
import { ServiceGroup } from "./service-group.js";

type Routes = (router: ConnectRouter) => unknown;

const ROUTE_OPTIONS = [
  "interceptors",
  "jsonOptions",
  "binaryOptions",
  "readMaxBytes",
  "writeMaxBytes",
  "maxTimeoutMs",
] as const;

const HANDLER_OPTIONS = ["signal", "reconnect", "drainTimeoutMs", "onError"] as const;

const CONCURRENCY = 100;

/**
 * Serves services from .proto files to clients with {@link kubemqTransport}: each service is a
 * query channel. The routes are those of Connect's servers. An error that is not a `ConnectError`
 * reaches the caller as "internal error" only, and `onError` and the status (`handler-failed`)
 * receive it.
 *
 * When the returned service is closed, running calls may finish within `drainTimeoutMs`; waiting
 * calls end with `Unavailable`. When the subscription of one service fails, all are closed.
 *
 * @throws {KubeMQError} INVALID_ARGUMENT for an invalid option; CLIENT_CLOSED after `close()`
 * @example
 * ```ts
 * await using server = serve(client, GreetService, { greet: ({ name }) => ({ greeting: `Hello, ${name}` }) });
 * await server.ready; // calls are answered from here on
 * ```
 */
export function serve(
  client: { readonly queries: QueriesClient },
  routes: (router: ConnectRouter) => unknown,
  options?: ServeOptions,
): Service;
/** Serves one service. */
export function serve<T extends DescService>(
  client: { readonly queries: QueriesClient },
  service: T,
  implementation: Partial<ServiceImpl<T>>,
  options?: ServeOptions,
): Service;
export function serve(
  client: { readonly queries: QueriesClient },
  first: Routes | DescService,
  second: Partial<ServiceImpl<DescService>> | ServeOptions = {},
  third: ServeOptions = {},
): Service {
  checkClient("serve", client, "handle");
  if (typeof first !== "function" && (first as DescService | undefined)?.kind !== "service") {
    const why = `the second argument must be a service or a function that registers routes, got ${kind(first)}`;
    throw refuse({ operation: "serve" }, why);
  }
  if (typeof first === "function") return serveRoutes(client.queries, first, second);
  const implementation = second as Partial<ServiceImpl<DescService>>;
  return serveRoutes(client.queries, (router) => router.service(first, implementation), third);
}

function serveRoutes(queries: QueriesClient, routes: Routes, options: ServeOptions): Service {
  const operation = "serve";
  const own = ["prefix", "group", "concurrency", "contextValues"];
  checkKnown({ operation }, "", options, [...own, ...ROUTE_OPTIONS, ...HANDLER_OPTIONS]);
  const { prefix = DEFAULT_PREFIX, group = "rpc", concurrency = CONCURRENCY, contextValues } = options;
  checkChannel(operation, `${prefix}Service`, "prefix");
  const channels = collectRoutes(routes, prefix, pick(options, ROUTE_OPTIONS));
  const handling = { ...pick(options, HANDLER_OPTIONS), concurrency };
  const services: Service[] = [];
  try {
    for (const [channel, methods] of channels) {
      services.push(queries.handle({ channel, group }, (query) => answer(query, methods, contextValues), handling));
    }
  } catch (error) {
    for (const service of services) void service.close();
    throw error;
  }
  return new ServiceGroup(services);
}

function pick<O extends object, K extends keyof O>(options: O, names: readonly K[]): Pick<O, K> {
  return Object.fromEntries(
    names.flatMap((name) => (options[name] === undefined ? [] : [[name, options[name]]])),
  ) as Pick<O, K>;
}
