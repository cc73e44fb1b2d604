import type { CallOptions } from "./message.js";
import type { Telemetry } from "./telemetry.js";

/** TLS settings. Certificates and keys are a PEM string, PEM bytes, or the path of a PEM file, which is read again for every connection. */
export interface TlsOptions {
  /** Authorities to trust in place of the system's. */
  ca?: string | Uint8Array;
  /** The client's certificate, for servers that ask for one. Needs `key`. */
  cert?: string | Uint8Array;
  /** The client's private key. Needs `cert`. */
  key?: string | Uint8Array;
  /** Decrypts `key`, if it is encrypted. */
  passphrase?: string;
  /** The name the server's certificate must have. Default: the host of the address. */
  serverName?: string;
  /** False accepts any certificate: for experiments only. @default true */
  rejectUnauthorized?: boolean;
}

/**
 * A token and its expiry, if known. An expiry that has already passed when the provider returns it
 * counts as unknown.
 */
export type AuthToken = string | { readonly token: string; readonly expiresAt?: Date };

/** Options of `KubeMQClient.connect`. */
export interface ConnectOptions extends CallOptions {
  /**
   * How long to wait for a server that cannot be reached or does not answer, in milliseconds; `Infinity` waits until `signal` aborts.
   * Attempts follow each other with the delays of the client's `reconnect`. A server that refuses the client's credentials ends the wait.
   * @default 0 (the first failure rejects)
   */
  waitMs?: number;
}

/** Settings of a {@link KubeMQClient}. */
export interface ClientOptions {
  /**
   * The server: `host:port`, `http://host:port` (plain text) or `https://host:port` (TLS). A bare `host:port` is plain text
   * unless `tls` says otherwise; with an `authToken` a bare address that is not loopback is refused until `tls` or `http://` says which it is.
   * @default "localhost:50000"
   */
  address?: string;
  /** Identifies this client in the server's access control and logs: letters, digits, `-` and `_`. @default "kubemq-es-" and 8 random characters */
  clientId?: string;
  /**
   * The token that authenticates this client, or a function that gives it. The function is called for the first call, when
   * `expiresAt` has passed, and once after the server refused the token; calls that wait for it share one call of it.
   */
  authToken?: string | (() => AuthToken | Promise<AuthToken>);
  /** TLS: true for the system's authorities, or settings. @default true for `https://`, else false */
  tls?: boolean | TlsOptions;
  /** How long a call waits for its answer, in milliseconds. Does not apply to streams. @default 10000 */
  timeoutMs?: number;
  /** How long a connection may take to be made, in milliseconds. @default 10000 */
  connectTimeoutMs?: number;
  /**
   * While a stream is open or a call waits, and nothing was received for `intervalMs`, the server is pinged; no answer within `timeoutMs`
   * means that the connection is dead, and every stream comes back on a new one. A connection that the server has asked to leave is watched
   * apart, as long as there are streams on it. @default { intervalMs: 10000, timeoutMs: 5000 }
   */
  keepalive?: false | { intervalMs?: number; timeoutMs?: number };
  /**
   * How streams come back after a lost connection: after a random delay below `initialDelayMs`, doubled with each failure up to
   * `maxDelayMs`. `maxAttempts` failures in a row end the stream. False: the first loss ends it.
   *
   * A stream that has worked comes back, whatever ended it, unless the server refuses its credentials or its arguments. One that has never
   * worked and meets another error than a lost connection, such as an error of a proxy, ends with that error after `firstAttempts` attempts.
   * @default { initialDelayMs: 100, maxDelayMs: 10000, jitter: 1, maxAttempts: Infinity, firstAttempts: 4 }
   */
  reconnect?:
    | false
    | {
        initialDelayMs?: number;
        maxDelayMs?: number;
        jitter?: number;
        maxAttempts?: number;
        firstAttempts?: number;
      };
  /**
   * Maximum size of a message in bytes, in both directions. A larger one is refused before it is
   * sent. @default 104857600 (100 MiB, as servers have it)
   */
  maxMessageBytes?: number;
  /**
   * HTTP/2 flow-control windows, in bytes: how much a server may send before it is read. Larger windows are faster over long
   * distances; a window is also memory, and messages in flight. @default { streamBytes: 1048576, connectionBytes: 2097152 }
   */
  flowControl?: { streamBytes?: number; connectionBytes?: number };
  /**
   * Traces and counts messages that are sent, processed and settled: `openTelemetry()` of
   * `kubemq-es/opentelemetry`. It sends the context of a message in its tags. Default: none,
   * without any cost.
   */
  telemetry?: Telemetry;
}
