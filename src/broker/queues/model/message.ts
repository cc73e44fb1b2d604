/** The policy that a message was sent with. */
export interface Policy {
  /** 0: never expires. */
  readonly expirationSeconds: number;
  /** Deliveries that may end without an acknowledgement. 0: any number. */
  readonly maxReceiveCount: number;
  /** The queue for the message after the last of them. Empty: it is dropped. */
  readonly maxReceiveQueue: string;
}

export interface Partitioning {
  readonly topic: string;
  readonly partition: number;
  readonly partitionKey: string;
}

/** The content from the sender, shared by all copies of a message. */
export interface Content {
  readonly messageId: string;
  readonly clientId: string;
  readonly metadata: string;
  readonly body: Uint8Array;
  readonly tags: Readonly<Record<string, string>>;
  readonly policy: Policy;
  readonly partitioning: Partitioning | undefined;
  /** Bytes of metadata and body. */
  readonly size: number;
}

/** What a copy of a message inherits. */
export interface History {
  /** Earlier deliveries that were returned for another try. */
  readonly deliveries: number;
  /** Nanoseconds since 1970; 0 for never. */
  readonly expiresAt: bigint;
  /** The queue that moved it to the dead-letter queue, or empty. */
  readonly reroutedFrom: string;
}

/** A message in a queue. */
export interface Message extends History {
  readonly content: Content;
  /** Its number in the queue, from 1. */
  readonly sequence: number;
  /** When it was placed in the queue, in nanoseconds since 1970. */
  readonly timestamp: bigint;
}

export const newborn = (expiresAt: bigint): History => ({
  deliveries: 0,
  expiresAt,
  reroutedFrom: "",
});

export const isExpired = (message: Message, now: bigint): boolean =>
  message.expiresAt !== 0n && message.expiresAt < now;
