import type { Own } from "../../transactions/own.js";
import type { WireQueueMessage } from "../../wire.js";

/** Milliseconds for which another consumer counts as present: it is invisible between its polls. */
const PRESENT_MS = 30_000;

/** The same after a gap in the sequences, in milliseconds. Expired messages leave gaps too. */
const GAP_MS = 2_000;

/** The other consumers of the queue, which counts and gaps in the received sequences reveal. */
export class OtherConsumers {
  #most = 0;
  #arePresent = false;
  #presentUntil = -Infinity;
  #lastSequence = 0n;

  /** Whether another consumer was detected recently. */
  get arePresent(): boolean {
    return this.#arePresent;
  }

  /** The most polls and open transactions that they had at a time recently. */
  get most(): number {
    return this.#most;
  }

  /** Records the number of polls and open transactions of all consumers, `own` included. */
  counted(subscribers: number, own: Own, nowMs: number): void {
    if (subscribers > Math.max(1, own.transactions)) this.#presentUntil = nowMs + PRESENT_MS;
    this.#arePresent = nowMs < this.#presentUntil;
    if (!this.#arePresent) this.#most = 0;
    // With messages held, a settled transaction may not be closed yet, and would count as another.
    else if (own.held === 0) this.#most = Math.max(this.#most, subscribers - own.transactions);
  }

  /** Records a received message. A gap before it suggests that others took the missing messages. */
  took(message: WireQueueMessage, nowMs: number): void {
    if (this.leavesGap(message)) {
      this.#presentUntil = Math.max(this.#presentUntil, nowMs + GAP_MS);
      this.#arePresent = true;
    }
    this.#lastSequence = sequenceOf(message);
  }

  /** Whether messages before this one have not been received. */
  leavesGap(message: WireQueueMessage): boolean {
    return this.#lastSequence !== 0n && sequenceOf(message) !== this.#lastSequence + 1n;
  }

  /** Records that messages from this sequence on were returned to the queue. */
  returned(first: bigint): void {
    this.#lastSequence = first - 1n;
  }
}

function sequenceOf({ Attributes }: WireQueueMessage): bigint {
  return Attributes?.Sequence ?? 0n;
}
