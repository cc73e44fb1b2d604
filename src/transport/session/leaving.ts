import type { Http2Session } from "node:http2";
import type { Socket } from "node:net";
import { clearInterval, clearTimeout, setImmediate, setInterval, setTimeout } from "../../support/timers.js";

/**
 * How often a connection is asked whether it lives, and how long it may be silent then, in
 * milliseconds.
 */
export interface Keepalive {
  readonly intervalMs: number;
  readonly timeoutMs: number;
}

/**
 * Watches a session that the server has asked to leave: its streams go on, while new calls, and so
 * the client's pings, go to the next one. Settings that change nothing ask instead, since a peer
 * must acknowledge them at once (RFC 9113, section 6.5.3): node:http2 sends no PING on such a
 * session, and servers would punish it.
 */
export function watchLeaving(session: Http2Session, socket: Socket, { intervalMs, timeoutMs }: Keepalive): void {
  let deadline: NodeJS.Timeout | undefined;
  const settle = () => {
    clearTimeout(deadline);
    deadline = undefined;
  };
  const ask = () => {
    if (session.destroyed || deadline !== undefined) return;
    const { bytesRead } = socket;
    deadline = setTimeout(() => {
      settle();
      // A busy process may find this due before it has read what came; it reads before
      // setImmediate.
      setImmediate(() => {
        if (socket.bytesRead === bytesRead) socket.destroy(); // promise: leaving-session-cut
      });
    }, timeoutMs).unref();
    session.settings({}, settle); // promise: leaving-session-asked
  };
  const interval = setInterval(ask, intervalMs).unref();
  session.once("close", () => {
    clearInterval(interval);
    settle();
  });
}
