import type { OutgoingMessage } from "../../api/message.js";
import type { Settle } from "../../stream/send/send.js";
import { onAbort } from "../../support/abort.js";

export type Sequence<T> = Iterable<OutgoingMessage<T>> | AsyncIterable<OutgoingMessage<T>>;

export interface PublishAllOptions {
  /** Maximum events without an outcome. At this limit the source is not read. */
  readonly atOnce: number;
  readonly signal: AbortSignal | undefined;
  /**
   * Calls back with the reason when the publisher closes. Returns a function that stops watching.
   */
  readonly onClosing: (watcher: (reason: unknown) => void) => () => void;
}

/**
 * Submits every event of an iterable, and stops at the first failure, which it throws. Returns the
 * number of published events. Outcomes are counted, because a promise per event would cost more
 * than the send.
 */
export async function publishAll<T>(
  messages: Sequence<T>,
  submit: (message: OutgoingMessage<T>, settle: Settle<string>) => void,
  { atOnce, signal, onClosing }: PublishAllOptions,
): Promise<number> {
  let failure: { readonly error: unknown } | undefined;
  let sent = 0;
  let answered = 0;
  /** 0 = no waiter. Not `Infinity`: a heap number here cost 20 % of a small send. */
  let wakeAt = 0;
  let wake = () => {};
  const fail = (error: unknown) => {
    failure ??= { error };
    wake();
  };
  const settle: Settle<string> = (error) => {
    answered += 1;
    if (error !== undefined) fail(error);
    else if (answered === wakeAt) wake();
  };
  /** Resolves when `count` events have an outcome, or when `isWorthwhile` returns false. */
  const until = async (count: number, isWorthwhile: () => boolean) => {
    const isOver = () => answered >= count || !isWorthwhile();
    wakeAt = count;
    while (!isOver()) await new Promise<void>((resolve) => (wake = resolve));
    wakeAt = 0;
  };
  const hasNotFailed = () => failure === undefined;
  /** Submits a message. Returns a promise when no further event may be submitted yet. */
  const offer = (message: OutgoingMessage<T>): Promise<void> | undefined => {
    sent += 1;
    submit(message, settle);
    return sent - answered < atOnce ? undefined : until(sent - atOnce / 2, hasNotFailed);
  };
  let isStopped = false;
  const stop = (reason: unknown) => {
    isStopped = true;
    fail(reason);
  };
  const unwatch = [onAbort(signal, () => stop(signal?.reason)), onClosing((reason) => fail(reason))];
  try {
    if (Symbol.asyncIterator in messages) await offerAll(messages[Symbol.asyncIterator]());
    else {
      for (const message of messages) {
        if (!hasNotFailed()) break;
        const room = offer(message);
        if (room !== undefined) await room; // an await per event would cost more than the send
      }
    }
    await until(sent, () => !isStopped);
  } finally {
    for (const release of unwatch) release();
  }
  if (failure !== undefined) throw failure.error;
  return sent;

  /** Not a `for await`: that would wait for a source that has stalled, even after a failure. */
  async function offerAll(source: AsyncIterator<OutgoingMessage<T>>): Promise<void> {
    for (;;) {
      if (!hasNotFailed()) {
        await source.return?.();
        return;
      }
      const next = await new Promise<IteratorResult<OutgoingMessage<T>> | undefined>((resolve, reject) => {
        wake = () => hasNotFailed() || resolve(undefined);
        source.next().then(resolve, reject);
      });
      if (next === undefined) {
        // The source may never answer: `return` is called but not awaited.
        Promise.resolve(source.return?.()).catch(() => {});
        return;
      }
      if (next.done === true) return;
      const room = offer(next.value);
      if (room !== undefined) await room;
    }
  }
}
