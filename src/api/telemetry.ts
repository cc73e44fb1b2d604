import type { ChannelKind } from "./server.js";

/**
 * Receives the activities of a client's messages, see {@link ClientOptions.telemetry}.
 * `kubemq-es/opentelemetry` turns them into spans and metrics; implement it yourself for another
 * system. The status reports an error that it throws as `telemetry-failed`; no message and no call
 * is lost.
 */
export interface Telemetry {
  /** Called once per client, when it is created. */
  observe(client: ObservedClient): Observer;
}

/** The client that sends and receives the messages. */
export interface ObservedClient {
  /** The client's `clientId`. */
  readonly clientId: string;
  /**
   * Host of the server in use, or to be tried first. It changes when the client moves to another.
   */
  readonly host: string;
  /** Port of that server. */
  readonly port: number;
}

/** Observes everything that a client does with messages. */
export interface Observer {
  /** An activity begins. The `end` of the returned object is called once. */
  begin(operation: Operation): Activity;
}

/** An operation on one or several messages. */
export interface Operation {
  /**
   * - `create`: a message becomes part of a batch, or of an iterable that is published one by one
   * - `send`: messages are sent, including a response to a request
   * - `receive`: a call takes messages, or peeks at them
   * - `process`: the application works on a message, in the body of a loop or in a handler
   * - `settle`: a queue message is acknowledged, rejected or requeued
   */
  readonly type: "create" | "send" | "receive" | "process" | "settle";
  /** The method, such as `publish`, `respond` or `ack`. */
  readonly name: string;
  /** The pattern it belongs to. */
  readonly pattern: ChannelKind;
  /** Undefined for messages to several channels. */
  readonly channel: string | undefined;
  /** The channel of the subscription, which may have wildcards. */
  readonly subscribedTo?: string | undefined;
  /** The group of the consumer. */
  readonly group?: string | undefined;
  /** The messages. Received ones are the same objects that the application gets. */
  readonly messages: readonly ObservedMessage[];
  /** Whether the operation is for several messages by nature, even if there is only one. */
  readonly isBatch?: boolean;
  /** The activities that created the messages. */
  readonly created?: readonly Activity[];
  /** Its start, in milliseconds since 1970, if it began before this call. */
  readonly startedAt?: number;
}

/** The known properties of a message. */
export interface ObservedMessage {
  /** Id of the message, if it has one yet. */
  readonly id?: string | undefined;
  /** The channel that it is sent to, or was received from. */
  readonly channel: string;
  /** Its tags, which may contain the context of its sender. */
  readonly tags?: Readonly<Record<string, string>> | undefined;
  /** Number of deliveries, this one included. */
  readonly receiveCount?: number;
  /** Its sequence on the channel, if the pattern has one. */
  readonly sequence?: bigint;
  /** The `Span` field of a request, in which some SDKs send their trace context. */
  readonly span?: Uint8Array | undefined;
  /** When the server stored it, if the pattern stores messages. */
  readonly timestamp?: Date;
  /** Its body: bytes when received; what the application gave when sent. */
  readonly body?: unknown;
}

/** A running activity. */
export interface Activity {
  /** Adds the activity's context to the given tags, for the receivers. */
  carry(tags: Readonly<Record<string, string>> | undefined): Record<string, string>;
  /** Runs a function as a part of the activity. */
  run<T>(work: () => T): T;
  /** The activity has ended. */
  end(outcome?: ActivityOutcome): void;
}

/** The outcome of an activity. Empty: success. */
export interface ActivityOutcome {
  /** Its error; absent on success. */
  readonly failure?: { readonly error: unknown };
  /** Whether a request was carried out: the `ok` of its result. */
  readonly ok?: boolean;
  /** The tags of the response to a request. */
  readonly responseTags?: Readonly<Record<string, string>>;
  /** The `Span` field of the response to a request. */
  readonly responseSpan?: Uint8Array | undefined;
  /** Number of messages, if it was unknown when the activity began. */
  readonly count?: number;
  /**
   * True when the loop was left in the body of this message, by `break`, `return` or `throw`; which
   * of them is unknown.
   */
  readonly loopLeft?: boolean;
}
