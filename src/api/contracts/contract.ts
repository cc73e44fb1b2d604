import type { Codec, Encoder } from "../codec.js";
import type { Outgoing, OutgoingMessage } from "../message.js";
import type { SentAs } from "../sent-as.js";
import type { OutgoingQueueMessage, QueuePolicy } from "../queues/message.js";
import type { OutgoingCommand } from "../requests/commands.js";
import type { OutgoingQuery } from "../requests/queries.js";
import type { Reply } from "../requests/response.js";
import type { ChannelKind } from "../server.js";
import type { ChannelParameter, ChannelTemplate, ChannelValues, HasWholeParameters, HasWildcards } from "./channel.js";

/** The properties of a message beside its channel, its value and its codec. */
export type MessageDetails = Omit<Outgoing, "channel">;

/** The properties of a queue message beside its channel, its value and its codec. */
export interface QueueMessageDetails extends MessageDetails {
  /** Settings for this message. They replace settings of the same names in the contract. */
  readonly policy?: QueuePolicy | undefined;
}

/** The properties of a command beside its channel, its value and its codec. */
export type CommandDetails = Omit<OutgoingCommand, "channel" | "body" | "codec" | keyof SentAs<"commands">>;

/** The properties of a query beside its channel, its value and its codecs. */
export type QueryDetails = Omit<
  OutgoingQuery,
  "channel" | "body" | "codec" | "responseCodec" | keyof SentAs<"queries">
>;

/**
 * The properties of every contract. It has no `channel`, so that the compiler never takes it for an
 * untyped request.
 */
export interface ContractBase<Kind extends ChannelKind> {
  /** The kind of its channel, as `client.channels` names it. */
  readonly kind: Kind;
  /** The name of the channel, with its wildcards in a pattern. */
  readonly name: string;
}

/** Events of a channel name with wildcards: such a contract only subscribes. */
export interface EventsPattern<T, Accepted = T> extends ContractBase<"events"> {
  /** Converts the events. */
  readonly codec: Codec<T, Accepted>;
}

/** Events of one channel, see {@link events}. */
export interface EventsContract<T, Accepted = T> extends EventsPattern<T, Accepted> {
  /** An event with an id, tags or metadata, for the calls that take no contract. */
  message(value: Accepted, details?: MessageDetails): OutgoingMessage<Accepted> & SentAs<"events">;
}

/** Stored events of one channel, see {@link store}. */
export interface StoreContract<T, Accepted = T> extends ContractBase<"eventsStore"> {
  /** Converts the events. */
  readonly codec: Codec<T, Accepted>;
  /** An event with an id, tags or metadata, for the calls that take no contract. */
  message(value: Accepted, details?: MessageDetails): OutgoingMessage<Accepted> & SentAs<"eventsStore">;
}

/**
 * Messages of one queue: values of `T` are received, and values of `Accepted` sent. See
 * {@link queue}.
 */
export interface QueueContract<T, Accepted = T> extends ContractBase<"queues"> {
  /** Converts the messages. */
  readonly codec: Codec<T, Accepted>;
  /** The policy of each message that is sent. */
  readonly policy: QueuePolicy | undefined;
  /**
   * A message with an id, tags, metadata or a policy of its own, for the calls that take no
   * contract.
   *
   * @example
   * await client.queues.send(mails.message(mail, { tags: { tenant }, policy: { delaySeconds: 60 } }));
   */
  message(value: Accepted, details?: QueueMessageDetails): OutgoingQueueMessage<Accepted>;
}

/** Commands of a channel name with wildcards: such a contract only subscribes. */
export interface CommandPattern<T, Accepted = T> extends ContractBase<"commands"> {
  /** Converts the commands. */
  readonly request: Codec<T, Accepted>;
}

/** Commands of one channel, see {@link command}. */
export interface CommandContract<T, Accepted = T> extends CommandPattern<T, Accepted> {
  /** A command with an id, tags, metadata or a span, for the calls that take no contract. */
  message(value: Accepted, details?: CommandDetails): OutgoingCommand<Accepted>;
}

/** Queries of a channel name with wildcards: such a contract only subscribes. */
export interface QueryPattern<T, R, Accepted = T, Answered = R> extends ContractBase<"queries"> {
  /** Converts the queries. */
  readonly request: Codec<T, Accepted>;
  /** Converts the responses. */
  readonly response: Codec<R, Answered>;
  /** A response with tags, metadata or a span, for `respond` in a loop. */
  reply(value: Answered, details?: Reply): ContractReply<Answered>;
}

/** Queries of one channel, see {@link query}. */
export interface QueryContract<T, R, Accepted = T, Answered = R> extends QueryPattern<T, R, Accepted, Answered> {
  /** A query with an id, tags, metadata, a span or a cache, for the calls that take no contract. */
  message(value: Accepted, details?: QueryDetails): OutgoingQuery<Accepted, R>;
}

/** A response to a query of a contract. */
export type ContractReply<R> = Reply & { readonly body: R; readonly codec: Encoder<R> };

/**
 * A contract whose channel name has parameters. It is not sent to: `for` returns the contract of
 * one channel.
 */
export interface ContractTemplate<N extends string, C> extends Omit<ChannelTemplate<N>, "for"> {
  /** The kind of its channels. */
  readonly kind: ChannelKind;
  /**
   * The contract of the channel with these values.
   *
   * @throws {KubeMQError} INVALID_ARGUMENT when a value is missing or cannot be a part of a channel
   *   name
   */
  for(values: ChannelValues<N>): C;
}

/** A contract whose parameters are whole parts of the channel name: wildcards can replace them. */
export interface WildcardTemplate<N extends string, C, Pattern> extends ContractTemplate<N, C> {
  /** The contract of all its channels, which only subscribes. */
  readonly all: Pattern;
}

/** The contract for a channel name without wildcards: one with parameters is a template. */
export type Contracted<N extends string, C> = [ChannelParameter<N>] extends [never] ? C : ContractTemplate<N, C>;

/** The contract for a channel name that may have wildcards, and then is a pattern. */
export type PatternContracted<N extends string, C extends Pattern, Pattern> = [ChannelParameter<N>] extends [never]
  ? HasWildcards<N> extends true
    ? Pattern
    : C
  : HasWholeParameters<N> extends true
    ? WildcardTemplate<N, HasWildcards<N> extends true ? Pattern : C, Pattern>
    : ContractTemplate<N, HasWildcards<N> extends true ? Pattern : C>;
