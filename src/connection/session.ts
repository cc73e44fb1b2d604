import type { Clock } from "../support/time/clock.js";
import { Code } from "@connectrpc/connect";
import { Http2SessionManager } from "@connectrpc/connect-node";
import type { SecureClientSessionOptions } from "node:http2";
import { kubemqCodecs } from "../../gen/kubemq_codec.js";
import { ConnectionPool, createTransport, sessionSettings, type Transport } from "../transport/index.js";
import { TransportError } from "../support/transport-error.js";
import { cutSockets } from "../transport/session/lifetime.js";
import { pem, type ResolvedOptions } from "./options.js";
import { setImmediate } from "../support/timers.js";

/** What carries the calls of a client. */
export interface Session {
  readonly transport: Transport;
  /** Ends every call. */
  readonly abort: () => void | Promise<void>;
}

/** Replacements that tests inject for the session, the clock and random numbers. */
export interface Seam extends Partial<Session> {
  readonly clock?: Clock;
  readonly random?: () => number;
}

/**
 * The HTTP/2 connection of a client: made at the first call and again when it is lost, and more of them where the server limits
 * the streams of a connection. HTTP/2 PINGs stay off, since servers close the connection of a client that sends them often.
 *
 * @param onGoaway called when the server has asked the connection to leave
 */
export function openSession(options: ResolvedOptions, onGoaway: () => void): Session {
  const connect = () => new Http2SessionManager(options.origin, {}, sessionOptions(options));
  const connections = new ConnectionPool(connect, {
    connectTimeoutMs: options.connectTimeoutMs,
    connectionWindowBytes: options.flowControl.connectionBytes,
    keepalive: options.keepalive,
    onGoaway,
  });
  const transport = createTransport({
    codecs: kubemqCodecs,
    sessionManager: connections,
    readMaxBytes: options.maxMessageBytes,
    writeMaxBytes: options.maxMessageBytes,
  });
  return { transport, abort: () => abort(connections.managers) };
}

async function abort(managers: readonly Http2SessionManager[]): Promise<void> {
  // Not at once: node:http2 corrupts its memory when a session is destroyed out of one of its own callbacks while it
  // takes in a header block that is too large, and our callers may well run in one. A few turns, for the resets of cancelled calls to go out.
  for (let turn = 0; turn < 3; turn++) await nextTurn();
  // Of each, also when the first had some.
  if (managers.map(cutSockets).includes(true)) await nextTurn();
  // With its default reason the session manager would spin for ever when that lands right after a connect.
  const reason = () =>
    new TransportError({ kind: "no-connection" }, Code.Unavailable, "the client closed the connection");
  for (const manager of managers) manager.abort(reason());
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function sessionOptions(options: ResolvedOptions): SecureClientSessionOptions {
  const settings = sessionSettings(options.flowControl.streamBytes);
  const { tls } = options;
  if (tls === undefined) return settings;
  // Getters, since node:http2 reads the options for each connection: certificates given as paths are read anew.
  return {
    ...settings,
    get ca() {
      return pemOf(tls().ca);
    },
    get cert() {
      return pemOf(tls().cert);
    },
    get key() {
      return pemOf(tls().key);
    },
    ...optional("passphrase", tls().passphrase),
    ...optional("servername", tls().serverName),
    ...optional("rejectUnauthorized", tls().rejectUnauthorized),
  };
}

function pemOf(value: string | Uint8Array | undefined): string | Buffer | undefined {
  return value === undefined ? undefined : pem(value);
}

function optional<K extends string, V>(key: K, value: V | undefined): { [P in K]?: V } {
  return (value === undefined ? {} : { [key]: value }) as { [P in K]?: V };
}
