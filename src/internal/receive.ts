import type { Codec } from "../codec.js";
import type { CallOptions } from "../message.js";
import type { QueueMessage } from "../queue-message.js";
import { refuse } from "./check.js";
import type { Connection } from "./connection.js";
import { ReceivedQueueMessage, withoutRepeats } from "./received-queue-message.js";
import { receiveQueueMessagesMethod, receiveRequest, refusalIn } from "./wire-queues.js";

export interface Receiving<T> {
  readonly channel: string;
  readonly max: number;
  readonly waitSeconds: number;
  readonly codec: Codec<T> | undefined;
}

/** How much longer than its wait a call may take: servers serve the receivers of one queue one after another. */
const MARGIN_MS = 30_000;

/**
 * Receives, or peeks. A receive that is cut while the server waits loses the messages it has taken by then, so neither a deadline nor an
 * abort cuts it: the answer is waited for, and an abort counts only when it brings none.
 */
export async function receiveMessages<T>(
  connection: Connection,
  operation: "queues.receive" | "queues.peek",
  { channel, max, waitSeconds, codec }: Receiving<T>,
  options: CallOptions = {},
): Promise<QueueMessage<T>[]> {
  const { signal, timeoutMs } = options;
  const takes = operation === "queues.receive";
  const subject = { operation, channel };
  const waitMs = waitSeconds * 1_000;
  if (takes && timeoutMs !== undefined && timeoutMs <= waitMs) {
    const text = `timeoutMs must be longer than waitSeconds, ${waitMs} ms: a receive that is cut loses messages, got ${timeoutMs}`;
    throw refuse(subject, text);
  }
  if (signal?.aborted === true) throw signal.reason;
  const request = receiveRequest(connection.options.clientId, channel, max, waitSeconds, !takes);
  const answer = await connection.unary(receiveQueueMessagesMethod, request, {
    ...subject,
    timeoutMs: waitMs + MARGIN_MS,
    options: {
      ...(timeoutMs === undefined ? {} : { timeoutMs }),
      ...(takes || signal === undefined ? {} : { signal }),
    },
  });
  const refusal = refusalIn(answer, subject);
  if (refusal !== undefined) throw refusal;
  const messages = withoutRepeats(answer.Messages);
  if (messages.length === 0) signal?.throwIfAborted();
  return messages.map((wire) => new ReceivedQueueMessage(wire, codec));
}
