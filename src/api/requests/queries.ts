import type { Decoder, Encoder } from "../codec.js";
import type { CallOptions, HandlerOptions, Incoming, Payload } from "../message.js";
import type { SentAs } from "../sent-as.js";
import type { Service, SubscribeRequest, Subscription } from "../subscription.js";
import type { IncomingRequest, OutgoingRequest, RequestOptions, RequestStreamOptions } from "./request.js";
import type { FailedResponse, FailureReply, Reply, ResponseInfo } from "./response.js";

/** Where the server caches the response to a query. */
export interface QueryCache {
  /** The key: queries with the same key share a response. */
  readonly key: string;
  /** How long a response is kept, in seconds: a whole number from 1. */
  readonly ttlSeconds: number;
}

/** A query to send. */
export type OutgoingQuery<T = unknown, R = Uint8Array> = OutgoingRequest<T> &
  SentAs<"queries"> & {
    /** Lets the server answer from its cache. Open-source servers validate it but have no cache. */
    readonly cache?: QueryCache | undefined;
    /** Decodes the `value` of the response. Default: none, the value is the body. */
    readonly responseCodec?: Decoder<R> | undefined;
  };

/** The response to a query. The first access to its `value` may throw `DECODE_FAILED`. */
export interface QueryResponse<T = Uint8Array> extends Incoming<T>, ResponseInfo {
  readonly tags: Readonly<Record<string, string>>;
  /** The responder answered; a {@link FailedResponse} has `false`. */
  readonly ok: true;
  /** True when the server answered from its cache. */
  readonly cacheHit: boolean;
}

/** The outcome of a query. A query that failed is a result, not an exception. */
export type QueryResult<T = Uint8Array> = QueryResponse<T> | FailedResponse;

/** A query as a responder receives it. Respond once, with `respond` or `fail`. */
export interface IncomingQuery<T = Uint8Array> extends IncomingRequest<T> {
  /** The key under which the server will cache the response, if the requester gave one. */
  readonly cacheKey?: string;
  /**
   * Answers with a body, which may be empty. When encoding or sending fails, the request stays open
   * and can be answered again: the server keeps the first answer and drops others.
   *
   * @throws {KubeMQError} ALREADY_RESPONDED when the request was answered before
   * @throws {KubeMQError} TIMEOUT when the requester's timeout has passed
   * @throws {KubeMQError} UNAVAILABLE when the server cannot be reached
   * @throws {KubeMQError} ENCODE_FAILED when the codec cannot encode the body
   */
  respond<R>(reply: Reply & Payload<R>, options?: CallOptions): Promise<void>;
}

/** Selects the queries of a service, and encodes the values that its handler returns. */
export interface HandleQueryRequest<T = Uint8Array, R = unknown> extends SubscribeRequest<T> {
  /** Encodes what the handler returns. */
  readonly responseCodec: Encoder<R>;
}

/** Queries: ask for data, and receive a response. */
export interface QueriesClient {
  /**
   * Sends a query and waits for its answer. The client does not send a query again without
   * `resend`.
   *
   * @throws {KubeMQError} TIMEOUT when no responder answers within `timeoutMs`
   * @throws {KubeMQError} UNAVAILABLE when the connection is lost meanwhile
   * @throws {KubeMQError} INVALID_ARGUMENT or ENCODE_FAILED when the query is refused before it is
   *   sent; CLIENT_CLOSED after `close()`
   * @example
   * ```ts
   * const answer = await client.queries.send({ channel: "prices", body: "apples" });
   * if (answer.ok) console.log(answer.text());
   * ```
   */
  send<T, R = Uint8Array>(query: OutgoingQuery<T, R>, options?: RequestOptions): Promise<QueryResult<R>>;
  /**
   * Subscribes to the queries of a channel. Every responder without a group receives every query,
   * and the first answer wins. One member of each group receives a query. At most 256 queries wait
   * for the loop. A query whose timeout passes while it waits is not delivered.
   *
   * A `break` and `close()` do not wait for the server, which may send one more query to the
   * subscription: its requester gets no answer before its timeout. The `close()` of a service of
   * `handle` waits, so that the next query goes to another responder.
   *
   * @throws {KubeMQError} INVALID_ARGUMENT for an invalid argument; CLIENT_CLOSED after `close()`
   * @example
   * ```ts
   * for await (const query of client.queries.subscribe({ channel: "prices" })) {
   *   await query.respond({ body: "1.20" });
   * }
   * ```
   */
  subscribe<T = Uint8Array>(
    filter: SubscribeRequest<T>,
    options?: RequestStreamOptions,
  ): Subscription<IncomingQuery<T>>;
  /**
   * Calls `handler` for every query of a channel and responds with its return value, encoded by
   * `responseCodec`. When it throws, the requester receives the error's message, and `onError` and
   * the status (`handler-failed`) receive the error. The status reports a response that could not
   * be sent as `response-failed`.
   *
   * @example
   * ```ts
   * await using service = client.queries.handle({ channel: "prices" }, (query) => priceOf(query.text()));
   * await service.ready;
   * ```
   * @throws {KubeMQError} INVALID_ARGUMENT for an invalid argument; CLIENT_CLOSED after `close()`
   */
  handle<T = Uint8Array, R = unknown>(
    filter: HandleQueryRequest<T, R>,
    handler: (query: IncomingQuery<T>) => R | Promise<R>,
    options?: HandlerOptions<IncomingQuery<T>>,
  ): Service;
  /**
   * Calls `handler` for every query of a channel and responds with the bytes, the string or the
   * {@link QueryReply} that it returns.
   *
   * @throws {KubeMQError} INVALID_ARGUMENT for an invalid argument; CLIENT_CLOSED after `close()`
   */
  handle<T = Uint8Array>(
    filter: SubscribeRequest<T> & { readonly responseCodec?: undefined },
    handler: (query: IncomingQuery<T>) => QueryOutcome | Promise<QueryOutcome>,
    options?: HandlerOptions<IncomingQuery<T>>,
  ): Service;
}

/** A whole response to a query: a body, or the reason why the query was not carried out. */
export type QueryReply =
  | (Reply & { readonly body: Uint8Array | string; readonly error?: undefined })
  | (FailureReply & { readonly body?: undefined; readonly error: string });

/** What a query handler without `responseCodec` returns. */
export type QueryOutcome = Uint8Array | string | QueryReply;
