import type { CallOptions } from "./message.js";
import type { Telemetry } from "./telemetry.js";

/**
 * TLS settings. A certificate or key is a PEM string, PEM bytes, or the path of a PEM file, which
 * is read again for every connection.
 */
export interface TlsOptions {
  /** Certificate authorities to trust in place of the system's. */
  readonly ca?: string | Uint8Array | undefined;
  /** The client's certificate, for servers that require one. Needs `key`. */
  readonly cert?: string | Uint8Array | undefined;
  /** The client's private key. Needs `cert`. */
  readonly key?: string | Uint8Array | undefined;
  /** Decrypts `key`, if it is encrypted. */
  readonly passphrase?: string | undefined;
  /** The name the server's certificate must have. Default: the host of the address. */
  readonly serverName?: string | undefined;
  /** False accepts any certificate: for experiments only. @default true */
  readonly rejectUnauthorized?: boolean | undefined;
}

/**
 * A token and its expiry, if known. An expiry that has already passed when the provider returns it
 * counts as unknown.
 */
export type AuthToken = string | { readonly token: string; readonly expiresAt?: Date | undefined };

/** Returns the token of a client, see {@link ClientOptions.authToken}. */
export type TokenProvider = () => AuthToken | Promise<AuthToken>;

/** When an idle connection counts as dead, see {@link ClientOptions.keepalive}. */
export interface KeepaliveOptions {
  /** Silence before a ping is sent, in milliseconds. @default 10000 */
  readonly intervalMs?: number | undefined;
  /** Maximum wait for the answer, in milliseconds. @default 5000 */
  readonly timeoutMs?: number | undefined;
}

/** How streams reconnect, see {@link ClientOptions.reconnect}. */
export interface ReconnectOptions {
  /** The delay after the first failure, in milliseconds. @default 100 */
  readonly initialDelayMs?: number | undefined;
  /** The longest delay, in milliseconds. @default 10000 */
  readonly maxDelayMs?: number | undefined;
  /** The fraction of the delay that is random, 0 to 1. @default 1 */
  readonly jitter?: number | undefined;
  /** Consecutive failures that end the stream. @default Infinity */
  readonly maxAttempts?: number | undefined;
  /** Attempts of a stream that has never worked. @default 4 */
  readonly firstAttempts?: number | undefined;
}

/** HTTP/2 flow-control windows, see {@link ClientOptions.flowControl}. */
export interface FlowControlOptions {
  /** The window of a stream, in bytes. @default 1048576 */
  readonly streamBytes?: number | undefined;
  /** The window of the connection, in bytes. @default 2097152 */
  readonly connectionBytes?: number | undefined;
}

/** Options of `close()` of a client. */
export interface CloseOptions {
  /** Maximum time until the rest is cancelled, in milliseconds. @default 5000 */
  readonly timeoutMs?: number | undefined;
  /** Cancels the rest when it aborts. */
  readonly signal?: AbortSignal | undefined;
}

/** Options of `KubeMQClient.connect`. */
export interface ConnectOptions extends CallOptions {
  /**
   * How long to wait for a server that cannot be reached or does not answer, in milliseconds. All
   * servers of a list are tried again and again.
   * `Infinity` waits until `signal` aborts. The delays between attempts are those of the client's
   * `reconnect`. A server that refuses the client's credentials ends the wait.
   * @default 0 (the first failure rejects)
   */
  readonly waitMs?: number | undefined;
}

/** Settings of a {@link KubeMQClient}. */
export interface ClientOptions {
  /**
   * The server: `host:port`, `http://host:port` (plain text) or `https://host:port` (TLS). A bare
   * `host:port` is plain text unless `tls` is set. With an `authToken`, a bare address that is not
   * loopback is refused unless `tls` or `http://` selects one explicitly.
   *
   * A list of servers is tried in turn. The client uses one server at a time: when it cannot be
   * reached, its connection is lost, or it refuses calls because it starts or stops, all calls and
   * streams use the next one, and after the last the first again. A client does not return to an
   * earlier server by itself. A call fails with `UNAVAILABLE` when no server of the list can be
   * reached, or when its connection was lost while it waited for the answer. Servers that do not
   * share their data each have their own queues and stored events.
   * @default "localhost:50000"
   */
  readonly address?: string | readonly string[] | undefined;
  /**
   * The order in which the servers of a list are tried. `listed`: clients with the same list use
   * the same server, which servers without common data require. `random`: shuffled once for each
   * client, which distributes the clients over the servers of a cluster.
   * @default "listed"
   */
  readonly addressOrder?: "listed" | "random" | undefined;
  /**
   * Identifies this client in the server's access control and logs: letters, digits, `-` and `_`.
   * @default "kubemq-es-" and 8 random characters
   */
  readonly clientId?: string | undefined;
  /**
   * The ClientID of store subscriptions. A server keeps a position for each ClientID and lets it
   * subscribe once at a time, so `unique` adds `-` and 8 random characters for each attempt: rules
   * of access control allow it by a pattern such as `orders(-.*)?` for the clientId `orders`.
   * Replays are always unique.
   *
   * `client` is the clientId itself, for servers whose rules name it exactly, or that replace it by
   * the token's. Such a client can have one store subscription at a time on the whole server. The
   * server keeps its position, as for a group: `start` counts only the first time ever, the events
   * in transit at a loss are lost, and gaps are not reported.
   * @default "unique"
   */
  readonly storeClientId?: "unique" | "client" | undefined;
  /**
   * The token that authenticates this client, or a function that returns it. The client calls the
   * function for the first call, after `expiresAt`, and once after the server refused the token.
   * Waiting calls share one call of the function.
   */
  readonly authToken?: string | TokenProvider | undefined;
  /**
   * TLS: true for the system's certificate authorities, or settings.
   * @default true for `https://`, else false
   */
  readonly tls?: boolean | TlsOptions | undefined;
  /**
   * Maximum time for the answer to a call, in milliseconds. Does not apply to streams.
   * @default 10000
   */
  readonly timeoutMs?: number | undefined;
  /**
   * Maximum time until a server accepts a connection and sends its first frame, in milliseconds.
   * For a list, the default is divided by the number of servers, but at least 1000.
   * @default 10000
   */
  readonly connectTimeoutMs?: number | undefined;
  /**
   * Pings the server while a stream is open or a call waits and nothing was received for
   * `intervalMs` milliseconds. Without an answer within `timeoutMs` the connection counts as dead,
   * and every stream reconnects. A connection that the server has asked to leave is watched
   * separately while it has streams.
   * @default { intervalMs: 10000, timeoutMs: 5000 }
   */
  readonly keepalive?: false | KeepaliveOptions | undefined;
  /**
   * How streams reconnect after a lost connection: after a random delay up to `initialDelayMs`,
   * doubled with each failure up to `maxDelayMs`. `maxAttempts` consecutive failures end the
   * stream. False: the first loss ends it.
   *
   * A stream that has worked reconnects after any error, unless the server refuses its credentials
   * or its arguments. A stream that has never worked ends after `firstAttempts` attempts with an
   * error other than a lost connection, such as an error of a proxy or an answer that is not gRPC.
   * @default { initialDelayMs: 100, maxDelayMs: 10000, jitter: 1, maxAttempts: Infinity, firstAttempts: 4 }
   */
  readonly reconnect?: false | ReconnectOptions | undefined;
  /**
   * Whether events, stored events, queue messages, commands and queries without an answer are sent
   * again after a lost connection. They may then be stored or executed twice, with the same id. See
   * {@link ResendOptions}. Each call and each publisher may decide for itself.
   * @default false
   */
  readonly resend?: boolean | undefined;
  /**
   * Maximum size of a message in bytes, in both directions. A larger message is refused before it
   * is sent.
   * @default 104857600 (100 MiB, as servers have it)
   */
  readonly maxMessageBytes?: number | undefined;
  /**
   * HTTP/2 flow-control windows, in bytes: the data that a server may send before it is read.
   * Larger windows are faster over long distances, but use more memory and hold more messages in
   * transit.
   * @default { streamBytes: 1048576, connectionBytes: 2097152 }
   */
  readonly flowControl?: FlowControlOptions | undefined;
  /**
   * Traces and counts messages that are sent, processed and settled: `openTelemetry()` of
   * `kubemq-es/opentelemetry`. It sends the context of a message in its tags. Default: none,
   * without any cost.
   */
  readonly telemetry?: Telemetry | undefined;
}
