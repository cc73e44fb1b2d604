import type { Codec } from "./codec.js";
import type { CallOptions, HandlerOptions, Incoming, OutgoingMessage, Payload, StreamOptions } from "./message.js";
import type { ChannelFilter, Service, Subscription } from "./subscription.js";

/** The outcome of a command. A command that was not executed is a result, not an exception. */
export type CommandResult =
  | (ResponseInfo & { readonly executed: true })
  | (ResponseInfo & {
      readonly executed: false;
      /** The reason, in the responder's words. */
      readonly error: string;
    });

/** A command as a responder receives it. Respond once, with `respond` or `fail`. */
export interface CommandRequest<T = Uint8Array> extends IncomingRequest<T> {
  /**
   * Says that the command was carried out. A response to a command has no body. Rejects with `ALREADY_RESPONDED` when the
   * request was answered before, with `TIMEOUT` when the asker's time-out has passed, and with `UNAVAILABLE` when the server cannot be
   * reached: then, and after a bad argument, the request is still open, and may be answered again (the server keeps the first answer and
   * drops others).
   */
  respond(reply?: Reply, options?: CallOptions): Promise<void>;
}

/** Commands: ask a responder to do something, and learn whether it was done. */
export interface CommandsClient {
  /**
   * Sends a command and waits until a responder has answered: `executed` tells whether it carried the command out. Rejects with `TIMEOUT`
   * when nobody answers within `timeoutMs`, and with `UNAVAILABLE` when the connection is lost meanwhile; in both cases the command may
   * have been carried out. It is never sent again by itself.
   */
  send<T>(command: OutgoingRequest<T>, options?: RequestOptions): Promise<CommandResult>;
  /**
   * Subscribes to the commands of a channel. Every responder without a group gets every command, and the first answer wins; of a group one
   * member gets it. Commands whose askers have given up while they waited for the loop are not delivered; 256 wait at most.
   */
  subscribe<T = Uint8Array>(filter: ChannelFilter<T>, options?: RequestStreamOptions): Subscription<CommandRequest<T>>;
  /**
   * Calls `handler` for every command of a channel and responds with its outcome: the command was
   * carried out when the handler returns. When it throws, the asker receives the error's message, and
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
   * @throws {KubeMQError} `INVALID_ARGUMENT` for an invalid argument; `CLIENT_CLOSED` after `close()`
   */
  handle<T = Uint8Array>(
    filter: ChannelFilter<T>,
    handler: (command: CommandRequest<T>) => void | Reply | Promise<void | Reply>,
    options?: HandlerOptions<CommandRequest<T>>,
  ): Service;
}

/** A query to send. */
export type OutgoingQuery<T = unknown, R = Uint8Array> = OutgoingRequest<T> & {
  /**
   * Lets the server answer from its cache, and store a new response for `ttlSeconds` under `key`.
   * Open-source servers validate it but have no cache.
   */
  cache?: { key: string; ttlSeconds: number };
  /** Decodes the `value` of the response. Default: none, the value is the body. */
  responseCodec?: Codec<R>;
};

/**
 * The response to a query. Its `value` is decoded at the first access, which may throw
 * `DECODE_FAILED`.
 */
export interface QueryAnswer<T = Uint8Array> extends Incoming<T>, ResponseInfo {
  readonly tags: Readonly<Record<string, string>>;
  /** The responder answered; the other outcome has `false` and an `error`. */
  readonly executed: true;
  /** True when the server answered from its cache. */
  readonly cacheHit: boolean;
}

/** The outcome of a query. A query that was not executed is a result, not an exception. */
export type QueryResult<T = Uint8Array> =
  | QueryAnswer<T>
  | (ResponseInfo & {
      readonly executed: false;
      /** The reason, in the responder's words. */
      readonly error: string;
    });

/** A query as a responder receives it. Respond once, with `respond` or `fail`. */
export interface QueryRequest<T = Uint8Array> extends IncomingRequest<T> {
  /** The key under which the server will cache the response, if the asker gave one. */
  readonly cacheKey?: string;
  /**
   * Answers with a body, which may be empty. Rejects with `ALREADY_RESPONDED` when the request was answered before, with
   * `TIMEOUT` when the asker's time-out has passed, and with `UNAVAILABLE` when the server cannot be reached: then, and after
   * `ENCODE_FAILED` or a bad argument, the request is still open, and may be answered again (the server keeps the first answer and
   * drops others).
   */
  respond<R>(reply: Reply & Payload<R>, options?: CallOptions): Promise<void>;
}

/** Queries: ask for data, and receive a response. */
export interface QueriesClient {
  /**
   * Sends a query and waits for its answer. Rejects with `TIMEOUT` when nobody answers within `timeoutMs`, and with `UNAVAILABLE` when the
   * connection is lost meanwhile. It is never sent again by itself.
   */
  send<T, R = Uint8Array>(query: OutgoingQuery<T, R>, options?: RequestOptions): Promise<QueryResult<R>>;
  /**
   * Subscribes to the queries of a channel. Every responder without a group gets every query, and the first answer wins; of a group one
   * member gets it. Queries whose askers have given up while they waited for the loop are not delivered; 256 wait at most.
   */
  subscribe<T = Uint8Array>(filter: ChannelFilter<T>, options?: RequestStreamOptions): Subscription<QueryRequest<T>>;
  /**
   * Calls `handler` for every query of a channel and responds with its return value, encoded by
   * `responseCodec`. When it throws, the asker receives the error's message, and `onError` and the
   * status (`handler-failed`) receive the error. The status reports a response that could not be sent
   * as `response-failed`.
   *
   * @example
   * ```ts
   * await using service = client.queries.handle({ channel: "prices" }, (query) => price(query.text()));
   * await service.ready;
   * ```
   * @throws {KubeMQError} `INVALID_ARGUMENT` for an invalid argument; `CLIENT_CLOSED` after `close()`
   */
  handle<T = Uint8Array, R = unknown>(
    filter: ChannelFilter<T> & { responseCodec: Codec<R> },
    handler: (query: QueryRequest<T>) => R | Promise<R>,
    options?: HandlerOptions<QueryRequest<T>>,
  ): Service;
  /**
   * Calls `handler` for every query of a channel and responds with the bytes or the string that it
   * returns.
   */
  handle<T = Uint8Array>(
    filter: ChannelFilter<T> & { responseCodec?: undefined },
    handler: (query: QueryRequest<T>) => Uint8Array | string | Promise<Uint8Array | string>,
    options?: HandlerOptions<QueryRequest<T>>,
  ): Service;
}

/** Options of a command or a query. */
export interface RequestOptions extends CallOptions {
  /**
   * How long the server waits for a response, in milliseconds, a whole number up to 2147483647. Rejects with `TIMEOUT` after that: nobody
   * responds on the channel, or not in time. Default: the client's `timeoutMs`.
   */
  timeoutMs?: number;
}

/** A command or a query to send. */
export type OutgoingRequest<T = unknown> = OutgoingMessage<T> & {
  /** Opaque bytes for tracing, carried to the responder as they are. */
  span?: Uint8Array;
};

/** The optional parts of a response. */
export interface Reply {
  /** A free string. Askers of queries receive it; servers strip it from responses to commands. */
  metadata?: string;
  /** Key-value pairs for the application. */
  tags?: Record<string, string>;
  /** Opaque bytes for tracing, carried to the asker as they are. */
  span?: Uint8Array;
}

/** What happens to a request that a loop leaves without a response. */
export type Unanswered = "fail" | "leave";

/** Options of a subscription to commands or queries. */
export interface RequestStreamOptions extends StreamOptions {
  /**
   * What becomes of requests that the subscription has received and not answered when it ends: the one in whose body the loop was
   * left by `break`, `return` or `throw`, and those that waited for their turn. With `"fail"` they are failed at once with a text
   * that says so, and their askers need not wait out their time-outs. Use `"leave"` when you answer a request after
   * the loop was left, or when several responders without a group get the same requests: the first answer wins, a failure too.
   * @default "fail"
   */
  unanswered?: Unanswered;
}

/** The common properties of received commands and queries. */
export interface IncomingRequest<T = Uint8Array> extends Incoming<T> {
  /** The asker's `clientId`. */
  readonly clientId: string;
  /** How long the asker waits, in milliseconds from the time of its request. */
  readonly timeoutMs: number;
  /** The asker's tracing bytes, if it sent any. */
  readonly span?: Uint8Array;
  /**
   * Aborts when an answer is of no use any more; its reason is the error that `respond` would now reject with. So it is when
   * the asker's time-out has passed, counted from the arrival of the request (`TIMEOUT`), and when the request was failed because its loop
   * was left or its handler was given up (`ALREADY_RESPONDED`). It does not abort when the connection is lost, nor when the subscription
   * is stopped: the asker still waits, and the response goes over whatever connection there is. That an asker has gone away itself is
   * not told by the server.
   */
  readonly signal: AbortSignal;
  /** Reports that the request was not executed, and why. Rejects like `respond`. */
  fail(error: string | Error, options?: CallOptions): Promise<void>;
}

/** The properties of a response, whatever its outcome. */
export interface ResponseInfo {
  /**
   * When the responder answered, by its clock; if it does not say so, when its response arrived.
   */
  readonly timestamp: Date;
  /** The responder's key-value pairs. */
  readonly tags: Readonly<Record<string, string>>;
  /** The responder's `clientId`. */
  readonly clientId: string;
  /** The responder's tracing bytes, if it sent any. */
  readonly span?: Uint8Array;
}
