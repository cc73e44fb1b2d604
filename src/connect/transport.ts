import { Code, ConnectError, type Transport, type UnaryResponse } from "@connectrpc/connect";
import type { DescMethodUnary } from "@bufbuild/protobuf";
import type { QueriesClient } from "../api/requests/queries.js";
import { checkChannel, checkInteger } from "../support/checks.js";
import { checkKnown } from "../support/names/known.js";
import { checkClient, checkRouteLimits } from "./checks.js";
import { Caller } from "./caller.js";
import { DEFAULT_PREFIX, procedureOf } from "./format.js";
import type { KubeMQTransportOptions } from "./options.js";

const OPTIONS = ["prefix", "interceptors", "defaultTimeoutMs", "useBinaryFormat", "jsonOptions"];

const MORE_OPTIONS = ["binaryOptions", "readMaxBytes", "writeMaxBytes", "cache"];

/**
 * Creates a transport for clients of Connect, whose calls are queries. Unary methods only: a call
 * of a streaming method rejects with `Unimplemented` and sends nothing.
 *
 * @throws {KubeMQError} INVALID_ARGUMENT for an invalid option
 * @example
 * ```ts
 * const greeter = createClient(GreetService, kubemqTransport(client));
 * const { greeting } = await greeter.greet({ name: "Ada" }, { timeoutMs: 2_000 });
 * ```
 */
export function kubemqTransport(
  client: { readonly queries: QueriesClient },
  options: KubeMQTransportOptions = {},
): Transport {
  const operation = "kubemqTransport";
  checkClient(operation, client, "send");
  checkKnown({ operation }, "", options, [...OPTIONS, ...MORE_OPTIONS]);
  checkRouteLimits(operation, options);
  const { prefix = DEFAULT_PREFIX, cache } = options;
  checkChannel(operation, `${prefix}Service`, "prefix");
  if (cache !== undefined) checkInteger({ operation }, "cache.ttlSeconds", cache.ttlSeconds, 1, 2 ** 31 - 1);
  const callers = new Map<DescMethodUnary, Caller>();

  return {
    unary(method, signal, timeoutMs, header, input, contextValues) {
      let caller = callers.get(method);
      if (caller === undefined) callers.set(method, (caller = new Caller(client.queries, method, prefix, options)));
      const answer = caller.run(signal, timeoutMs, header, input, contextValues);
      return answer as Promise<UnaryResponse<never, never>>;
    },

    async stream(method) {
      const why = "a query has one response: streaming methods cannot be called over KubeMQ";
      throw new ConnectError(`${procedureOf(method)}: ${why}`, Code.Unimplemented);
    },
  };
}
