import type { Codec } from "./codec.js";
import type { ChannelFilter } from "./events.js";
import { encodeBody } from "./internal/check.js";
import type { Connection } from "./internal/connection.js";
import { handleRequests } from "./internal/handle.js";
import { ReceivedRequest, type ResponsePath } from "./internal/request.js";
import { openRequests, requestSource } from "./internal/request-stream.js";
import type { RequestParts, ResponseParts } from "./internal/wire-requests.js";
import { IncomingMessage, type CallOptions, type HandlerOptions, type Incoming, type Payload } from "./message.js";
import {
  ask,
  checkReply,
  prepareRequest,
  reasonOf,
  responseInfo,
  type IncomingRequest,
  type OutgoingRequest,
  type Reply,
  type RequestOptions,
  type RequestStreamOptions,
  type ResponseInfo,
} from "./requests.js";
import type { Subscription } from "./subscription.js";

/** A query to send. */
export type OutgoingQuery<T = unknown, R = Uint8Array> = OutgoingRequest<T> & {
  /**
   * Lets the server answer from its cache, and keep a new answer for `ttlSeconds` under `key`. Open-source servers check it
   * and have no cache.
   */
  cache?: { key: string; ttlSeconds: number };
  /** Decodes the `value` of the answer. Default: none, the value is the body. */
  responseCodec?: Codec<R>;
};

/** The answer to a query. Its `value` is decoded on first read, and throws `DECODE_FAILED` in your frame. */
export interface QueryAnswer<T = Uint8Array> extends Incoming<T>, ResponseInfo {
  readonly tags: Readonly<Record<string, string>>;
  /** The responder answered; the other outcome has `false` and an `error`. */
  readonly executed: true;
  /** True when the server answered from its cache. */
  readonly cacheHit: boolean;
}

/** What became of a query. That it was not carried out is an answer, not an exception. */
export type QueryResult<T = Uint8Array> =
  | QueryAnswer<T>
  | (ResponseInfo & {
      readonly executed: false;
      /** Why not, in the responder's words. */
      readonly error: string;
    });

/** A query as a responder gets it. Answer it once, with `respond` or `fail`. */
export interface QueryRequest<T = Uint8Array> extends IncomingRequest<T> {
  /** The key under which the server will keep the answer, if the asker gave one. */
  readonly cacheKey?: string;
  /**
   * Answers with a body, which may be empty. Rejects with `ALREADY_RESPONDED` when the request was answered before, with
   * `TIMEOUT` when the asker's time-out has passed, and with `UNAVAILABLE` when the server cannot be reached: then, and after
   * `ENCODE_FAILED` or a bad argument, the request is still open, and may be answered again (the server keeps the first answer and
   * drops others).
   */
  respond<R>(reply: Reply & Payload<R>, options?: CallOptions): Promise<void>;
}

/** Queries: ask for something, and get it. */
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
   * Calls `handler` for every query of a channel and answers with what it returns, encoded by `responseCodec`; when it throws, the
   * asker gets the error's message. Resolves when its signal aborts, or the client closes, and the running handlers have finished.
   * Responses that could not be sent are reported as `response-failed` in the client's status.
   */
  handle<T = Uint8Array, R = unknown>(
    filter: ChannelFilter<T> & { responseCodec: Codec<R> },
    handler: (query: QueryRequest<T>) => R | Promise<R>,
    options?: HandlerOptions,
  ): Promise<void>;
  /** Calls `handler` for every query of a channel and answers with the bytes or the text it returns. */
  handle<T = Uint8Array>(
    filter: ChannelFilter<T> & { responseCodec?: undefined },
    handler: (query: QueryRequest<T>) => Uint8Array | string | Promise<Uint8Array | string>,
    options?: HandlerOptions,
  ): Promise<void>;
}

/** @internal */
export function createQueriesClient(connection: Connection): QueriesClient {
  return {
    async send<T, R = Uint8Array>(query: OutgoingQuery<T, R>, options?: RequestOptions): Promise<QueryResult<R>> {
      const request = prepareRequest(connection, "queries", query, options, query.cache);
      const subject = { operation: "queries.send", channel: query.channel };
      const response = await ask(connection, subject, request, options?.signal);
      if (!response.executed) return { executed: false, error: reasonOf(response), ...responseInfo(response) };
      return new ReceivedAnswer(request.id, query.channel, response, query.responseCodec);
    },

    subscribe: (filter, options) =>
      openRequests(connection, requestSource("queries", "subscribe", filter, ReceivedQuery), options),

    handle<T, R>(
      filter: ChannelFilter<T> & { responseCodec?: Codec<R> | undefined },
      handler: (query: QueryRequest<T>) => R | Promise<R>,
      options?: HandlerOptions,
    ) {
      const codec = filter.responseCodec;
      return handleRequests(
        connection,
        requestSource("queries", "handle", filter, ReceivedQuery),
        async (query) => {
          const body = await handler(query);
          // Without a codec the types allow bytes and text only; what comes nevertheless is refused when it is encoded.
          return () => query.respond(codec === undefined ? { body: body as Uint8Array } : { body, codec });
        },
        options,
      );
    },
  };
}

class ReceivedQuery<T> extends ReceivedRequest<T> implements QueryRequest<T> {
  readonly cacheKey?: string;

  constructor(parts: RequestParts, codec: Codec<T> | undefined, path: ResponsePath) {
    super(parts, codec, path);
    if (parts.cacheKey !== undefined) this.cacheKey = parts.cacheKey;
  }

  respond<R>(reply: Reply & Payload<R>, options?: CallOptions): Promise<void> {
    const subject = { operation: "queries.respond", channel: this.channel };
    const outcome = () => {
      checkReply(subject, reply);
      const { metadata, tags, span } = reply;
      const body = encodeBody(subject.operation, { ...reply, channel: this.channel });
      return { metadata, tags, span, body };
    };
    return this.answer("respond", outcome, options);
  }

  override toJSON(): Record<string, unknown> {
    return { ...super.toJSON(), cacheKey: this.cacheKey };
  }
}

class ReceivedAnswer<T> extends IncomingMessage<T> implements QueryAnswer<T> {
  readonly executed = true;
  readonly cacheHit: boolean;
  readonly timestamp: Date;
  readonly clientId: string;
  readonly span?: Uint8Array;

  constructor(id: string, channel: string, response: ResponseParts, codec: Codec<T> | undefined) {
    super({ id, channel, metadata: response.metadata, tags: response.tags, body: response.body }, codec);
    this.cacheHit = response.cacheHit;
    this.timestamp = response.timestamp;
    this.clientId = response.clientId;
    if (response.span !== undefined) this.span = response.span;
  }

  override toJSON(): Record<string, unknown> {
    const { executed, cacheHit, clientId } = this;
    return { ...super.toJSON(), executed, cacheHit, clientId, timestamp: this.timestamp.toISOString() };
  }
}
