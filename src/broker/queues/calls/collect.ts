import type { Clock } from "../../clock.js";
import type { Message } from "../model/message.js";
import type { Queue } from "../model/queue.js";

/** How many messages to take from a queue, and how long to wait for them. */
export interface Wish {
  readonly count: number;
  /** Whether an expired message counts, as it does in a poll. */
  readonly countExpired: boolean;
  readonly waitMs: number;
  /** Whether each message is acknowledged when it is taken; the consumer then holds at most one. */
  readonly ackOnTake?: boolean;
  /** Whether the messages are only looked at, and released. */
  readonly peeks?: boolean;
  /** Whether the server still counts the consumer after a restart, although its client has gone. */
  readonly survivesRestarts?: boolean;
}

/** Messages taken from a queue and still held. */
export interface Collected {
  readonly end: "full" | "waited" | "cancelled";
  readonly messages: Message[];
  readonly expired: number;
}

/** Takes messages until there are enough, the time is over, or the call is cancelled. */
export function collect(queue: Queue, wish: Wish, clock: Clock, signal: AbortSignal): Promise<Collected> {
  const messages: Message[] = [];
  let expired = 0;
  const wants = () => messages.length + (wish.countExpired ? expired : 0) < wish.count;
  return new Promise((resolve) => {
    const end = (how: Collected["end"]) => {
      cancelTimer();
      signal.removeEventListener("abort", onAbort);
      queue.leave(seat);
      resolve({ end: how, messages, expired });
    };
    const onAbort = () => end("cancelled");
    // The queue may deliver all messages while the consumer joins, before the clean-up is
    // registered.
    let joined = false;
    const check = () => {
      if (joined && !wants()) end("full");
    };
    let cancelTimer = () => {};
    const seat = queue.join({
      limit: wish.ackOnTake === true ? 1 : wish.count,
      survivesRestarts: wish.survivesRestarts ?? false,
      peeks: wish.peeks ?? false,
      wants: () => !signal.aborted && wants(),
      take(message) {
        messages.push(message);
        if (wish.ackOnTake === true) queue.ack(message);
        check();
      },
      skip() {
        expired++;
        check();
      },
    });
    joined = true;
    if (signal.aborted) return end("cancelled");
    if (!wants()) return end("full");
    signal.addEventListener("abort", onAbort);
    cancelTimer = clock.setTimer(wish.waitMs, () => end("waited"));
  });
}
