import type { OutgoingMessage } from "../api/message.js";
import { onAbort } from "../support/abort.js";

/** Told of the outcome of one message: an error, or undefined; and the id of the message. */
export type Settle = (error: unknown, id: string) => void;

export type Sequence<T> = Iterable<OutgoingMessage<T>> | AsyncIterable<OutgoingMessage<T>>;

/**
 * Submits what an iterable gives, so many at once, until the first failure, which it throws. Gives how many were published.
 * Counts outcomes instead of making a promise for each.
 */
export async function publishAll<T>(
  messages: Sequence<T>,
  submit: (message: OutgoingMessage<T>, settle: Settle) => void,
  atOnce: number,
  signal: AbortSignal | undefined,
): Promise<number> {
  let failure: { readonly error: unknown } | undefined;
  let sent = 0;
  let answered = 0;
  /** 0: nobody waits for a count. Not Infinity: V8 keeps that as an object, and comparing with it was a fifth of a small send. */
  let wakeAt = 0;
  let wake = () => {};
  const settle: Settle = (error) => {
    answered += 1;
    if (error !== undefined && failure === undefined) {
      failure = { error };
      wake();
    } else if (answered === wakeAt) wake();
  };
  /** Resolves when so many have their outcome, or at the first failure. */
  const until = async (count: number, goOn = () => failure === undefined) => {
    const isOver = () => answered >= count || !goOn();
    wakeAt = count;
    while (!isOver()) await new Promise<void>((resolve) => (wake = resolve));
    wakeAt = 0;
  };
  const offer = (message: OutgoingMessage<T>): Promise<void> | undefined => {
    sent += 1;
    submit(message, settle);
    return sent - answered < atOnce ? undefined : until(sent - atOnce / 2);
  };
  const unwatch = onAbort(signal, () => {
    failure ??= { error: signal?.reason };
    wake();
  });
  try {
    if (Symbol.asyncIterator in messages) {
      for await (const message of messages) {
        if (failure !== undefined) break;
        await offer(message);
      }
    } else {
      for (const message of messages) {
        if (failure !== undefined) break;
        const room = offer(message);
        if (room !== undefined) await room; // an await for each would cost more than the send
      }
    }
    await until(sent, () => signal?.aborted !== true);
  } finally {
    unwatch();
  }
  if (failure !== undefined) throw failure.error;
  return sent;
}
