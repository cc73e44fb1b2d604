import type { QueuesDownstreamRequest } from "../../../../gen/kubemq_pb.js";
import { QueuesDownstreamRequestType as Type } from "../../../../gen/kubemq_pb.js";
import { queueTexts } from "../texts.js";
import type { Transaction } from "./transaction.js";

/**
 * Settles all or some messages of a transaction, or returns an error. The checks are in the
 * server's order.
 */
export function settle(transaction: Transaction, request: QueuesDownstreamRequest): string | undefined {
  const { SequenceRange: some, ReQueueChannel: channel } = request;
  switch (request.RequestTypeData) {
    case Type.AckAll:
      return transaction.ack(transaction.offsets);
    case Type.AckRange:
      return some.length === 0 ? queueTexts.ackNothing : transaction.ack(some);
    case Type.NAckAll:
      return transaction.nack(transaction.offsets);
    case Type.NAckRange:
      return some.length === 0 ? queueTexts.nackNothing : transaction.nack(some);
    case Type.ReQueueAll:
      return channel === "" ? queueTexts.requeueNowhere : transaction.requeue(transaction.offsets, channel);
    case Type.ReQueueRange:
      if (channel === "") return queueTexts.requeueNowhere;
      return some.length === 0 ? queueTexts.requeueNothing : transaction.requeue(some, channel);
    case Type.PollRequestTypeUnknown:
    case Type.Get:
    case Type.ActiveOffsets:
    case Type.TransactionStatus:
    case Type.CloseByClient:
    case Type.CloseByServer:
    default:
      return queueTexts.requestUnknown;
  }
}

/**
 * The error for a closed transaction. Two of the messages name another request, as the server's do.
 */
export function closedText(type: Type): string {
  switch (type) {
    case Type.AckAll:
    case Type.AckRange:
    case Type.ReQueueAll:
      return queueTexts.ackClosed;
    case Type.NAckAll:
    case Type.NAckRange:
      return queueTexts.nackClosed;
    case Type.ReQueueRange:
      return queueTexts.requeueClosed;
    case Type.ActiveOffsets:
      return queueTexts.offsetsClosed;
    case Type.PollRequestTypeUnknown:
    case Type.Get:
    case Type.TransactionStatus:
    case Type.CloseByClient:
    case Type.CloseByServer:
    default:
      return queueTexts.requestUnknown;
  }
}
