import { DEFAULTS } from "./defaults.js";

/** How a lost stream comes back. */
export interface BackoffPolicy {
  /** The first delay, in milliseconds. */
  readonly initialDelayMs: number;
  /** No delay is longer, in milliseconds. */
  readonly maxDelayMs: number;
  /** Which part of a delay is random: 0 none, 1 all of it. */
  readonly jitter: number;
  /** So many failures in a row end the stream. */
  readonly maxAttempts: number;
}

/** The delay before attempt `failures` + 1, in milliseconds: doubled each time, capped, spread so that clients do not return in step. */
export function backoffDelay(policy: BackoffPolicy, failures: number, random: () => number): number {
  // promise: backoff-bounded
  const full = Math.min(policy.maxDelayMs, policy.initialDelayMs * 2 ** Math.min(failures - 1, 30));
  return Math.round(full * (1 - policy.jitter) + full * policy.jitter * random()); // promise: backoff-random
}

/** What a stream does, by what the client's options say and what its own say. */
export function policyOf(client: false | BackoffPolicy, own: boolean | undefined): false | BackoffPolicy {
  if (own === false) return false; // promise: reconnect-off
  if (own === true && client === false) return DEFAULTS.reconnect;
  return client;
}
