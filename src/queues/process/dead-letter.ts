import type { OutgoingQueueMessage, QueueMessage } from "../../api/queues/message.js";
import { textOfThrown } from "../../support/thrown.js";

const MOST_CHARACTERS = 1_000;

/** The copy of a failed message for the dead-letter queue, with the reason in its tags. */
export function deadLetterOf(message: QueueMessage<unknown>, queue: string, error: unknown): OutgoingQueueMessage {
  const { id, channel, metadata, tags, body, receiveCount } = message;
  return {
    id,
    channel: queue,
    metadata,
    body,
    tags: {
      ...tags,
      "dead-letter-reason": reasonOf(error),
      "dead-letter-channel": channel,
      "dead-letter-attempts": String(receiveCount),
    },
  };
}

/** A short reason in valid UTF-8: cutting the string may split a surrogate pair. */
function reasonOf(error: unknown): string {
  return Buffer.from(textOfThrown(error).slice(0, MOST_CHARACTERS)).toString();
}
