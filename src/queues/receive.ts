import type { CallOptions } from "../api/message.js";
import type { QueueMessage } from "../api/queues/message.js";
import type { ReceiveRequest } from "../api/queues/requests.js";
import type { Connection } from "../connection/connection.js";
import type { KubeMQError } from "../api/errors.js";
import { checkQueueChannel, checkTimeout, refuse, type Subject } from "../support/checks.js";
import { toKubeMQError } from "../support/faults.js";
import { checkCallOptions } from "../support/names/call-options.js";
import { checkKnown } from "../support/names/known.js";
import { CALL_PLACES } from "../support/names/places.js";
import { checkMax, checkWait } from "./checks.js";
import { ReceivedQueueMessage, withoutRepeats } from "./received-message.js";
import { checkAnswer, receiveQueueMessagesMethod, receiveRequest, type WireQueueMessage } from "./wire.js";

/**
 * Milliseconds that a call may exceed its wait. Servers serve the receivers of one queue one after
 * another.
 */
export const CALL_MARGIN_MS = 30_000;

/**
 * Receives acknowledged messages for a consumer, within a second. Never cancelled: the server would
 * lose the messages it has already taken. Servers serve these calls one at a time per queue. A poll
 * with AutoAck would also acknowledge messages that arrive between the end of its wait and its
 * answer, without delivering them.
 */
export async function takeMessages(
  connection: Connection,
  subject: Subject & { readonly channel: string },
  max: number,
): Promise<readonly WireQueueMessage[] | KubeMQError> {
  const request = receiveRequest(connection.options.clientId, subject.channel, max, 1, false);
  const timeoutMs = 1_000 + CALL_MARGIN_MS;
  try {
    const answer = await connection.unary(receiveQueueMessagesMethod, request, { ...subject, timeoutMs });
    checkAnswer(answer, subject);
    return withoutRepeats(answer.Messages);
  } catch (error) {
    return toKubeMQError(error, subject);
  }
}

/**
 * Receives or peeks. Cancelling a receive while the server waits loses the messages that the server
 * has already taken. Neither a deadline nor an abort therefore cancels it. The call waits for the
 * answer, and an abort counts only when the answer has no messages.
 */
export async function receiveMessages<T>(
  connection: Connection,
  operation: "queues.receive" | "queues.peek",
  request: ReceiveRequest<T>,
  options: CallOptions = {},
): Promise<QueueMessage<T>[]> {
  const { signal, timeoutMs } = options;
  const takes = operation === "queues.receive";
  const { channel, codec } = request;
  const subject = { operation, channel };
  checkKnown(subject, "", request, ["channel", "max", "waitSeconds", "codec"], CALL_PLACES);
  checkQueueChannel(operation, channel);
  checkCallOptions(subject, options);
  const max = checkMax(subject, request.max);
  const waitSeconds = checkWait(subject, request.waitSeconds);
  const waitMs = waitSeconds * 1_000;
  if (takes && checkTimeout(subject, timeoutMs, Infinity) <= waitMs) {
    const text = `timeoutMs must be longer than waitSeconds (${waitMs} ms), got ${timeoutMs}: a cancelled receive loses messages`;
    throw refuse(subject, text);
  }
  if (signal?.aborted === true) throw signal.reason;
  const wire = receiveRequest(connection.options.clientId, channel, max, waitSeconds, !takes);
  let answer;
  try {
    answer = await connection.unary(receiveQueueMessagesMethod, wire, {
      ...subject,
      timeoutMs: waitMs + CALL_MARGIN_MS, // promise: receive-own-timeout
      options: {
        ...(timeoutMs === undefined ? {} : { timeoutMs }),
        ...(takes || signal === undefined ? {} : { signal }), // promise: receive-not-cut
      },
    });
    checkAnswer(answer, subject);
  } catch (error) {
    signal?.throwIfAborted(); // promise: receive-abort-reason
    throw error;
  }
  const messages = withoutRepeats(answer.Messages);
  if (messages.length === 0) signal?.throwIfAborted();
  return messages.map((wire) => new ReceivedQueueMessage(wire, codec));
}
