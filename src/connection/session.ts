import type { Status } from "../api/status.js";
import type { Clock } from "../support/time/clock.js";
import { Code } from "@connectrpc/connect";
import { Http2SessionManager } from "@connectrpc/connect-node";
import type { SecureClientSessionOptions } from "node:http2";
import { kubemqCodecs } from "../../gen/kubemq_codec.js";
import {
  ConnectionPool,
  createTransport,
  type SessionSource,
  sessionSettings,
  type Transport,
} from "../transport/index.js";
import { TransportError } from "../support/transport-error.js";
import { cutSockets } from "../transport/session/lifetime.js";
import { pem, type ResolvedOptions } from "./options.js";
import type { Server } from "./servers/address.js";
import { Failover, type Member, type Moved } from "./servers/failover.js";
import { setImmediate } from "../support/timers.js";

/** The transport of a client's calls, and how to end them. */
export interface Session {
  readonly transport: Transport;
  /** Ends every call. */
  readonly abort: () => void | Promise<void>;
  /** Present when the client has a list of servers. */
  readonly failover?: Failover;
  /** A transport for calls to one server of the list. */
  readonly transportTo?: (server: string) => Transport;
}

/** Replacements that tests inject for the session, the clock and random numbers. */
export interface Seam extends Partial<Pick<Session, "transport" | "abort">> {
  readonly clock?: Clock;
  readonly random?: () => number;
}

/** What happens to the connections. */
export interface SessionEvents {
  /** The server has asked the connection to leave. */
  readonly onGoaway: () => void;
  /** The client uses another server of its list, or has replaced a connection. */
  readonly onStatus: (status: Status) => void;
}

/**
 * Opens the HTTP/2 connection of a client. It connects at the first call, and again after a loss.
 * It adds connections where the server limits the streams of a connection. HTTP/2 PINGs stay off,
 * because servers close the connection of a client that sends them often.
 */
export function openSession(options: ResolvedOptions, { onGoaway, onStatus }: SessionEvents): Session {
  const memberOf = (server: Server): Member => {
    const connect = () => new Http2SessionManager(server.origin, {}, sessionOptions(options));
    const pool = new ConnectionPool(connect, {
      server: server.name,
      connectTimeoutMs: options.connectTimeoutMs,
      connectionWindowBytes: options.flowControl.connectionBytes,
      keepalive: options.keepalive,
      onGoaway,
      onRefused: (count) => onStatus(replaced(server.name, count)),
    });
    return { server, pool, abort: () => abort(pool.managers) };
  };
  const transportOn = (sessionManager: SessionSource) =>
    createTransport({
      codecs: kubemqCodecs,
      sessionManager,
      readMaxBytes: options.maxMessageBytes,
      writeMaxBytes: options.maxMessageBytes,
    });
  const [first, ...others] = options.servers;
  if (others.length === 0) {
    const only = memberOf(first);
    return { transport: transportOn(only.pool), abort: only.abort };
  }
  const onServer: Moved = (moved) => onStatus({ type: "server", ...moved });
  const failover = new Failover([memberOf(first), ...others.map(memberOf)], onServer);
  return {
    transport: transportOn(failover),
    abort: () => failover.abort(),
    failover,
    transportTo: (server) => transportOn(failover.only(server)),
  };
}

function replaced(server: string, refusals: number): Status {
  const advice =
    `${server}, or a proxy in front of it, has refused the last ${refusals} streams of a connection with ` +
    "ENHANCE_YOUR_CALM; send less at the same time, or raise its limits for streams and for memory";
  return { type: "replaced", server, refusals, advice };
}

async function abort(managers: readonly Http2SessionManager[]): Promise<void> {
  // Waits a few turns, for two reasons. node:http2 corrupts its memory when one of its own
  // callbacks destroys a session that is reading an oversized header block (no upstream issue
  // found), and callers may run in such a callback. The resets of cancelled calls also need these
  // turns to be sent.
  for (let turn = 0; turn < 3; turn++) await nextTurn();
  // `map` before `includes`: every manager must cut its sockets, even after the first one had some.
  if (managers.map(cutSockets).includes(true)) await nextTurn();
  // With its default reason the session manager loops infinitely when the abort directly follows a
  // connect. No upstream issue found.
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
  // Getters, because node:http2 reads the options for each connection: certificate files are then
  // read again each time.
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
