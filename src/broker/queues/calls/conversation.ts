import type { Outbox } from "./outbox.js";

/** The server's side of a bidirectional call. */
export interface Conversation<Request, Response> {
  readonly outbox: Outbox<Response>;
  /** Handles one request. The next one is read after it returns. */
  receive(request: Request): void | Promise<void>;
  /** The call is over. */
  close(): void;
}

/**
 * Runs a bidirectional call until the conversation or the client ends it. When the client closes
 * its side, the call continues, as on a KubeMQ server.
 */
export async function* converse<Request, Response>(
  requests: AsyncIterable<Request>,
  signal: AbortSignal,
  conversation: Conversation<Request, Response>,
): AsyncGenerator<Response> {
  const { outbox } = conversation;
  const onAbort = () => {
    conversation.close();
    outbox.fail(signal.reason);
  };
  const read = async () => {
    try {
      for await (const request of requests) await conversation.receive(request);
    } catch (error) {
      outbox.fail(error);
    }
  };
  signal.addEventListener("abort", onAbort);
  try {
    if (signal.aborted) return;
    void read();
    yield* outbox;
  } finally {
    signal.removeEventListener("abort", onAbort);
    conversation.close();
  }
}
