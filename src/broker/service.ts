import type { ContextKey, HandlerContext, ServiceImpl } from "@connectrpc/connect";
import { createContextKey } from "@connectrpc/connect";
import type { kubemq } from "../../gen/kubemq_pb.js";
import type { Clock } from "./clock.js";
import type { BrokerProfile } from "./profile.js";
import type { Quirks } from "./quirks.js";
import type { Reply } from "./grpc/reply.js";

/** What a handler may know about the call in addition to its request. @internal */
export type CallContext = Pick<HandlerContext, "signal" | "values">;

type Handler<Method> = Method extends (request: infer Req, context: HandlerContext) => infer Res
  ? (request: Req, context: CallContext) => Res
  : never;

type Service = ServiceImpl<typeof kubemq>;

/** Some of the fifteen RPCs. @internal */
export type Rpcs = { readonly [Name in keyof Service]?: Handler<Service[Name]> };

/** The common dependencies of all patterns. @internal */
export interface BrokerCore {
  readonly clock: Clock;
  readonly limits: BrokerLimits;
  /** A new id for a message without one. */
  readonly newId: () => string;
  readonly quirks: Readonly<Quirks>;
  readonly profile: BrokerProfile;
  /** Called for every accepted message, before its delivery. */
  readonly onMessage?: OnMessage | undefined;
  /** A random number from 0 up to, not including, 1, from the broker's seed. */
  readonly random: () => number;
}

/** The pattern of a channel. */
export type ChannelKind = "events" | "eventsStore" | "queues" | "commands" | "queries";

/** The content of a message from a client. */
export interface SeenMessage {
  readonly id: string;
  readonly metadata: string;
  readonly body: Uint8Array;
  readonly tags: Readonly<Record<string, string>>;
}

export type OnMessage = (kind: ChannelKind, channel: string, message: SeenMessage) => void;

/** The limits of stored data. */
export interface BrokerLimits {
  /** Messages per stored channel; beyond the limit the oldest are removed. Infinity: no limit. */
  readonly maxMessages: number;
  /** How long a stored message is kept, in milliseconds. Infinity: no limit. */
  readonly maxAgeMs: number;
  /** Maximum size of a message in either direction, in bytes. */
  readonly maxMessageBytes: number;
  /**
   * How long a subscription may be blocked before a message for it is dropped. Undefined: no limit.
   */
  readonly slowConsumerMs: number | undefined;
}

/** One pattern: its state and its RPCs. @internal */
export interface PatternService {
  readonly rpcs: Rpcs;
  /** Discards all data and cancels the timers. No RPC follows. */
  close(): void;
}

/** Traffic in one direction on a channel. */
export interface Traffic {
  messages: number;
  /** Bytes. */
  volume: number;
  waiting: number;
  expired: number;
  delayed: number;
  responses: number;
}

/** A channel in the list of channels. */
export interface ChannelActivity {
  readonly name: string;
  /** Nanoseconds since 1970; 0 before any activity. */
  readonly lastActivity: bigint;
  /** Messages that the channel keeps now; 0 for a pattern that keeps none. */
  readonly depth: number;
  readonly consumers: number;
  /** Whether a consumer is present, or holds messages. */
  readonly isActive: boolean;
  readonly incoming: Readonly<Traffic>;
  readonly outgoing: Readonly<Traffic>;
}

/** The channels of one pattern, for channel management and statistics. */
export interface PatternChannels {
  list(): Iterable<ChannelActivity>;
  /** Creates a channel. Has no effect on an existing one. */
  create(name: string): void;
  /** Deletes a channel and its content. Has no effect on a missing one. */
  delete(name: string): void;
  /** Retained messages by channel. Channels without messages are omitted. */
  messages(): Record<string, number>;
}

/** A pattern with channels of its own. @internal */
export interface ChannelService extends PatternService {
  readonly channels: PatternChannels;
}

export const noTraffic = (): Traffic => ({
  messages: 0,
  volume: 0,
  waiting: 0,
  expired: 0,
  delayed: 0,
  responses: 0,
});

/** Gives a handler access to the response that it is writing. @internal */
export const replyKey: ContextKey<Reply | undefined> = createContextKey<Reply | undefined>(undefined);

/** @internal */
export function replyOf(context: CallContext): Reply {
  const reply = context.values.get(replyKey);
  if (reply === undefined) throw new Error("the broker's handlers run behind its own server only");
  return reply;
}

/**
 * Sends the headers of a streaming call now, if the profile says so. A KubeMQ server sends them
 * with the first message; early headers tell a client that its subscription is active.
 * @internal
 */
export function announce({ profile }: BrokerCore, context: CallContext): void {
  if (profile.headersAtOpen) context.values.get(replyKey)?.sendHeaders();
}
