import type { Decoder, Encoder } from "../codec.js";
import type { HandlerOptions } from "../message.js";
import type { CommandsClient as CommandCalls, IncomingCommand, CommandResult } from "../requests/commands.js";
import type { QueriesClient as QueryCalls, IncomingQuery, QueryOutcome, QueryResult } from "../requests/queries.js";
import type { RequestOptions, RequestStreamOptions } from "../requests/request.js";
import type { Reply } from "../requests/response.js";
import type { CallOptions } from "../message.js";
import type { Service, SubscribeRequest, Subscription } from "../subscription.js";
import type {
  ContractBase,
  CommandContract,
  CommandPattern,
  QueryContract,
  QueryPattern,
  ContractReply,
} from "./contract.js";
import type { Overloads } from "./overloads.js";

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
   * @throws {KubeMQError} ENCODE_FAILED when the codec refuses the value; INVALID_ARGUMENT for an
   *   invalid argument
   * @throws {KubeMQError} TIMEOUT when no responder answers within `timeoutMs`; UNAVAILABLE when
   *   the connection is lost meanwhile
   * @example
   * const result = await client.commands.send(door, { open: true });
   */
  send<T, A>(contract: CommandContract<T, A>, value: NoInfer<A>, options?: RequestOptions): Promise<CommandResult>;
  /**
   * Subscribes to the commands of the contract, which may be a pattern.
   *
   * @throws {KubeMQError} INVALID_ARGUMENT for an invalid argument; CLIENT_CLOSED after `close()`
   */
  subscribe<T, A>(
    contract: CommandPattern<T, A>,
    options?: RequestStreamOptions & ResponderOptions,
  ): Subscription<IncomingCommand<T>>;
  /**
   * Calls `handler` for every command of the contract, which may be a pattern.
   *
   * @throws {KubeMQError} INVALID_ARGUMENT for an invalid argument; CLIENT_CLOSED after `close()`
   */
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
   * @throws {KubeMQError} ALREADY_RESPONDED, TIMEOUT, UNAVAILABLE or ENCODE_FAILED, when `respond`
   *   of {@link IncomingQuery} does
   */
  respond(reply: ContractReply<R>, options?: CallOptions): Promise<void>;
}

/** Calls with contracts made by {@link query}. */
export interface QueryContractCalls {
  /**
   * Sends the value as a query of the contract, and waits for its response.
   *
   * @throws {KubeMQError} ENCODE_FAILED when the codec refuses the value; INVALID_ARGUMENT for an
   *   invalid argument
   * @throws {KubeMQError} TIMEOUT when no responder answers within `timeoutMs`; UNAVAILABLE when
   *   the connection is lost meanwhile
   * @example
   * const answer = await client.queries.send(price, "table");
   */
  send<T, R, A, B>(
    contract: QueryContract<T, R, A, B>,
    value: NoInfer<A>,
    options?: RequestOptions,
  ): Promise<QueryResult<R>>;
  /**
   * Subscribes to the queries of the contract, which may be a pattern.
   *
   * @throws {KubeMQError} INVALID_ARGUMENT for an invalid argument; CLIENT_CLOSED after `close()`
   */
  subscribe<T, R, A, B>(
    contract: QueryPattern<T, R, A, B>,
    options?: RequestStreamOptions & ResponderOptions,
  ): Subscription<ContractQuery<T, B>>;
  /**
   * Calls `handler` for every query of the contract, which may be a pattern, and responds with its
   * return value.
   *
   * @throws {KubeMQError} INVALID_ARGUMENT for an invalid argument; CLIENT_CLOSED after `close()`
   * @example
   * await using service = client.queries.handle(price, ({ value }) => ({ cents: centsOf(value) }));
   * await service.ready;
   */
  handle<T, R, A, B>(
    contract: QueryPattern<T, R, A, B>,
    handler: (query: ContractQuery<T, B>) => NoInfer<B> | Promise<NoInfer<B>>,
    options?: HandlerOptions<ContractQuery<T, B>> & ResponderOptions,
  ): Service;
}

/** Commands: ask a responder to do something, and learn whether it was done. */
export interface CommandsClient extends Overloads<CommandContractCalls, CommandCalls, "send"> {}

/** What the handler of a query returns. */
export type AnswerTo<Queries> =
  Queries extends ContractBase<"queries">
    ? Queries extends { readonly response: Encoder<infer R> }
      ? R
      : never
    : Queries extends { readonly responseCodec: Encoder<infer R> }
      ? R
      : QueryOutcome;

/** What the handler of a query receives. */
export type QueryFor<Queries> =
  Queries extends ContractBase<"queries">
    ? Queries extends { readonly request: Decoder<infer T> }
      ? ContractQuery<T, AnswerTo<Queries>>
      : never
    : Queries extends { readonly codec: Decoder<infer T> }
      ? IncomingQuery<T>
      : IncomingQuery;

/** The overload of `handle` that explains a wrong answer. */
export interface CheckedHandle {
  /**
   * Never chosen, because the overloads before it have the same conditions. As the last one, it
   * lets the compiler compare a wrong answer with the type of the response.
   *
   * @throws {KubeMQError} INVALID_ARGUMENT for an invalid argument; CLIENT_CLOSED after `close()`
   */
  handle<Queries extends SubscribeRequest<unknown> | ContractBase<"queries">>(
    queries: Queries,
    handler: (query: QueryFor<Queries>) => AnswerTo<Queries> | Promise<AnswerTo<Queries>>,
    options?: HandlerOptions<QueryFor<Queries>> & ResponderOptions,
  ): Service;
}

/** The calls of queries with and without contracts. */
export type QueryOverloads = Overloads<QueryContractCalls, QueryCalls, "send"> & CheckedHandle;

/** Queries: ask for data, and receive a response. */
export interface QueriesClient extends QueryOverloads {}
