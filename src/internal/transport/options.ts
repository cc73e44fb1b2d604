import type { Http2SessionManager } from "@connectrpc/connect-node";

/** How a transport speaks to its server. */
export interface TransportOptions {
  /** Connects, keeps and replaces the connection. */
  readonly sessionManager: Http2SessionManager;
  /**
   * Largest message to accept, in bytes.
   * @default 104857600 (100 MiB)
   */
  readonly readMaxBytes?: number;
  /**
   * Largest message to send, in bytes.
   * @default 104857600 (100 MiB)
   */
  readonly writeMaxBytes?: number;
  /**
   * How long to wait for a connection, in milliseconds.
   * @default 10000
   */
  readonly connectTimeoutMs?: number;
  /**
   * What a server may send on a connection before it is read, in bytes. The window of a single stream is a setting of the
   * session: {@link sessionSettings}.
   * @default 2097152 (2 MiB)
   */
  readonly connectionWindowBytes?: number;
}

/** Every default of {@link TransportOptions}. */
export const transportDefaults = {
  readMaxBytes: 100 * 1024 * 1024,
  writeMaxBytes: 100 * 1024 * 1024,
  connectTimeoutMs: 10_000,
  connectionWindowBytes: 2 * 1024 * 1024,
  streamWindowBytes: 1024 * 1024,
} as const;

/**
 * Options of node:http2 for the session manager's connections.
 *
 * @param streamWindowBytes what a server may send on a stream before it is read
 */
export function sessionSettings(streamWindowBytes: number = transportDefaults.streamWindowBytes): {
  settings: { initialWindowSize: number; enablePush: boolean };
} {
  return { settings: { initialWindowSize: streamWindowBytes, enablePush: false } };
}
