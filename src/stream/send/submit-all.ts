import { onAbort } from "../../support/abort.js";
import type { Settle } from "./send.js";

export type Sequence<M> = Iterable<M> | AsyncIterable<M>;

export interface SubmitAllOptions {
  /** Maximum messages without an outcome. At this limit the source is not read. */
  readonly atOnce: number;
  readonly signal: AbortSignal | undefined;
  /**
   * Calls back with the reason when the publisher closes. Returns a function that stops watching.
   */
  readonly onClosing: (watcher: (reason: unknown) => void) => () => void;
  /** Called when no message is submitted before earlier ones have their outcomes. */
  readonly onAwaiting?: () => void;
}

/**
 * Submits every message of an iterable, and stops at the first failure, which it throws. Returns
 * the number of messages sent. Outcomes are counted, because a promise per message would cost more
 * than the send.
 */
export async function submitAll<M, Result>(
  messages: Sequence<M>,
  submit: (message: M, settle: Settle<Result>, index: number) => void,
  { atOnce, signal, onClosing, onAwaiting }: SubmitAllOptions,
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
  const settle: Settle<Result> = (error) => {
    answered += 1;
    if (error !== undefined) fail(error);
    else if (answered === wakeAt) wake();
  };
  /** Resolves when `count` messages have an outcome, or when `isWorthwhile` returns false. */
  const until = async (count: number, isWorthwhile: () => boolean) => {
    const isOver = () => answered >= count || !isWorthwhile();
    wakeAt = count;
    if (!isOver()) onAwaiting?.();
    while (!isOver()) await new Promise<void>((resolve) => (wake = resolve));
    wakeAt = 0;
  };
  const hasNotFailed = () => failure === undefined;
  /** Submits a message. Returns a promise when no further message may be submitted yet. */
  const offer = (message: M): Promise<void> | undefined => {
    sent += 1;
    submit(message, settle, sent - 1);
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
        if (room !== undefined) await room; // an await per message would cost more than the send
      }
    }
    await until(sent, () => !isStopped);
  } finally {
    for (const release of unwatch) release();
  }
  if (failure !== undefined) throw failure.error;
  return sent;

  /** Not a `for await`: that would wait for a source that has stalled, even after a failure. */
  async function offerAll(source: AsyncIterator<M>): Promise<void> {
    for (;;) {
      if (!hasNotFailed()) {
        await source.return?.();
        return;
      }
      const next = await new Promise<IteratorResult<M> | undefined>((resolve, reject) => {
        wake = () => hasNotFailed() || resolve(undefined);
        source.next().then(resolve, reject);
      });
      if (next === undefined) {
        // `return` of the source is called but not awaited, because it may never settle.
        Promise.resolve(source.return?.()).catch(() => {});
        return;
      }
      if (next.done === true) return;
      const room = offer(next.value);
      if (room !== undefined) await room;
    }
  }
}
