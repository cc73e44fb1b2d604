/**
 * A KubeMQ server's messages about queues, character for character: clients distinguish errors by
 * them.
 */
export const queueTexts = {
  subscribe: "Error 121: cannot subscribe to a queue",
  maxMessages: "Error 122: max messages should be between 1 and max message setting in kubemq config  ",
  nothingToAck: "Error 124: no active message to ack",
  ackSequence: "Error 125: ack sequence cannot be 0 or negative",
  nothingToSend: "Error 126: no active message to send",
  visibility: "Error 127: invalid visibility time, cannot be negative or exceed setting in kubemq config",
  alreadyActive: "Error 128: subscription to queue is already active",
  visibilityExpired: "Error 129: current visibility timer expired",
  sending: "Error 130: error during send message to queue",
  modifiedMessage: "Error 131: invalid queue message",
  streamRequestType: "Error 132: invalid stream queue messages request type",
  expiration: "Error 133: invalid expiration seconds, exceed max expiration seconds setting in kubemq config",
  maxReceiveCount:
    "Error 134: invalid max received count, cannot be negative or exceed max receive count setting in kubemq config",
  delay: "Error 135: invalid delay seconds, exceed max delay seconds setting in kubemq config",
  waitTimeout:
    "Error 136: invalid wait timeout, value cannot be negative or exceed max wait timeout seconds setting in kubemq config",
  nothingToReject: "Error 137: no active message to reject",
  nothingNew: "Error 138: no new message in queue, wait time expired",
  emptyBatch: "empty messages batch",
  emptyRequest: "no messages to send",
  transactionUnknown: "transaction is completed or transaction id not found",
  requestUnknown: "request unknown",
  ackClosed: "cannot ack messages with closed response ",
  nackClosed: "cannot nack messages with closed response ",
  requeueClosed: "cannot requeue messages with closed response ",
  offsetsClosed: "cannot get active offsets with closed response ",
  ackNothing: "cannot ack empty list of of offsets",
  nackNothing: "cannot nack empty list of of offsets",
  requeueNothing: "cannot requeue empty list of of offsets",
  requeueNowhere: "cannot requeue messages with empty channel destination ",
  ackUnknown: (sequence: bigint) => `invalid ack sequence id ${sequence}`,
  nackUnknown: (sequence: bigint) => `invalid nack sequence id ${sequence}`,
  requeueFailed: (sequence: bigint, why: string) => `re-queue message with seq ${sequence} failed, ${why}`,
} as const;
