import type { MessageShape } from "@bufbuild/protobuf";
import {
  create,
  kubemq,
  type Request,
  Request_RequestType,
  RequestSchema,
  type Response,
  ResponseSchema,
  type Subscribe,
  Subscribe_SubscribeType,
  SubscribeSchema,
} from "../../gen/kubemq_lazy.js";
import type { Outgoing } from "../api/message.js";
import type { IncomingParts } from "../support/message/incoming-message.js";
import { tagsOf, tagsSize } from "../support/message/tags.js";
import { encodedSize, hasInvalidText } from "../transport/index.js";

/** Converts requests and responses between protobuf and plain objects. */

export const sendRequestMethod = kubemq.method.sendRequest;

export const sendResponseMethod = kubemq.method.sendResponse;

export const subscribeToRequestsMethod = kubemq.method.subscribeToRequests;

export type { Request as WireRequest, Subscribe as WireSubscribe };

export type RequestKind = "commands" | "queries";

/** The fields of a request besides its message. */
export interface RequestExtras {
  readonly timeoutMs: number;
  readonly span?: Uint8Array | undefined;
  readonly cache?: { readonly key: string; readonly ttlSeconds: number } | undefined;
}

/** A request as a responder receives it. */
export interface RequestParts extends IncomingParts {
  readonly clientId: string;
  readonly timeoutMs: number;
  readonly span: Uint8Array | undefined;
  readonly cacheKey: string | undefined;
  /** The channel for the response, created by the server for this request only. */
  readonly replyTo: string;
}

/** A response as its responder sends it. */
export interface Outcome {
  /** The reason why the request was not executed; undefined after execution. */
  readonly error?: string;
  readonly body?: Uint8Array;
  readonly metadata?: string | undefined;
  readonly tags?: Readonly<Record<string, string>> | undefined;
  readonly span?: Uint8Array | undefined;
}

/** A response as the requester receives it. */
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
 * Converts a timestamp whose unit depends on its sender. Responders write nanoseconds (Go, Python,
 * Java, this library) or milliseconds (kubemq-js); servers list channels in milliseconds or
 * seconds. The magnitude identifies the unit for every time between 1973 and 5138. Returns
 * undefined for 0 (not set).
 */
export function dateOf(timestamp: bigint): Date | undefined {
  if (timestamp <= 0n) return undefined;
  if (timestamp < 100_000_000_000n) return new Date(Number(timestamp) * 1000);
  if (timestamp < 100_000_000_000_000n) return new Date(Number(timestamp));
  if (timestamp < 100_000_000_000_000_000n) return new Date(Number(timestamp / 1000n));
  return new Date(Number(timestamp / 1_000_000n));
}

/** Upper estimate of the encoded size of a request or a response, in bytes. */
export function estimatedSize(message: Request | Response): number {
  let size = message.Body.length + message.Span.length + 3 * (message.Metadata.length + message.ClientID.length) + 1024;
  if (message.$typeName === "kubemq.Response") size += 3 * (message.Error.length + message.ReplyChannel.length);
  else size += 3 * (message.Channel.length + message.RequestID.length + message.CacheKey.length);
  return size + tagsSize(message.Tags);
}

export function exactSize(message: MessageShape<typeof RequestSchema> | MessageShape<typeof ResponseSchema>): number {
  return message.$typeName === "kubemq.Response"
    ? encodedSize(ResponseSchema, message)
    : encodedSize(RequestSchema, message);
}

function present(bytes: Uint8Array): Uint8Array | undefined {
  return bytes.length === 0 ? undefined : bytes;
}
