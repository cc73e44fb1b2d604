import type { Connection } from "../../connection/connection.js";
import type { Subject } from "../../support/checks.js";
import { countWaiting } from "../waiting.js";

/** Milliseconds between two checks of a consumer that receives nothing. */
const CHECK_MS = 15_000;

/** Reports by the client's status that messages wait while none is delivered. */
export class StallWatch {
  readonly #connection: Connection;
  readonly #subject: Subject & { readonly channel: string };
  readonly #held: () => number;
  #since: number;
  /**
   * Messages that waited at the last check. The second consecutive check that finds any reports
   * them, once.
   */
  #waited = 0;
  #isReported = false;
  #cancelTimer: (() => void) | undefined;
  #isStopped = false;

  /** @param held number of messages that this consumer has among those the server counts */
  constructor(connection: Connection, subject: Subject & { readonly channel: string }, held: () => number) {
    this.#connection = connection;
    this.#subject = subject;
    this.#held = held;
    this.#since = connection.clock.now();
    this.#watch();
  }

  /** Records a delivery. */
  taken(): void {
    this.#since = this.#connection.clock.now();
    this.#waited = 0;
    this.#isReported = false;
  }

  stop(): void {
    this.#isStopped = true;
    this.#cancelTimer?.();
  }

  #watch(): void {
    this.#cancelTimer = this.#connection.clock.setTimer(CHECK_MS, () => void this.#check());
  }

  async #check(): Promise<void> {
    const since = this.#since;
    const forMs = this.#connection.clock.now() - since;
    if (forMs >= CHECK_MS && !this.#isReported) {
      const held = this.#held();
      const count = await countWaiting(this.#connection, this.#subject);
      if (this.#isStopped || count === "refused") return;
      if (since === this.#since && count !== undefined) this.#look(count.waiting - held, forMs);
    }
    if (!this.#isStopped) this.#watch();
  }

  #look(waiting: number, forMs: number): void {
    if (waiting > 0 && this.#waited > 0) {
      this.#isReported = true;
      const { channel } = this.#subject;
      // promise: stall-reported
      this.#connection.report({ type: "stalled", channel, waiting, forMs: Math.round(forMs), advice: ADVICE });
    }
    this.#waited = waiting;
  }
}

const ADVICE =
  "Messages wait in the queue, and the server delivers none of them to this consumer. Either another consumer holds them and will settle " +
  'them, or a crash or restart of the server has left a stale consumer behind: see docs/servers.md, "A queue that delivers nothing".';
