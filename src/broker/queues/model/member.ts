import type { Cancel } from "../../clock.js";
import type { Message } from "./message.js";
import type { Consumer } from "./roster.js";

/**
 * A consumer of the group, which remains a member until it has left and its messages are settled or
 * returned.
 */
export interface Member {
  readonly consumer: Consumer;
  readonly limit: number;
  /** Messages delivered to it and not acknowledged, by the server's count, and by sequence. */
  readonly pending: Map<number, Message>;
  /**
   * The messages that the consumer received. The others are trapped: no consumer receives them
   * before the member leaves.
   */
  readonly taken: Set<Message>;
  /** Those left behind by another member. They are sent again after they have rested. */
  readonly resting: Set<Message>;
  cancelRest: Cancel;
  /** The server has begun to send it messages; it is a member before that. */
  started: boolean;
  cancelStart: Cancel;
  /** The server has noticed that the member has as many messages as it asked for. */
  stalled: boolean;
  left: boolean;
  /** A member from before a restart: it has no consumer and never leaves. */
  stranded: boolean;
}

export const newMember = (consumer: Consumer): Member => ({
  consumer,
  limit: consumer.limit ?? 1,
  pending: new Map(),
  taken: new Set(),
  resting: new Set(),
  cancelRest() {},
  started: true,
  cancelStart() {},
  stalled: false,
  left: false,
  stranded: false,
});

export const isFull = ({ pending, limit }: Member): boolean => pending.size >= limit;
