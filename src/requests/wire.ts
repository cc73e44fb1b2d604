import { create, type MessageShape, toBinary } from "@bufbuild/protobuf";
import {
  kubemq,
  type Request,
  Request_RequestType,
  RequestSchema,
  type Response,
  ResponseSchema,
  type Subscribe,
  Subscribe_SubscribeType,
  SubscribeSchema,
} from "../../gen/kubemq_pb.js";
import type { Outgoing } from "../api/message.js";
import type { IncomingParts } from "../support/message/incoming-message.js";
import { tagsOf, tagsSize } from "../support/message/tags.js";
import { hasInvalidText } from "../transport/index.js";

/** Requests and responses: protobuf to plain parts and back. */

export const sendRequestMethod = kubemq.method.sendRequest;

export const sendResponseMethod = kubemq.method.sendResponse;

export const subscribeToRequestsMethod = kubemq.method.subscribeToRequests;

export type { Request as WireRequest, Response as WireResponse, Subscribe as WireSubscribe };

export type RequestKind = "commands" | "queries";

/** What a request has beside its message. */
export interface RequestExtras {
  readonly timeoutMs: number;
  readonly span?: Uint8Array | undefined;
  readonly cache?: { readonly key: string; readonly ttlSeconds: number } | undefined;
}

/** A request as a responder gets it. */
export interface RequestParts extends IncomingParts {
  readonly clientId: string;
  readonly timeoutMs: number;
  readonly span: Uint8Array | undefined;
  readonly cacheKey: string | undefined;
  /** Where its response goes: an address that the server made for this one request. */
  readonly replyTo: string;
}

/** What a responder makes of a request. */
export interface Outcome {
  /** Why the request was not carried out; undefined when it was. */
  readonly error?: string;
  readonly body?: Uint8Array;
  readonly metadata?: string | undefined;
  readonly tags?: Readonly<Record<string, string>> | undefined;
  readonly span?: Uint8Array | undefined;
}

/** A response as its asker gets it. */
export interface ResponseParts {
  readonly executed: boolean;
  readonly error: string;
  readonly clientId: string;
  readonly timestamp: Date;
  readonly metadata: string;
  readonly tags: Readonly<Record<string, string>>;
  readonly span: Uint8Array | undefined;
  readonly body: Uint8Array;
  readonly hasInvalidText: boolean;
  readonly cacheHit: boolean;
}

export function requestOf(
  kind: RequestKind,
  clientId: string,
  message: Outgoing & { readonly id: string },
  body: Uint8Array,
  { timeoutMs, span, cache }: RequestExtras,
): Request {
  return create(RequestSchema, {
    RequestID: message.id,
    RequestTypeData: kind === "commands" ? Request_RequestType.Command : Request_RequestType.Query,
    ClientID: clientId,
    Channel: message.channel,
    Metadata: message.metadata ?? "",
    Body: body,
    Timeout: timeoutMs,
    Tags: tagsOf(message.tags),
    ...(span === undefined ? {} : { Span: span }),
    ...(cache === undefined ? {} : { CacheKey: cache.key, CacheTTL: cache.ttlSeconds }),
  });
}

export function requestsSubscription(kind: RequestKind, clientId: string, channel: string, group: string): Subscribe {
  return create(SubscribeSchema, {
    SubscribeTypeData: kind === "commands" ? Subscribe_SubscribeType.Commands : Subscribe_SubscribeType.Queries,
    ClientID: clientId,
    Channel: channel,
    Group: group,
  });
}

export function requestParts(wire: Request): RequestParts {
  return {
    id: wire.RequestID,
    channel: wire.Channel,
    metadata: wire.Metadata,
    tags: wire.Tags,
    body: wire.Body,
    hasInvalidText: hasInvalidText(wire),
    clientId: wire.ClientID,
    timeoutMs: wire.Timeout,
    span: present(wire.Span),
    cacheKey: wire.CacheKey === "" ? undefined : wire.CacheKey,
    replyTo: wire.ReplyChannel,
  };
}

export function responseOf(clientId: string, request: RequestParts, outcome: Outcome): Response {
  const { error, body, metadata, tags, span } = outcome;
  return create(ResponseSchema, {
    ClientID: clientId,
    RequestID: request.id,
    ReplyChannel: request.replyTo,
    Timestamp: BigInt(Date.now()) * 1_000_000n,
    Executed: error === undefined,
    Error: error ?? "",
    Metadata: metadata ?? "",
    Tags: tagsOf(tags),
    ...(body === undefined ? {} : { Body: body }),
    ...(span === undefined ? {} : { Span: span }),
  });
}

export function responseParts(wire: Response, receivedAt: Date): ResponseParts {
  return {
    executed: wire.Executed,
    error: wire.Error,
    clientId: wire.ClientID,
    timestamp: dateOf(wire.Timestamp) ?? receivedAt,
    metadata: wire.Metadata,
    tags: wire.Tags,
    span: present(wire.Span),
    body: wire.Body,
    hasInvalidText: hasInvalidText(wire),
    cacheHit: wire.CacheHit,
  };
}

/**
 * A time whose unit its sender chose: responders write nanoseconds (Go, Python, Java, this library) or milliseconds (kubemq-js), and
 * servers list channels in milliseconds or seconds. No two units share a magnitude between 1973 and 5138. Undefined for 0: not set.
 */
export function dateOf(timestamp: bigint): Date | undefined {
  if (timestamp <= 0n) return undefined;
  if (timestamp < 100_000_000_000n) return new Date(Number(timestamp) * 1000);
  if (timestamp < 100_000_000_000_000n) return new Date(Number(timestamp));
  if (timestamp < 100_000_000_000_000_000n) return new Date(Number(timestamp / 1000n));
  return new Date(Number(timestamp / 1_000_000n));
}

/** About how many bytes a request or a response takes, not less. */
export function estimatedSize(message: Request | Response): number {
  let size = message.Body.length + message.Span.length + 3 * (message.Metadata.length + message.ClientID.length) + 1024;
  if (message.$typeName === "kubemq.Response") size += 3 * (message.Error.length + message.ReplyChannel.length);
  else size += 3 * (message.Channel.length + message.RequestID.length + message.CacheKey.length);
  return size + tagsSize(message.Tags);
}

export function exactSize(message: MessageShape<typeof RequestSchema> | MessageShape<typeof ResponseSchema>): number {
  return message.$typeName === "kubemq.Response"
    ? toBinary(ResponseSchema, message).length
    : toBinary(RequestSchema, message).length;
}

function present(bytes: Uint8Array): Uint8Array | undefined {
  return bytes.length === 0 ? undefined : bytes;
}
