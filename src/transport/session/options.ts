import type { Http2SessionManager } from "@connectrpc/connect-node";
import type { ClientHttp2Stream } from "node:http2";
import type { StaticCodecs } from "../../codec/static.js";
import type { Keepalive } from "./leaving.js";

/** What opens requests: a session manager of connect-node, or something on it. */
export interface SessionSource extends Pick<Http2SessionManager, "authority" | "notifyResponseByteRead"> {
  /**
   * @param isStream whether the call has no end that is known, such as a subscription; by default,
   *   whether it has no deadline
   */
  request(...request: [...Parameters<Http2SessionManager["request"]>, isStream?: boolean]): Promise<ClientHttp2Stream>;
}

/** How a transport speaks to its server. */
export interface TransportOptions {
  /** Connects, keeps and replaces the connection. */
  readonly sessionManager: SessionSource;
  /**
   * Generated codecs by message type, for the messages that are worth one.
   * @default {} (protobuf-es reads and writes every message)
   */
  readonly codecs?: StaticCodecs;
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
}

/** How connections are made and kept. */
export interface ConnectionOptions {
  /**
   * How long to wait for a connection, in milliseconds.
   * @default 10000
   */
  readonly connectTimeoutMs?: number;
  /**
   * What a server may send on a connection before it is read, in bytes. The window of a single
   * stream is a setting of the session: {@link sessionSettings}.
   * @default 2097152 (2 MiB)
   */
  readonly connectionWindowBytes?: number;
  /**
   * How to watch connections that the server has asked to leave, by SETTINGS. Of the others nothing
   * is asked.
   * @default false
   */
  readonly keepalive?: Keepalive | false;
  /**
   * Called when the server has asked a connection to leave: what is opened from now on goes to the
   * next one.
   * @default does nothing
   */
  readonly onGoaway?: () => void;
}

/** Every default of {@link TransportOptions}. */
export const transportDefaults = {
  codecs: {},
  readMaxBytes: 100 * 1024 * 1024,
  writeMaxBytes: 100 * 1024 * 1024,
} as const;

/** Every default of {@link ConnectionOptions}. */
export const connectionDefaults = {
  connectTimeoutMs: 10_000,
  connectionWindowBytes: 2 * 1024 * 1024,
  keepalive: false,
  onGoaway: () => {},
} as const;

const STREAM_WINDOW_BYTES = 1024 * 1024;

/**
 * Options of node:http2 for the session manager's connections.
 *
 * @param streamWindowBytes what a server may send on a stream before it is read
 */
export function sessionSettings(streamWindowBytes: number = STREAM_WINDOW_BYTES): {
  settings: { initialWindowSize: number; enablePush: boolean };
  maxSessionMemory: number;
} {
  return {
    settings: { initialWindowSize: streamWindowBytes, enablePush: false },
    // Above its default of 10 MB node:http2 refuses every new stream with ENHANCE_YOUR_CALM, for as
    // long as a large message is on its way or was refused. What may be sent is limited by
    // maxMessageBytes. grpc-js does the same: https://github.com/grpc/grpc-node/pull/2084
    maxSessionMemory: Number.MAX_SAFE_INTEGER,
  };
}
