import type { ContextKey, HandlerContext, ServiceImpl } from "@connectrpc/connect";
import { createContextKey } from "@connectrpc/connect";
import type { kubemq } from "../../gen/kubemq_pb.js";
import type { Clock } from "./clock.js";
import type { BrokerProfile } from "./profile.js";
import type { Quirks } from "./quirks.js";
import type { Reply } from "./reply.js";

/** What a handler may know of the call beside its request. */
export type CallContext = Pick<HandlerContext, "signal" | "values">;

type Handler<Method> = Method extends (request: infer Req, context: HandlerContext) => infer Res
  ? (request: Req, context: CallContext) => Res
  : never;

type Service = ServiceImpl<typeof kubemq>;

/** Some of the fifteen RPCs. */
export type Rpcs = { readonly [Name in keyof Service]?: Handler<Service[Name]> };

/** What every pattern builds on. */
export interface BrokerCore {
  readonly clock: Clock;
  readonly limits: BrokerLimits;
  /** A new id for what came without one. */
  readonly newId: () => string;
  readonly quirks: Readonly<Quirks>;
  readonly profile: BrokerProfile;
  /** A number from 0 to below 1, by the broker's seed. */
  readonly random: () => number;
}

/** What the broker keeps at most. */
export interface BrokerLimits {
  /** Messages kept per stored channel; the oldest make room. Infinity: no limit. */
  readonly maxMessages: number;
  /** How long a stored message is kept, in milliseconds. Infinity: for ever. */
  readonly maxAgeMs: number;
  /** The largest message either way, in bytes. */
  readonly maxMessageBytes: number;
  /** How long a subscription may be blocked before a message for it is dropped. Undefined: for ever. */
  readonly slowConsumerMs: number | undefined;
}

/** One pattern: its models, and the RPCs that speak for them. */
export interface PatternService {
  readonly rpcs: Rpcs;
  /** Forgets everything and cancels what is planned. No RPC follows. */
  close(): void;
}

/** What has gone in one direction over a channel. */
export interface Traffic {
  messages: number;
  /** Bytes. */
  volume: number;
  waiting: number;
  expired: number;
  delayed: number;
  responses: number;
}

/** A channel as the list of channels shows it. */
export interface ChannelActivity {
  readonly name: string;
  /** Nanoseconds since 1970; 0 when nothing has happened yet. */
  readonly lastActivity: bigint;
  /** Whether anyone consumes from it now. */
  readonly isActive: boolean;
  readonly incoming: Readonly<Traffic>;
  readonly outgoing: Readonly<Traffic>;
}

/** The channels of one pattern, for channel management and for the broker's statistics. */
export interface PatternChannels {
  list(): Iterable<ChannelActivity>;
  /** Does nothing for a channel that exists. */
  create(name: string): void;
  /** Forgets the channel and everything in it. Does nothing for a channel that does not exist. */
  delete(name: string): void;
  /** Messages held now, by channel. Channels without any are left out. */
  messages(): Record<string, number>;
}

/** A pattern with channels of its own. */
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

/** Where a handler finds the response that it is writing, when it needs more than Connect gives it. */
export const replyKey: ContextKey<Reply | undefined> = createContextKey<Reply | undefined>(undefined);

export function replyOf(context: CallContext): Reply {
  const reply = context.values.get(replyKey);
  if (reply === undefined) throw new Error("the broker's handlers run behind its own server only");
  return reply;
}

/**
 * Sends the headers of a streaming call now, if the profile says so. A KubeMQ server sends them with the first message; sent
 * early, they tell a client that its subscription is active.
 */
export function announce({ profile }: BrokerCore, context: CallContext): void {
  if (profile.headersAtOpen) context.values.get(replyKey)?.sendHeaders();
}
