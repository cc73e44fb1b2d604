import type { ChannelKind } from "./server.js";

/**
 * What a client tells of its messages, when it is asked to by {@link ClientOptions.telemetry}. `kubemq-es/opentelemetry` turns it into
 * spans and metrics; implement it yourself for another system. What it throws is told by the status as `telemetry-failed`, and costs no message and no call.
 */
export interface Telemetry {
  /** Called once for each client, when it is made. */
  observe(client: ObservedClient): Observer;
}

/** Whose messages they are. */
export interface ObservedClient {
  /** How the client is known to the server. */
  readonly clientId: string;
  /** Host of the server. */
  readonly host: string;
  /** Port of the server. */
  readonly port: number;
}

/** Is told of everything that a client does with messages. */
export interface Observer {
  /** Something begins. Its `end` is called once. */
  begin(operation: Operation): Activity;
}

/** What is done with a message, or with several at once. */
export interface Operation {
  /**
   * - `create`: a message becomes part of a batch, or of what is published one by one from an iterable
   * - `send`: messages are sent, a response to a request too
   * - `receive`: messages are taken, or looked at, by a call
   * - `process`: the application works on a message: the body of a loop, or a handler
   * - `settle`: a message of a queue is acknowledged, rejected, or sent on
   */
  readonly type: "create" | "send" | "receive" | "process" | "settle";
  /** The method it is done by, such as `publish`, `respond` or `ack`. */
  readonly name: string;
  /** The pattern it belongs to. */
  readonly pattern: ChannelKind;
  /** Undefined for messages to several channels. */
  readonly channel: string | undefined;
  /** The group that consumes. */
  readonly group?: string | undefined;
  /** What it is done with. Those that were received are the very objects that the application gets. */
  readonly messages: readonly ObservedMessage[];
  /** Whether they are several by nature, even if there is only one. */
  readonly isBatch?: boolean;
  /** The activities that created the messages. */
  readonly created?: readonly Activity[];
  /** When it began, in milliseconds since 1970, if it did before it was told. */
  readonly startedAt?: number;
}

/** What can be known of a message. */
export interface ObservedMessage {
  /** Id of the message, where it has one yet. */
  readonly id?: string | undefined;
  /** The channel it goes to, or came from. */
  readonly channel: string;
  /** Its tags, which may carry the context of its sender. */
  readonly tags?: Readonly<Record<string, string>> | undefined;
  /** How often it was delivered, this time included. */
  readonly receiveCount?: number;
  /** Its number on the channel, where the pattern has one. */
  readonly sequence?: bigint;
}

/** Something that has begun. */
export interface Activity {
  /** Gives tags that carry its context to whoever receives them, and the given ones, which stay as they are. */
  carry(tags: Readonly<Record<string, string>> | undefined): Record<string, string>;
  /** Runs work as a part of it. */
  run<T>(work: () => T): T;
  /** It is over. */
  end(outcome?: ActivityOutcome): void;
}

/** What became of something. Empty: all went well. */
export interface ActivityOutcome {
  /** What it failed with; absent when it did not. */
  readonly failure?: { readonly error: unknown };
  /** Whether a request was carried out. */
  readonly executed?: boolean;
  /** The tags of the response to a request. */
  readonly replyTags?: Readonly<Record<string, string>>;
  /** How many messages it was about, where that was not known when it began. */
  readonly count?: number;
  /** True when the loop was left in the body of this message, by `break`, `return` or `throw`: which one cannot be known. */
  readonly loopLeft?: boolean;
}
