const NANOS_PER_MS = 1_000_000n;

/**
 * Converts to nanoseconds, which servers expect. Seconds or milliseconds would mean 1970, and would
 * replay everything.
 */
export function nanosOf(time: Date): bigint {
  return BigInt(time.getTime()) * NANOS_PER_MS; // promise: store-time-in-nanos
}

/**
 * The wall clock, rounded up: it counts milliseconds, servers stamp events in nanoseconds, and an
 * event stored earlier in the same millisecond is not "from now on".
 */
export function wallNanos(): bigint {
  return BigInt(Date.now() + 1) * NANOS_PER_MS;
}

export function dateOf(nanos: bigint): Date {
  return new Date(Number(nanos / NANOS_PER_MS));
}
