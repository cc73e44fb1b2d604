import type {
  AckAllQueueMessagesRequest,
  QueueMessage,
  QueuesDownstreamRequest,
  ReceiveQueueMessagesRequest,
  StreamQueueMessagesRequest,
} from "../../../gen/kubemq_pb.js";
import { StreamRequestType } from "../../../gen/kubemq_pb.js";
import type { Verdict } from "../channels/check.js";
import { checkQueueName, isStorable } from "../channels/check.js";
import { texts } from "../grpc/errors.js";
import { queueTexts } from "./texts.js";

/** The limits that a KubeMQ server has unless it is configured otherwise. */
const max = {
  messages: 1024,
  receiveCount: 1024,
  waitSeconds: 3600,
  visibilitySeconds: 43_200,
};

const isWithin = (value: number, limit: number) => value >= 0 && value <= limit;

const checkWait = (seconds: number): Verdict =>
  isWithin(seconds, max.waitSeconds) ? undefined : queueTexts.waitTimeout;

const checkVisibility = (seconds: number): Verdict =>
  isWithin(seconds, max.visibilitySeconds) ? undefined : queueTexts.visibility;

const checkClient = (clientId: string): Verdict => (clientId === "" ? texts.clientId : undefined);

/**
 * Whether the queue can be received from. Messages to a name with a colon are accepted and never
 * delivered.
 */
const isConsumable = (name: string): boolean => isStorable(name) && !name.includes(":");

export function checkMessage(message: QueueMessage, longestDelaySeconds: number): Verdict {
  const verdict = checkClient(message.ClientID) ?? checkQueueName(message.Channel);
  if (verdict !== undefined) return verdict;
  if (message.Metadata === "" && message.Body.length === 0) return texts.messageEmpty;
  const policy = message.Policy;
  if (policy === undefined) return undefined;
  if (!isWithin(policy.ExpirationSeconds, longestDelaySeconds)) return queueTexts.expiration;
  if (!isWithin(policy.MaxReceiveCount, max.receiveCount)) return queueTexts.maxReceiveCount;
  if (!isWithin(policy.DelaySeconds, longestDelaySeconds)) return queueTexts.delay;
  return policy.MaxReceiveQueue === "" ? undefined : checkQueueName(policy.MaxReceiveQueue);
}

export function checkReceive(request: ReceiveQueueMessagesRequest): Verdict {
  const { MaxNumberOfMessages: count } = request;
  return (
    checkClient(request.ClientID) ??
    checkQueueName(request.Channel) ??
    (count < 1 || count > max.messages ? queueTexts.maxMessages : undefined) ??
    checkWait(request.WaitTimeSeconds) ??
    checkConsumable(request.Channel)
  );
}

export function checkAckAll(request: AckAllQueueMessagesRequest): Verdict {
  return (
    checkClient(request.ClientID) ??
    checkQueueName(request.Channel) ??
    checkWait(request.WaitTimeSeconds) ??
    checkConsumable(request.Channel)
  );
}

export function checkGet(request: QueuesDownstreamRequest): Verdict {
  return checkClient(request.ClientID) ?? checkQueueName(request.Channel) ?? checkConsumable(request.Channel);
}

/** The error of the store when a client subscribes to this name, after all other checks. */
export const checkConsumable = (name: string): Verdict => (isConsumable(name) ? undefined : queueTexts.subscribe);

export function checkStreamRequest(request: StreamQueueMessagesRequest, longestDelaySeconds: number): Verdict {
  return checkClient(request.ClientID) ?? checkStreamRequestOfType(request, longestDelaySeconds);
}

function checkStreamRequestOfType(request: StreamQueueMessagesRequest, longestDelaySeconds: number): Verdict {
  const { ModifiedMessage: modified } = request;
  switch (request.StreamRequestTypeData) {
    case StreamRequestType.ReceiveMessage:
      return (
        checkQueueName(request.Channel) ??
        checkVisibility(request.VisibilitySeconds) ??
        checkWait(request.WaitTimeSeconds)
      );
    case StreamRequestType.AckMessage:
    case StreamRequestType.RejectMessage:
      return request.RefSequence === 0n ? queueTexts.ackSequence : undefined;
    case StreamRequestType.ResendMessage:
      return checkQueueName(request.Channel);
    case StreamRequestType.ModifyVisibility:
      return checkVisibility(request.VisibilitySeconds);
    case StreamRequestType.SendModifiedMessage:
      if (modified === undefined) return queueTexts.modifiedMessage;
      return checkMessage(modified, longestDelaySeconds) ?? checkVisibility(request.VisibilitySeconds);
    case StreamRequestType.StreamRequestTypeUnknown:
    default:
      return queueTexts.streamRequestType;
  }
}

/** The answer to a refused request. It contains the reason, and the call continues. */
export function withRefusal<R extends { IsError: boolean; Error: string }>(response: R, reason: string): R {
  response.IsError = true;
  response.Error = reason;
  return response;
}
