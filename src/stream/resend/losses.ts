import type { KubeMQError } from "../../api/errors.js";
import type { Connection } from "../../connection/connection.js";
import type { Subject } from "../../support/checks.js";
import { wasCutOff } from "../../support/faults.js";
import { beginResend } from "./policy.js";

/** The consecutive lost streams of a sender that sends again, and the delay after the last one. */
export class Losses {
  readonly #connection: Connection;
  readonly #subject: Subject;
  readonly #onDue: () => void;
  #failures = 0;
  #last: KubeMQError | undefined;
  #cancelTimer: (() => void) | undefined;

  /** @param onDue called when the messages may be sent again */
  constructor(connection: Connection, subject: Subject, onDue: () => void) {
    this.#connection = connection;
    this.#subject = subject;
    this.#onDue = onDue;
  }

  /** Whether nothing may be sent now. */
  get isWaiting(): boolean {
    return this.#cancelTimer !== undefined;
  }

  /** The last loss, while it is the reason why messages have no answer. */
  get reason(): KubeMQError | undefined {
    return this.isWaiting || this.isLasting ? this.#last : undefined;
  }

  /** Whether the next connection was lost as well, or no server could be reached. */
  get isLasting(): boolean {
    return this.#failures > 1;
  }

  /**
   * Begins the delay before the messages of a lost stream are sent again. Returns false when they
   * are not: the server has refused them, or the policy allows no further attempt.
   */
  begin(error: KubeMQError, messages: number): boolean {
    // A stream that the server has ended without an error has no cause.
    if (error.cause !== undefined && !wasCutOff(error)) return false;
    this.#failures += 1;
    const { clock, options } = this.#connection;
    const failed = { messages, failures: this.#failures, error, timeoutMs: options.timeoutMs };
    const delayMs = beginResend(this.#connection, this.#subject, failed);
    if (delayMs === undefined) {
      this.#failures = 0;
      return false;
    }
    this.#last = error;
    this.#cancelTimer = clock.setTimer(delayMs, () => {
      this.#cancelTimer = undefined;
      this.#onDue();
    });
    return true;
  }

  /** The server has answered. */
  answered(): void {
    this.#failures = 0;
  }

  stop(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
  }
}
