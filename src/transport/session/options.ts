import type { Http2SessionManager } from "@connectrpc/connect-node";
import type { ClientHttp2Stream } from "node:http2";
import type { StaticCodecs } from "../../codec/static.js";
import type { Keepalive } from "./leaving.js";

/** Opens requests: a session manager of connect-node, or a wrapper of it. */
export interface SessionSource extends Pick<Http2SessionManager, "authority" | "notifyResponseByteRead"> {
  /**
   * @param isStream whether the call has no known end, such as a subscription; by default, whether
   *   it has no deadline
   */
  request(...request: [...Parameters<Http2SessionManager["request"]>, isStream?: boolean]): Promise<ClientHttp2Stream>;
  /** False when a further stream would need a further connection. */
  readonly hasRoom?: boolean;
}

/** Options of a transport. */
export interface TransportOptions {
  /** Opens, keeps and replaces the connection. */
  readonly sessionManager: SessionSource;
  /**
   * Generated codecs by message type, for frequent messages.
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

/** Options of the connections. */
export interface ConnectionOptions {
  /**
   * The name of the server in errors, and in the fault of a lost connection.
   * @default "" (no name)
   */
  readonly server?: string;
  /**
   * How long to wait for a connection and for the SETTINGS frame of the server, in milliseconds.
   * @default 10000
   */
  readonly connectTimeoutMs?: number;
  /**
   * Maximum bytes that a server may send on a connection before they are read. The window of a
   * single stream is a setting of the session: {@link sessionSettings}.
   * @default 2097152 (2 MiB)
   */
  readonly connectionWindowBytes?: number;
  /**
   * How to watch connections that the server has asked to leave, with SETTINGS frames. Other
   * connections receive none.
   * @default false
   */
  readonly keepalive?: Keepalive | false;
  /**
   * Called when the server has asked a connection to leave. Later calls use the next connection.
   * @default does nothing
   */
  readonly onGoaway?: () => void;
  /**
   * Called when the server has refused this many streams of a connection in a row. Later calls use
   * the next connection.
   * @default does nothing
   */
  readonly onRefused?: (count: number) => void;
}

/** Every default of {@link TransportOptions}. */
export const transportDefaults = {
  codecs: {},
  readMaxBytes: 100 * 1024 * 1024,
  writeMaxBytes: 100 * 1024 * 1024,
} as const;

/** Every default of {@link ConnectionOptions}. */
export const connectionDefaults = {
  server: "",
  connectTimeoutMs: 10_000,
  connectionWindowBytes: 2 * 1024 * 1024,
  keepalive: false,
  onGoaway: () => {},
  onRefused: () => {},
} as const;

const STREAM_WINDOW_BYTES = 1024 * 1024;

/**
 * Options of node:http2 for the session manager's connections.
 *
 * @param streamWindowBytes maximum bytes that a server may send on a stream before they are read
 */
export function sessionSettings(streamWindowBytes: number = STREAM_WINDOW_BYTES): {
  settings: { initialWindowSize: number; enablePush: boolean };
  maxSessionMemory: number;
} {
  return {
    settings: { initialWindowSize: streamWindowBytes, enablePush: false },
    // Above the default of 10 MB node:http2 refuses every new stream with ENHANCE_YOUR_CALM, while
    // a large message is in transit or after one was refused. maxMessageBytes limits the size of
    // messages instead. grpc-js does the same: https://github.com/grpc/grpc-node/pull/2084
    maxSessionMemory: Number.MAX_SAFE_INTEGER,
  };
}
