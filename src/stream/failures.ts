import type { KubeMQError } from "../api/errors.js";
import type { ReconnectPolicy } from "../support/time/backoff.js";
import { reactionTo } from "./reaction.js";

/** The consecutive failures of a stream, and whether they end it. */
export class Failures {
  readonly #policy: false | ReconnectPolicy;
  #count = 0;
  /**
   * Those after which the stream makes few attempts. Counted separately: failures to reach a server
   * that is starting must not use up the attempts for the errors of its proxy.
   */
  #few = 0;

  constructor(policy: false | ReconnectPolicy) {
    this.#policy = policy;
  }

  get count(): number {
    return this.#count;
  }

  /** An attempt has worked. */
  reset(): void {
    this.#count = 0;
    this.#few = 0;
  }

  /** Counts a failure, and returns whether it ends the stream. */
  endsAfter(error: KubeMQError, hasWorked: boolean): boolean {
    const reaction = reactionTo(error, hasWorked);
    if (this.#policy === false || reaction === "ends") return true;
    this.#count += 1;
    if (reaction === "few") this.#few += 1; // promise: first-attempts-counted
    return this.#few >= this.#policy.firstAttempts || this.#count >= this.#policy.maxAttempts; // promise: max-attempts
  }
}
