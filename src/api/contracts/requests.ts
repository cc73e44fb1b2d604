import type { HandlerOptions } from "../message.js";
import type {
  CommandsClient as CommandCalls,
  IncomingCommand,
  CommandResult,
  QueriesClient as QueryCalls,
  IncomingQuery,
  QueryResult,
  Reply,
  RequestOptions,
  RequestStreamOptions,
} from "../requests.js";
import type { CallOptions } from "../message.js";
import type { Service, Subscription } from "../subscription.js";
import type { CommandContract, CommandPattern, QueryContract, QueryPattern, ContractReply } from "./contract.js";

/** The group of a responder. */
export interface ResponderOptions {
  /**
   * The group of this responder. Each request goes to one member of the group. Default: no group,
   * every request.
   */
  readonly group?: string | undefined;
}

/** Calls with contracts made by {@link command}. */
export interface CommandContractCalls {
  /**
   * Sends the value as a command of the contract, and waits for the answer of a responder.
   *
   * @example
   * const result = await client.commands.send(door, { open: true });
   */
  send<T, A>(contract: CommandContract<T, A>, value: NoInfer<A>, options?: RequestOptions): Promise<CommandResult>;
  /** Subscribes to the commands of the contract, which may be a pattern. */
  subscribe<T, A>(
    contract: CommandPattern<T, A>,
    options?: RequestStreamOptions & ResponderOptions,
  ): Subscription<IncomingCommand<T>>;
  /** Calls `handler` for every command of the contract, which may be a pattern. */
  handle<T, A>(
    contract: CommandPattern<T, A>,
    handler: (command: IncomingCommand<T>) => void | Reply | Promise<void | Reply>,
    options?: HandlerOptions<IncomingCommand<T>> & ResponderOptions,
  ): Service;
}

/** A query of a contract as a responder receives it. Respond once, with `respond` or `fail`. */
export interface ContractQuery<T, R> extends Omit<IncomingQuery<T>, "respond"> {
  /**
   * Answers with a response of the contract: `query.respond(price.reply(value))`.
   *
   * @throws {KubeMQError} like `respond` of {@link IncomingQuery}
   */
  respond(reply: ContractReply<R>, options?: CallOptions): Promise<void>;
}

/** Calls with contracts made by {@link query}. */
export interface QueryContractCalls {
  /**
   * Sends the value as a query of the contract, and waits for its response.
   *
   * @example
   * const answer = await client.queries.send(price, "table");
   */
  send<T, R, A, B>(
    contract: QueryContract<T, R, A, B>,
    value: NoInfer<A>,
    options?: RequestOptions,
  ): Promise<QueryResult<R>>;
  /** Subscribes to the queries of the contract, which may be a pattern. */
  subscribe<T, R, A, B>(
    contract: QueryPattern<T, R, A, B>,
    options?: RequestStreamOptions & ResponderOptions,
  ): Subscription<ContractQuery<T, B>>;
  /**
   * Calls `handler` for every query of the contract, which may be a pattern, and responds with its
   * return value.
   *
   * @example
   * await using service = client.queries.handle(price, ({ value }) => ({ cents: priceOf(value) }));
   * await service.ready;
   */
  handle<T, R, A, B>(
    contract: QueryPattern<T, R, A, B>,
    handler: (query: ContractQuery<T, B>) => NoInfer<B> | Promise<NoInfer<B>>,
    options?: HandlerOptions<ContractQuery<T, B>> & ResponderOptions,
  ): Service;
}

type AllCommandCalls = CommandContractCalls & CommandCalls;

/** Commands: ask a responder to do something, and learn whether it was done. */
export interface CommandsClient extends AllCommandCalls {}

type AllQueryCalls = QueryContractCalls & QueryCalls;

/** Queries: ask for data, and receive a response. */
export interface QueriesClient extends AllQueryCalls {}
