import type { Clock } from "../../../support/time/clock.js";
import type { Transactions } from "../../transactions/transactions.js";
import type { Backlog } from "./backlog.js";
import type { Contention } from "./contention.js";
import type { Pace } from "./pace.js";
import type { Peeks } from "./peeks.js";
import type { Recount } from "./recount.js";
import type { Spares } from "./spares.js";
import type { Taking } from "./taking.js";

/** What a consumer does next. */
export type Step =
  /** Nothing, until something changes. */
  | { readonly kind: "nothing" }
  /** Nothing, until this many milliseconds have passed. */
  | { readonly kind: "later"; readonly delayMs: number }
  /** Requests the server's count. */
  | { readonly kind: "count" }
  /** Waits for a message with a peek. */
  | { readonly kind: "peek" }
  /** Polls for this many messages at most. */
  | { readonly kind: "poll"; readonly max: number }
  /** Counts, to find out whether more messages can be taken while others are unsettled. */
  | { readonly kind: "look"; readonly room: number }
  /** Returns the spare messages to the queue. */
  | { readonly kind: "return-spares" };

const NOTHING: Step = { kind: "nothing" };

/** The parts of a consumer that its next step depends on. */
export interface TakingParts {
  readonly clock: Clock;
  readonly taking: Taking;
  readonly transactions: Transactions;
  readonly backlog: Backlog;
  readonly contention: Contention;
  readonly pace: Pace;
  readonly peeks: Peeks;
  readonly recount: Recount;
  readonly spares: Spares;
}

/**
 * Decides when a consumer waits, when it polls, and for how many messages.
 *
 * @param demand - whether the loop waits for a message
 */
export function nextStep(parts: TakingParts, demand: boolean): Step {
  const { clock, taking, transactions, recount, spares } = parts;
  if (spares.count > 0) {
    const keptMs = spares.dueAt - clock.now();
    return keptMs > 0 ? { kind: "later", delayMs: keptMs } : { kind: "return-spares" };
  }
  // Counts while the loop works, so that the next poll can follow its settlement immediately.
  if (recount.isDue) return { kind: "count" };
  if (transactions.unsettled > 0) return demand ? stepBeside(parts) : NOTHING;
  return demand || !taking.autoAck ? stepAlone(parts) : NOTHING;
}

/** Without unsettled messages: polls for known messages, otherwise peeks until one arrives. */
function stepAlone({ taking, transactions, backlog, contention, peeks, spares }: TakingParts): Step {
  const { leftMs } = contention;
  if (leftMs > 0) return { kind: "later", delayMs: leftMs };
  if (transactions.areEnding) return NOTHING; // promise: calls-end-in-turn
  const max = backlog.next(backlog.isAlone ? spares.pollSize : taking.prefetch);
  const most = taking.by === "batch" ? taking.prefetch : max; // promise: lone-message-polled
  if (max > 0) return { kind: "poll", max: most };
  if (!peeks.arePossible) return { kind: "poll", max: taking.least };
  const { areConfirmed, areConcluded } = transactions.settlements;
  // The transaction must be closed first: messages would be sent to it during the peek.
  return areConcluded || !areConfirmed ? { kind: "peek" } : NOTHING;
}

/** The loop wants more messages while some are unsettled. */
function stepBeside({ clock, taking, transactions, backlog, pace }: TakingParts): Step {
  const { by, prefetch, least } = taking;
  const room = by === "batch" ? prefetch : prefetch - transactions.unsettled;
  if (room <= 0) return NOTHING;
  const waitMs = pace.dueAt(room, prefetch) - clock.now();
  if (waitMs > 0) return { kind: "later", delayMs: waitMs };
  return backlog.canAsk ? { kind: "look", room } : { kind: "poll", max: least };
}
