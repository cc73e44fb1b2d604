import { DEFAULTS } from "../defaults.js";

/** How a lost stream reconnects. */
export interface BackoffPolicy {
  /** The first delay, in milliseconds. */
  readonly initialDelayMs: number;
  /** The maximum delay, in milliseconds. */
  readonly maxDelayMs: number;
  /** The random share of a delay: 0 none, 1 all of it. */
  readonly jitter: number;
  /** This many consecutive failures end the stream. */
  readonly maxAttempts: number;
}

/** How streams reconnect. */
export interface ReconnectPolicy extends BackoffPolicy {
  /**
   * Maximum attempts of a stream that has never worked, when the error is neither a refusal nor a
   * lost connection.
   */
  readonly firstAttempts: number;
}

/**
 * The delay before attempt `failures` + 1, in milliseconds: doubled each time, limited, and random
 * so that clients do not reconnect at the same time.
 */
export function backoffDelay(policy: BackoffPolicy, failures: number, random: () => number): number {
  // promise: backoff-bounded
  const full = Math.min(policy.maxDelayMs, policy.initialDelayMs * 2 ** Math.min(failures - 1, 30));
  return Math.round(full * (1 - policy.jitter) + full * policy.jitter * random()); // promise: backoff-random
}

/** The policy of a stream: its own options override the client's. */
export function policyOf(client: false | ReconnectPolicy, own: boolean | undefined): false | ReconnectPolicy {
  if (own === false) return false; // promise: reconnect-off
  if (own === true && client === false) return DEFAULTS.reconnect;
  return client;
}
