/**
 * Oddities of KubeMQ servers that a client has to live with. The broker leaves them out unless a test
 * asks for them; each can be switched while it runs.
 */
export interface Quirks {
  /**
   * Settlements on QueuesDownstream that succeed are confirmed, each with an answer of its own type
   * without messages, and ActiveOffsets is never answered: so it is with newer servers, where the
   * open-source one is silent and answers. @default false
   */
  confirmSettlements: boolean;
  /**
   * A ReceiveQueueMessages that is cancelled loses what it had collected, as on real servers. With
   * false the messages return to the queue. @default true
   */
  cancelledReceiveLoses: boolean;
  /** Answers to requests that were sent together on QueuesUpstream come in another order. @default false */
  reorderUpstream: boolean;
  /**
   * StreamQueueMessage ends without the answer to the request that settled its message, though that
   * is settled: real servers do it now and then. @default false
   */
  loseLastAnswer: boolean;
  /**
   * A poll that takes several messages shows the first of them twice, beyond MaxItems: real servers do
   * it rarely, when polls begin at the same time. @default false
   */
  doubleMessages: boolean;
}

export const noQuirks = (): Quirks => ({
  confirmSettlements: false,
  cancelledReceiveLoses: true,
  reorderUpstream: false,
  loseLastAnswer: false,
  doubleMessages: false,
});
