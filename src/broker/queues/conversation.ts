import type { Outbox } from "./outbox.js";

/** The server's side of a bidirectional call. */
export interface Conversation<Request, Response> {
  readonly outbox: Outbox<Response>;
  /** Handles one request. The next is read when it is done. */
  receive(request: Request): void | Promise<void>;
  /** The call is over. */
  close(): void;
}

/**
 * Speaks with a client until the conversation ends the call or the client cancels it. That the client
 * has closed its side means nothing here: KubeMQ goes on as if it had not.
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
