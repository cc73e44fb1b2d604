import type { QueuesDownstreamRequest } from "../../../gen/kubemq_pb.js";
import { QueuesDownstreamRequestType as Type } from "../../../gen/kubemq_pb.js";
import { queueTexts } from "./texts.js";
import type { Transaction } from "./transaction.js";

/** Settles all or some of a transaction's messages, or says why not. The order of the checks is the server's. */
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

/** What is said about a transaction that is closed. Two texts speak of another request: the server's slip. */
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
