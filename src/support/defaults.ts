/** Every default of {@link ClientOptions} in one place. */
export const DEFAULTS = {
  address: "localhost:50000",
  addressOrder: "listed",
  storeClientId: "unique",
  timeoutMs: 10_000,
  connectTimeoutMs: 10_000,
  keepalive: { intervalMs: 10_000, timeoutMs: 5_000 },
  reconnect: { initialDelayMs: 100, maxDelayMs: 10_000, jitter: 1, maxAttempts: Infinity, firstAttempts: 4 },
  resend: false,
  maxMessageBytes: 104_857_600,
  flowControl: { streamBytes: 1_048_576, connectionBytes: 2_097_152 },
  closeTimeoutMs: 5_000,
  concurrency: 1,
  drainTimeoutMs: 5_000,
  processDrainTimeoutMs: 30_000,
  retryDelay: { initialDelayMs: 100, maxDelayMs: 10_000, jitter: 0.5, maxAttempts: Infinity },
} as const;

/** Maximum delay of a Node.js timer, in milliseconds; a longer timer fires immediately. */
export const MAX_TIMER_MS = 2 ** 31 - 1;
