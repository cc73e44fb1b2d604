const NANOS_PER_MS = 1_000_000n;

/**
 * Converts to nanoseconds, which servers expect. Seconds or milliseconds would mean 1970, and would
 * replay everything.
 */
export function nanosOf(time: Date): bigint {
  return BigInt(time.getTime()) * NANOS_PER_MS; // promise: store-time-in-nanos
}

/** The wall clock. */
export function wallNanos(): bigint {
  return BigInt(Date.now()) * NANOS_PER_MS;
}

export function dateOf(nanos: bigint): Date {
  return new Date(Number(nanos / NANOS_PER_MS));
}
