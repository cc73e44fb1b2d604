/**
 * Deviations of real KubeMQ servers that clients must handle. Each is off by default unless noted,
 * and can be changed while the broker runs.
 */
export interface Quirks {
  /**
   * Confirms each successful settlement on QueuesDownstream with an answer of its own type, without
   * messages, and never answers ActiveOffsets. Newer servers do this; the open-source server sends
   * no confirmation and answers ActiveOffsets. @default false
   */
  confirmSettlements: boolean;
  /**
   * A cancelled ReceiveQueueMessages loses the messages that it had collected, as on real servers.
   * With false they return to the queue. @default true
   */
  cancelledReceiveLoses: boolean;
  /** Requests sent together on QueuesUpstream are answered in a different order. @default false */
  reorderUpstream: boolean;
  /**
   * StreamQueueMessage ends without the answer to the request that settled its message, although
   * the message is settled. Real servers do this occasionally. @default false
   */
  loseLastAnswer: boolean;
  /**
   * A poll for several messages returns the first one twice, beyond MaxItems. Real servers do this
   * rarely, when polls begin at the same time. @default false
   */
  doubleMessages: boolean;
}

/** The quirks that a test sets. Default of each: see {@link Quirks}. */
export type QuirkOptions = { readonly [Name in keyof Quirks]?: boolean | undefined };

/** The given quirks, and the defaults of the others. */
export function quirksOf(given: QuirkOptions = {}): Quirks {
  const quirks = noQuirks();
  for (const name of Object.keys(quirks) as (keyof Quirks)[]) quirks[name] = given[name] ?? quirks[name];
  return quirks;
}

export const noQuirks = (): Quirks => ({
  confirmSettlements: false,
  cancelledReceiveLoses: true,
  reorderUpstream: false,
  loseLastAnswer: false,
  doubleMessages: false,
});
