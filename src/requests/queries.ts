import type { Decoder, Encoder } from "../api/codec.js";
import type { CallOptions, HandlerOptions, Payload } from "../api/message.js";
import type {
  IncomingQuery,
  OutgoingQuery,
  QueriesClient,
  QueryOutcome,
  QueryReply,
  QueryResponse,
  QueryResult,
} from "../api/requests/queries.js";
import type { RequestOptions } from "../api/requests/request.js";
import type { Reply } from "../api/requests/response.js";
import type { SubscribeRequest } from "../api/subscription.js";
import type { Connection } from "../connection/connection.js";
import { checkBytes, checkHandler, isForeignBytes, kind, refuse } from "../support/checks.js";
import { IncomingMessage } from "../support/message/incoming-message.js";
import { checkReplyNames } from "../support/names/message.js";
import { completed, encodeBody } from "../support/message/payload.js";
import { askAgain, checkNoFailure, prepareRequest, REPLY_PLACES, reasonOf, responseInfo } from "./ask.js";
import { handleRequests } from "./handle.js";
import { ReceivedRequest, type ResponsePath } from "./received-request.js";
import { openRequests, requestSource } from "./subscribe.js";
import type { RequestParts, ResponseParts } from "./wire.js";

/** @internal */
export function createQueriesClient(connection: Connection): QueriesClient {
  return {
    async send<T, R = Uint8Array>(query: OutgoingQuery<T, R>, options?: RequestOptions): Promise<QueryResult<R>> {
      const request = prepareRequest(connection, "queries", query, options, query.cache);
      const subject = { operation: "queries.send", channel: query.channel };
      const response = await askAgain(connection, subject, request, options);
      if (!response.executed) return { ok: false, error: reasonOf(response), ...responseInfo(response) };
      return new ReceivedAnswer(request.id, query.channel, response, query.responseCodec);
    },

    subscribe: (filter, options) =>
      openRequests(connection, requestSource("queries", "subscribe", filter, ReceivedQuery), options),

    handle<T, R>(
      filter: SubscribeRequest<T> & { responseCodec?: Encoder<R> | undefined },
      handler: (query: IncomingQuery<T>) => R | Promise<R>,
      options?: HandlerOptions<IncomingQuery<T>>,
    ) {
      checkHandler({ operation: "queries.handle", channel: filter.channel }, handler);
      const codec = filter.responseCodec;
      return handleRequests(
        connection,
        requestSource("queries", "handle", filter, ReceivedQuery),
        async (query) => {
          const outcome = await handler(query);
          // promise: handler-codec-answers
          if (codec !== undefined) return () => query.respond({ body: outcome, codec });
          return () => query.reply(outcome as QueryOutcome);
        },
        options,
      );
    },
  };
}

class ReceivedQuery<T> extends ReceivedRequest<T> implements IncomingQuery<T> {
  readonly cacheKey?: string;

  constructor(parts: RequestParts, codec: Decoder<T> | undefined, path: ResponsePath) {
    super(parts, codec, path);
    if (parts.cacheKey !== undefined) this.cacheKey = parts.cacheKey;
  }

  respond<R>(reply: Reply & Payload<R>, options?: CallOptions): Promise<void> {
    const subject = { operation: "queries.respond", channel: this.channel };
    const outcome = () => {
      checkNoFailure(subject, reply);
      checkReplyNames(subject, reply, ["body", "codec", "metadata", "tags", "span"], REPLY_PLACES);
      checkBytes(subject, "span", reply.span);
      const { metadata, tags, ...complete } = completed(subject.operation, { ...reply, channel: this.channel });
      return { metadata, tags, span: reply.span, body: encodeBody(subject.operation, complete) };
    };
    return this.answer("respond", outcome, options);
  }

  /**
   * Sends the value that a handler without a codec returned. Encoding rejects a value that the
   * types do not allow.
   */
  reply(outcome: QueryOutcome): Promise<void> {
    if (!isReply(outcome)) {
      if (typeof outcome === "string" || isForeignBytes(outcome)) return this.respond({ body: outcome });
      const form = "a string, a Uint8Array or { body }, or have a responseCodec such as json()";
      const subject = { operation: "queries.handle", channel: this.channel };
      return Promise.reject(refuse(subject, `the handler must return ${form}, returned ${kind(outcome)}`));
    }
    // promise: whole-reply-can-fail
    const { error, ...reply } = outcome;
    return error === undefined ? this.respond(reply as Reply & Payload<unknown>) : this.fail(error, reply);
  }

  override toJSON(): Record<string, unknown> {
    return { ...super.toJSON(), cacheKey: this.cacheKey };
  }

  protected override get shownType(): string {
    return "IncomingQuery";
  }

  protected override shownProperties(): Record<string, unknown> {
    return { ...super.shownProperties(), cacheKey: this.cacheKey };
  }
}

function isReply(outcome: QueryOutcome): outcome is QueryReply {
  return typeof outcome === "object" && outcome !== null && ("body" in outcome || "error" in outcome);
}

class ReceivedAnswer<T> extends IncomingMessage<T> implements QueryResponse<T> {
  readonly ok = true;
  readonly cacheHit: boolean;
  readonly timestamp: Date;
  readonly clientId: string;
  readonly span?: Uint8Array;

  constructor(id: string, channel: string, response: ResponseParts, codec: Decoder<T> | undefined) {
    const { metadata, tags, body, hasInvalidText } = response;
    super({ id, channel, metadata, tags, body, hasInvalidText }, codec);
    this.cacheHit = response.cacheHit;
    this.timestamp = response.timestamp;
    this.clientId = response.clientId;
    if (response.span !== undefined) this.span = response.span;
  }

  override toJSON(): Record<string, unknown> {
    const { ok, cacheHit, clientId } = this;
    return { ...super.toJSON(), ok, cacheHit, clientId, timestamp: this.timestamp.toISOString() };
  }

  protected override get shownType(): string {
    return "QueryResponse";
  }

  protected override shownProperties(): Record<string, unknown> {
    const { ok, cacheHit, clientId, timestamp } = this;
    return { ok, cacheHit, clientId, timestamp };
  }
}
