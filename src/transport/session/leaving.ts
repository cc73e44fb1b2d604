import type { Http2Session } from "node:http2";
import type { Socket } from "node:net";
import { clearInterval, clearTimeout, setImmediate, setInterval, setTimeout } from "../../support/timers.js";

/**
 * Interval of the checks whether a connection lives, and maximum silence after a check, in
 * milliseconds.
 */
export interface Keepalive {
  readonly intervalMs: number;
  readonly timeoutMs: number;
}

/**
 * Watches a session that the server has asked to leave. Its streams continue, while new calls,
 * including the client's pings, use the next session. The check sends empty SETTINGS, which a peer
 * must acknowledge immediately (RFC 9113, section 6.5.3). PING is no option: node:http2 sends none
 * on such a session, and servers would close the connection for it.
 */
export function watchLeaving(session: Http2Session, socket: Socket, { intervalMs, timeoutMs }: Keepalive): void {
  let isAsked = false;
  let deadline: NodeJS.Timeout | undefined;
  const settle = () => {
    isAsked = false;
    clearTimeout(deadline);
  };
  const ask = () => {
    if (session.destroyed || isAsked) return;
    isAsked = true;
    const { bytesRead } = socket;
    session.settings({}, settle); // promise: leaving-session-asked
    // node:http2 writes the frame at the end of the turn, before this callback. A blocked event loop
    // must not shorten the server's time to answer.
    setImmediate(() => {
      if (!isAsked) return;
      deadline = setTimeout(() => {
        settle();
        // Waits for a turn: a busy process may run this timer before it reads received data.
        setImmediate(() => {
          if (socket.bytesRead === bytesRead) socket.destroy(); // promise: leaving-session-cut
        });
      }, timeoutMs).unref();
    });
  };
  const interval = setInterval(ask, intervalMs).unref();
  session.once("close", () => {
    clearInterval(interval);
    settle();
  });
}
