import type { CommandsClient, QueriesClient } from "../../api/contracts/requests.js";
import type { HandlerOptions } from "../../api/message.js";
import type { CommandsClient as CommandCalls } from "../../api/requests/commands.js";
import type { QueriesClient as QueryCalls } from "../../api/requests/queries.js";
import type { OutgoingRequest, RequestOptions, RequestStreamOptions } from "../../api/requests/request.js";
import type { Service, Subscription } from "../../api/subscription.js";
import type { SubscribeRequest } from "../../api/subscription.js";
import { checkArguments, refusedArguments } from "../../support/names/arguments.js";
import { type AnyContract, isContract } from "../form.js";
import { messageOf, OPTIONS, requestOf } from "./resolve.js";

/** Adds the calls with contracts to those without. */
export function commandsWithContracts(calls: CommandCalls): CommandsClient {
  return withContracts(calls, "commands") as unknown as CommandsClient;
}

/** Adds the calls with contracts to those without. */
export function queriesWithContracts(calls: QueryCalls): QueriesClient {
  return withContracts(calls, "queries") as unknown as QueriesClient;
}

type Filter = SubscribeRequest<unknown>;

type Handler = (request: unknown) => unknown;

/** What the calls of commands and of queries have in common. */
interface RequestCalls {
  send(message: OutgoingRequest, options?: RequestOptions): Promise<unknown>;
  subscribe(filter: Filter, options?: RequestStreamOptions): Subscription<unknown>;
  handle(filter: Filter, handler: Handler, options?: HandlerOptions): Service;
}

function withContracts(calls: RequestCalls, kind: "commands" | "queries") {
  const operation = `${kind}.send`;
  const sendValue = async (contract: AnyContract, value: unknown, options?: RequestOptions) => {
    const message = messageOf<OutgoingRequest>(operation, kind, contract, value);
    checkArguments(operation, "message", message, options);
    return calls.send(message, options);
  };
  return {
    ...calls,
    send: (first: OutgoingRequest | AnyContract, second?: unknown, third?: RequestOptions) =>
      isContract(first)
        ? sendValue(first, second, third)
        : (refusedArguments(operation, "message", first, second) ?? calls.send(first, second as RequestOptions)),
    subscribe(first: Filter | AnyContract, options?: RequestStreamOptions) {
      const operation = `${kind}.subscribe`;
      if (!isContract(first)) {
        checkArguments(operation, "request", first, options);
        return calls.subscribe(first, options);
      }
      return calls.subscribe(
        ...requestOf<Filter, RequestStreamOptions>(operation, kind, first, OPTIONS.requestStream, options),
      );
    },
    handle(first: Filter | AnyContract, handler: Handler, given?: HandlerOptions) {
      const operation = `${kind}.handle`;
      if (!isContract(first)) {
        checkArguments(operation, "request", first, given);
        return calls.handle(first, handler, given);
      }
      const [filter, options] = requestOf<Filter, HandlerOptions>(operation, kind, first, OPTIONS.handler, given);
      return calls.handle(filter, handler, options);
    },
  };
}
