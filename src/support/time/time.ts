const NANOS_PER_MS = 1_000_000n;

/** Servers take nanoseconds; seconds or milliseconds in their place would mean 1970, and replay everything. */
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
