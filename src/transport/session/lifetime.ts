import type { Http2SessionManager } from "@connectrpc/connect-node";
import type { ClientHttp2Stream, Http2Session } from "node:http2";
import { Socket } from "node:net";
import { type Keepalive, watchLeaving } from "./leaving.js";
import { setImmediate } from "../../support/timers.js";
// Without this module, a server that stalls inside a header block can crash the client process. A
// stream whose header block has begun and not ended holds memory of its session, and node:http2 (20
// to 26) aborts the process when a session is freed before that memory: assertion
// `current_nghttp2_memory_ == 0` in `~Http2Session`, see
// https://github.com/nodejs/node/issues/39951 and https://github.com/nodejs/node/issues/35233,
// which are about other ways to it. Nothing there keeps a session alive until its streams are
// freed: a destroyed stream is freed a turn later, and one whose bytes still wait to be written is
// left to the garbage collector, or to the end of the process, which frees in any order.
// What remains: Node.js 26 leaves a stream to the collector also when the server resets the
// connection while bytes wait; a process that ends before the next collection then aborts.

/** The parts of a session: its native part, which it drops when it is destroyed, and its socket. */
const parts = new WeakMap<Http2Session, readonly unknown[]>();

/** The open sessions of a manager. */
const living = new WeakMap<Http2SessionManager, Set<Http2Session>>();

/**
 * Sessions that the client leaves, mostly at the wish of the server. They last until their streams
 * end.
 */
const leaving = new WeakSet<Http2Session>();

/**
 * Keeps the parts of a session reachable until its streams are collected; the callback is
 * intentionally empty.
 */
const held = new FinalizationRegistry<readonly unknown[]>(() => {});

/**
 * Registers a connected session, and ends the sessions before it that the server has not asked to
 * leave. After some breaches of the protocol node:http2 neither reads nor closes and reports that
 * it is closed: the session manager replaces it, and its streams would never end. No upstream issue
 * found.
 *
 * @param keepalive how to watch the session once the server has asked it to leave
 */
export function knowSession(manager: Http2SessionManager, session: Http2Session, keepalive: Keepalive | false): void {
  const values = Reflect.ownKeys(session).map((key): unknown => Object.getOwnPropertyDescriptor(session, key)?.value);
  parts.set(session, values); // promise: header-block-outlived
  const sessions = living.get(manager) ?? new Set();
  for (const older of sessions) if (!leaving.has(older)) cutSocket(older); // promise: older-sessions-cut
  living.set(manager, sessions.add(session));
  session.once("goaway", () => {
    leaving.add(session);
    keepWatch(session, keepalive);
  });
  session.once("close", () => {
    sessions.delete(session);
    // Its streams have ended by then. The native part of a session whose settings were never
    // acknowledged holds the session; if the session held its native part, neither would ever be
    // collected.
    setImmediate(() => parts.delete(session));
  });
}

/** Makes the session manager replace a session, whose streams continue. */
export function retireSession(session: Http2Session, keepalive: Keepalive | false): void {
  leaving.add(session); // before a GOAWAY, with which some servers answer
  keepWatch(session, keepalive);
  session.close();
}

const watched = new WeakSet<Http2Session>();

/** Watches a session that the client's pings do not use. */
export function keepWatch(session: Http2Session, keepalive: Keepalive | false): void {
  const socket = socketOf(session);
  if (keepalive === false || socket === undefined || watched.has(session)) return;
  watched.add(session);
  watchLeaving(session, socket, keepalive);
}

/**
 * Keeps a session in memory until its stream is collected, for every stream that did not end
 * normally. A stream is not collected before its native part, which references it.
 */
export function outlive(stream: ClientHttp2Stream, session: Http2Session | undefined): void {
  const values = session === undefined ? undefined : parts.get(session);
  if (values !== undefined) held.register(stream, values);
}

/**
 * Destroys the sockets of sessions that still have streams, and so drops their unwritten bytes.
 * Required before such sessions are destroyed. The sessions are closed in the next turn.
 *
 * @returns whether there were any such sessions
 */
export function cutSockets(manager: Http2SessionManager): boolean {
  const sessions = living.get(manager) ?? new Set();
  // The manager's current session may be open without streams, beside older ones that have some.
  if (sessions.size === (manager.state() === "idle" ? 1 : 0)) return false;
  for (const session of sessions) cutSocket(session);
  return true;
}

/**
 * Destroys the socket of a session, and so drops its unwritten bytes. The session closes in the
 * next turn.
 */
export function cutSocket(session: Http2Session): void {
  socketOf(session)?.destroy();
}

/** Returns the socket itself, because the socket proxy of a session does not allow `destroy`. */
function socketOf(session: Http2Session): Socket | undefined {
  return parts.get(session)?.find((part) => part instanceof Socket);
}
