import type { Decoder, Encoder } from "./codec.js";
import type {
  CallOptions,
  HandlerOptions,
  Incoming,
  OutgoingMessage,
  Payload,
  SendOptions,
  StreamOptions,
} from "./message.js";
import type { SentAs } from "./sent-as.js";
import type { SubscribeRequest, Service, Subscription } from "./subscription.js";

/** The response to a command that was carried out. */
export interface CommandResponse extends ResponseInfo {
  /** The responder carried out the command; a {@link FailedResponse} has `false`. */
  readonly ok: true;
}

/** The response to a request that was not carried out. */
export interface FailedResponse extends ResponseInfo {
  /** The responder failed the request. */
  readonly ok: false;
  /** The reason, in the responder's words. */
  readonly error: string;
}

/** The outcome of a command. A command that was not carried out is a result, not an exception. */
export type CommandResult = CommandResponse | FailedResponse;

/** A command as a responder receives it. Respond once, with `respond` or `fail`. */
export interface IncomingCommand<T = Uint8Array> extends IncomingRequest<T> {
  /**
   * Reports that the command was carried out. A response to a command has no body. When sending
   * fails, the request stays open and can be answered again: the server keeps the first answer and
   * drops others.
   *
   * @throws {KubeMQError} ALREADY_RESPONDED when the request was answered before
   * @throws {KubeMQError} TIMEOUT when the requester's timeout has passed
   * @throws {KubeMQError} UNAVAILABLE when the server cannot be reached
   */
  respond(reply?: Reply, options?: CallOptions): Promise<void>;
}

/** Commands: ask a responder to do something, and learn whether it was done. */
export interface CommandsClient {
  /**
   * Sends a command and waits for the answer of a responder: `ok` is true when the responder
   * carried out the command. The client does not send a command again without `resend`.
   *
   * @throws {KubeMQError} TIMEOUT when no responder answers within `timeoutMs`; the command may
   *   have been carried out
   * @throws {KubeMQError} UNAVAILABLE when the connection is lost meanwhile; the command may have
   *   been carried out
   * @throws {KubeMQError} INVALID_ARGUMENT or ENCODE_FAILED when the command is refused before it
   *   is sent; CLIENT_CLOSED after `close()`
   * @example
   * ```ts
   * const result = await client.commands.send({ channel: "doors", body: "open 7" }, { timeoutMs: 5_000 });
   * if (!result.ok) console.log(result.error);
   * ```
   */
  send<T>(command: OutgoingCommand<T>, options?: RequestOptions): Promise<CommandResult>;
  /**
   * Subscribes to the commands of a channel. Every responder without a group receives every
   * command, and the first answer wins. One member of each group receives a command. At most 256
   * commands wait for the loop. A command whose timeout passes while it waits is not delivered.
   *
   * A `break` and `close()` do not wait for the server, which may send one more command to the
   * subscription: its requester gets no answer before its timeout. The `close()` of a service of
   * `handle` waits, so that the next command goes to another responder.
   *
   * @throws {KubeMQError} INVALID_ARGUMENT for an invalid argument; CLIENT_CLOSED after `close()`
   * @example
   * ```ts
   * for await (const command of client.commands.subscribe({ channel: "doors" })) {
   *   await command.fail("the door is locked");
   * }
   * ```
   */
  subscribe<T = Uint8Array>(
    filter: SubscribeRequest<T>,
    options?: RequestStreamOptions,
  ): Subscription<IncomingCommand<T>>;
  /**
   * Calls `handler` for every command of a channel and responds with its outcome: the command was
   * carried out when the handler returns. When it throws, the requester receives the error's message, and
   * `onError` and the status (`handler-failed`) receive the error. The status reports a response that
   * could not be sent as `response-failed`.
   *
   * @example
   * ```ts
   * await using service = client.commands.handle({ channel: "doors" }, async (command) => {
   *   await openDoor(command.text());
   * });
   * await service.ready;
   * ```
   * @throws {KubeMQError} INVALID_ARGUMENT for an invalid argument; CLIENT_CLOSED after `close()`
   */
  handle<T = Uint8Array>(
    filter: SubscribeRequest<T>,
    handler: (command: IncomingCommand<T>) => void | Reply | Promise<void | Reply>,
    options?: HandlerOptions<IncomingCommand<T>>,
  ): Service;
}

/** Where the server caches the response to a query. */
export interface QueryCache {
  /** The key: queries with the same key share a response. */
  readonly key: string;
  /** How long a response is kept, in seconds: a whole number from 1. */
  readonly ttlSeconds: number;
}

/** A command to send. */
export type OutgoingCommand<T = unknown> = OutgoingRequest<T> & SentAs<"commands">;

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
   * `responseCodec`. When it throws, the requester receives the error's message, and `onError` and the
   * status (`handler-failed`) receive the error. The status reports a response that could not be sent
   * as `response-failed`.
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

/** Options of a command or a query. */
export interface RequestOptions extends SendOptions {
  /**
   * How long the server waits for a response, in milliseconds: a whole number up to 2147483647.
   * After that the call rejects with `TIMEOUT`: no responder is subscribed to the channel, or none
   * answered in time. Default: the client's `timeoutMs`.
   */
  readonly timeoutMs?: number | undefined;
}

/** A command or a query to send. */
export type OutgoingRequest<T = unknown> = OutgoingMessage<T> & {
  /** Opaque bytes for tracing, delivered to the responder unchanged. */
  readonly span?: Uint8Array | undefined;
};

/** The optional parts of a response. */
export interface Reply {
  /** A free string. Requesters of queries receive it; servers strip it from responses to commands. */
  readonly metadata?: string | undefined;
  /** Key-value pairs for the application. */
  readonly tags?: Readonly<Record<string, string>> | undefined;
  /** Opaque bytes for tracing, delivered to the requester unchanged. */
  readonly span?: Uint8Array | undefined;
}

/** The optional parts of a response that says that a request was not carried out. */
export type FailureReply = Omit<Reply, "metadata">;

/** A whole response to a query: a body, or the reason why the query was not carried out. */
export type QueryReply =
  | (Reply & { readonly body: Uint8Array | string; readonly error?: undefined })
  | (FailureReply & { readonly body?: undefined; readonly error: string });

/** What a query handler without `responseCodec` returns. */
export type QueryOutcome = Uint8Array | string | QueryReply;

/** What happens to a request that a loop leaves without a response. */
export type Unanswered = "fail" | "leave";

/** Options of a subscription to commands or queries. */
export interface RequestStreamOptions extends StreamOptions {
  /**
   * How to treat received requests without an answer when the subscription ends: the request in
   * whose body the loop was left by `break`, `return` or `throw`, and the requests that waited for
   * the loop. `"fail"` fails them at once with an explanation, so that their requesters do not wait for
   * their timeouts. Use `"leave"` to answer a request after leaving the loop. Use it also when
   * several responders without a group receive the same requests, because the first answer wins,
   * even a failure.
   * @default "fail"
   */
  readonly unanswered?: Unanswered | undefined;
}

/** The common properties of received commands and queries. */
export interface IncomingRequest<T = Uint8Array> extends Incoming<T> {
  /** The requester's `clientId`. */
  readonly clientId: string;
  /** How long the requester waits, in milliseconds from the time of its request. */
  readonly timeoutMs: number;
  /**
   * How long the requester still waits, in milliseconds from the arrival of the request. It is 0 or
   * less when its time-out has passed.
   */
  readonly remainingMs: number;
  /** The requester's tracing bytes, if it sent any. */
  readonly span?: Uint8Array;
  /**
   * Aborts when an answer has become useless; its reason is the error with which `respond` would
   * reject. It aborts when the requester's timeout has passed, counted from the arrival of the request
   * (`TIMEOUT`). It aborts when the request was failed because its loop was left or its handler was
   * given up (`ALREADY_RESPONDED`). It does not abort when the connection is lost or the
   * subscription is stopped: the requester still waits, and the response uses the next connection.
   * Servers do not report that a requester has gone.
   */
  readonly signal: AbortSignal;
  /**
   * Reports that the request was not carried out, and the reason. `reply` has tags for the requester
   * besides the options of the call.
   *
   * @throws {KubeMQError} ALREADY_RESPONDED when the request was answered before
   * @throws {KubeMQError} TIMEOUT when the requester's timeout has passed
   * @throws {KubeMQError} UNAVAILABLE when the server cannot be reached
   */
  fail(error: string | Error, reply?: FailureReply & CallOptions): Promise<void>;
}

/** The properties of a response, whatever its outcome. */
export interface ResponseInfo {
  /** When the responder answered, by its clock, or else when its response arrived. */
  readonly timestamp: Date;
  /** The responder's key-value pairs. */
  readonly tags: Readonly<Record<string, string>>;
  /** The responder's `clientId`. */
  readonly clientId: string;
  /** The responder's tracing bytes, if it sent any. */
  readonly span?: Uint8Array;
}
