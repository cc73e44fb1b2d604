import {
  create,
  kubemq,
  type QueuesDownstreamRequest,
  QueuesDownstreamRequestSchema,
  QueuesDownstreamRequestType,
  type QueuesDownstreamResponse,
} from "../../../gen/kubemq_lazy.js";
import type { SettleKind } from "../delivery.js";

/** QueuesDownstream: the call on which consumers poll and settle. */

export const queuesDownstreamMethod = kubemq.method.queuesDownstream;

export type { QueuesDownstreamRequest as WireDownstreamRequest, QueuesDownstreamResponse as WireDownstreamResponse };

export function getRequest(
  id: string,
  clientId: string,
  channel: string,
  max: number,
  waitMs: number,
): QueuesDownstreamRequest {
  return create(QueuesDownstreamRequestSchema, {
    RequestID: id,
    ClientID: clientId,
    RequestTypeData: QueuesDownstreamRequestType.Get,
    Channel: channel,
    MaxItems: max,
    WaitTimeout: waitMs,
  });
}

const rangeTypes = {
  ack: QueuesDownstreamRequestType.AckRange,
  reject: QueuesDownstreamRequestType.NAckRange,
  requeue: QueuesDownstreamRequestType.ReQueueRange,
} as const;

/**
 * Always a range, never the request for all messages: that one requeues in random order, and also
 * settles messages that this consumer has not received.
 */
export function settleRequest(
  id: string,
  clientId: string,
  transaction: string,
  kind: SettleKind,
  sequences: bigint[],
  channel: string,
): QueuesDownstreamRequest {
  return create(QueuesDownstreamRequestSchema, {
    RequestID: id,
    ClientID: clientId,
    RequestTypeData: rangeTypes[kind],
    RefTransactionId: transaction,
    SequenceRange: sequences,
    ReQueueChannel: channel,
  });
}

export function activeOffsetsRequest(id: string, clientId: string, transaction: string): QueuesDownstreamRequest {
  return create(QueuesDownstreamRequestSchema, {
    RequestID: id,
    ClientID: clientId,
    RequestTypeData: QueuesDownstreamRequestType.ActiveOffsets,
    RefTransactionId: transaction,
  });
}

export function closeRequest(id: string, clientId: string, transaction: string): QueuesDownstreamRequest {
  return create(QueuesDownstreamRequestSchema, {
    RequestID: id,
    ClientID: clientId,
    RequestTypeData: QueuesDownstreamRequestType.CloseByClient,
    RefTransactionId: transaction,
  });
}

/** Classifies an answer on QueuesDownstream. */
export function downstreamAnswer(response: QueuesDownstreamResponse): "poll" | "end" | "other" {
  if (response.RequestTypeData === QueuesDownstreamRequestType.Get) return "poll";
  return response.RequestTypeData === QueuesDownstreamRequestType.CloseByServer ? "end" : "other";
}
