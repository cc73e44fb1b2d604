import type { ChannelKind } from "./server.js";

/**
 * The key of the kind of the contract that made a message. A registered symbol: messages of another
 * copy of this package have it, too.
 */
export const contractKind: unique symbol = Symbol.for("kubemq-es.contract-kind");

/**
 * Excludes messages that a contract of another kind has made. Other messages have no such property.
 */
export interface SentAs<Kind extends ChannelKind> {
  /** The kind of the contract that made the message. */
  readonly [contractKind]?: Kind | undefined;
}
