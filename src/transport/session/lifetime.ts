import type { Http2SessionManager } from "@connectrpc/connect-node";
import type { ClientHttp2Stream, Http2Session } from "node:http2";
import { Socket } from "node:net";
import { type Keepalive, watchLeaving } from "./leaving.js";
import { setImmediate } from "../../support/timers.js";

// A stream whose header block the server has begun and not ended has memory of its session, and node:http2, at least from 20 to 26, aborts
// the process when a session is freed while there is such memory (`current_nghttp2_memory_ == 0` in `~Http2Session`). Nothing in
// there keeps a session from being collected before its streams: a destroyed stream is freed a turn later, and one whose bytes still wait to
// be written is left to the garbage collector, or to the end of the process, which frees in any order. So a server that falls silent at
// the right moment would end its clients, if it were not for what is here. What is left: Node.js 26, unlike those before it, leaves a stream to
// the collector also when the server resets the connection while bytes wait; a process that ends before the next collection then aborts.

/** What a session consists of: its native part, which it lets go of when it is destroyed, and its socket. */
const parts = new WeakMap<Http2Session, readonly unknown[]>();

/** The sessions of a manager that are not closed. */
const living = new WeakMap<Http2SessionManager, Set<Http2Session>>();

/** Sessions that the server has asked to leave: they last as long as their streams. */
const leaving = new WeakSet<Http2Session>();

/** What it holds for a stream stays in memory until the stream has left it; there is nothing to do then. */
const held = new FinalizationRegistry<readonly unknown[]>(() => {});

/**
 * Makes a connected session known, which ends those before it that are not asked to leave: after some breaches of the protocol node:http2
 * neither reads nor closes, says that it is closed, and so is replaced while its streams, and with them our loops, would wait for ever.
 *
 * @param keepalive for the time after the server has asked it to leave
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
    // Its streams have ended by then. The native part of a session whose settings were never acknowledged holds the session, which therefore
    // must not hold its native part: neither would ever be collected.
    setImmediate(() => parts.delete(session));
  });
}

const watched = new WeakSet<Http2Session>();

/** Watches a session that the client's pings do not take. */
export function keepWatch(session: Http2Session, keepalive: Keepalive | false): void {
  const socket = socketOf(session);
  if (keepalive === false || socket === undefined || watched.has(session)) return;
  watched.add(session);
  watchLeaving(session, socket, keepalive);
}

/**
 * Keeps a session in memory until a stream of it has left it; for every stream that did not come to a good end. A stream cannot leave
 * before its native part, which refers to it.
 */
export function outlive(stream: ClientHttp2Stream, session: Http2Session | undefined): void {
  const values = session === undefined ? undefined : parts.get(session);
  if (values !== undefined) held.register(stream, values);
}

/**
 * Destroys the sockets of sessions that still have streams, which ends what waits to be written: to be done before such sessions are
 * destroyed. They are closed in the next turn.
 *
 * @returns whether there were any
 */
export function cutSockets(manager: Http2SessionManager): boolean {
  const sessions = living.get(manager) ?? new Set();
  // The manager's own, when that has no streams, may be open beside others that have some.
  if (sessions.size === (manager.state() === "idle" ? 1 : 0)) return false;
  for (const session of sessions) cutSocket(session);
  return true;
}

function cutSocket(session: Http2Session): void {
  socketOf(session)?.destroy();
}

/** The socket itself: what a session offers as its socket may not be destroyed. */
function socketOf(session: Http2Session): Socket | undefined {
  return parts.get(session)?.find((part) => part instanceof Socket);
}
