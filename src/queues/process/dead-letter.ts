import type { OutgoingQueueMessage, QueueMessage } from "../../api/queue-message.js";

const MOST_CHARACTERS = 1_000;

/** A message whose handler failed for the last time, as it goes to the dead-letter queue: with the reason in its tags. */
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

/** Short, and text that a server can store: a reason that was cut may end in half of a character. */
function reasonOf(error: unknown): string {
  const message = (error as { readonly message?: unknown } | undefined | null)?.message;
  const reason = typeof message === "string" && message !== "" ? message : String(error);
  return Buffer.from(reason.slice(0, MOST_CHARACTERS)).toString();
}
