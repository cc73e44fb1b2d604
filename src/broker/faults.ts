import { constants } from "node:http2";
import type { Calls } from "./calls.js";
import type { Gate } from "./gate.js";
import type { Listener } from "./listener.js";
import { setImmediate, sleep } from "./timers.js";

/** How long what stays on a connection that is to go may be silent, in milliseconds. */
const GOING_AWAY_MS = 1_000;

/** How long a client may leave its side of a finished connection open, in milliseconds. */
const FINISH_MS = 1_000;

/** What the broker does wrong when a test tells it to. */
export interface Faults {
  /** Breaks every connection without a word, as a cable that is pulled. New ones are welcome. */
  dropConnections(): Promise<void>;
  /**
   * Ends every connection with FIN, as the operating system does for a server that is terminated or killed: no GOAWAY, no trailers,
   * no reset. New connections are accepted. Resolves when the clients have closed theirs, after a second at most.
   */
  finishConnections(): Promise<void>;
  /** Refuses whoever connects from now on. Connections that stand are left alone. */
  refuseConnections(): void;
  /** Takes connections again after {@link Faults.refuseConnections}, on the same port. */
  allowConnections(): Promise<void>;
  /**
   * Reads nothing more from any connection: calls, messages and HTTP/2 pings stay unanswered, though
   * the connection looks fine. What the broker has to say still goes out.
   */
  pauseReading(): void;
  /** Reads again, beginning with what has piled up. */
  resumeReading(): void;
  /** Holds back every answer and message. Requests are still taken, and HTTP/2 pings answered. */
  pauseWriting(): void;
  /** Sends what was held back, and writes again. */
  resumeWriting(): void;
  /** Holds every answer and message back for so many milliseconds; 0 sends at once again. */
  delayReplies(ms: number): void;
  /** Ends calls that are running, on connections that stay. Returns how many there were. */
  endStreams(end?: StreamEnd): number;
  /**
   * Resets calls that are running with RST_STREAM, on connections that stay: what is on its way to the client is lost, and no
   * status tells why. Returns how many there were.
   */
  resetStreams(reset?: StreamReset): number;
  /**
   * Sends GOAWAY on every connection. Without an error code the streams that run may finish, up to `lastStreamId`, where that is
   * given, and a connection on which they say nothing for a second is ended; with one the connection is closed behind it, as a
   * server does that was pinged too often (`{ code: 11, reason: "too_many_pings" }`).
   */
  goAway(how?: { readonly code?: number; readonly reason?: string; readonly lastStreamId?: number }): void;
  /**
   * Tells every consumer on QueuesDownstream to go elsewhere (CloseByServer), and gives back what it
   * held. The calls stay open, but the broker has no ear for them any more. Newer servers do this when
   * they shut down. Returns how many calls there were.
   */
  closeByServer(): number;
  /**
   * Dies and comes back on the same port: connections break, nobody can connect for `downMs`, and
   * what was stored is still there, or lost with `keepMemory: false`.
   */
  restart(how?: { readonly keepMemory?: boolean; readonly downMs?: number }): Promise<void>;
}

/** Which calls end, and how. */
export interface StreamEnd {
  /** The RPC, such as `"SubscribeToEvents"`. @default all of them */
  readonly rpc?: string;
  /** The gRPC status number; 0 ends cleanly, as if the server had no more to say. @default 0 */
  readonly code?: number;
  /** The text of the status. @default "" */
  readonly message?: string;
}

/** Which calls are reset, and how. */
export interface StreamReset {
  /** The RPC, such as `"SubscribeToEvents"`. @default all of them */
  readonly rpc?: string;
  /** The HTTP/2 error code. @default 8, CANCEL */
  readonly code?: number;
}

/** What {@link createFaults} acts on. @internal */
export interface FaultPoints {
  readonly listener: Listener;
  readonly calls: Calls;
  readonly gate: Gate;
  /** Tells the models that the server restarts with what they know. */
  readonly keep: () => void;
  /** Starts over with empty models. */
  readonly forget: () => void;
  readonly closeByServer: () => number;
}

/** @internal */
export function createFaults({ listener, calls, gate, keep, forget, closeByServer }: FaultPoints): Faults {
  return {
    dropConnections: () => listener.drop(),
    finishConnections: () => listener.finish(FINISH_MS),
    refuseConnections: () => listener.shut(),
    allowConnections: () => listener.open(),
    pauseReading: () => listener.read(false),
    resumeReading: () => listener.read(true),
    pauseWriting: () => gate.shut(),
    resumeWriting: () => gate.open(),
    delayReplies: (ms) => gate.slow(ms),
    endStreams: ({ rpc, code = 0, message = "" } = {}) => calls.end(rpc, { code, message }),
    resetStreams: ({ rpc, code = constants.NGHTTP2_CANCEL } = {}) => calls.reset(rpc, code),
    goAway({ code = constants.NGHTTP2_NO_ERROR, reason = "", lastStreamId } = {}) {
      for (const session of listener.sessions) {
        if (session.destroyed) continue;
        if (code !== constants.NGHTTP2_NO_ERROR) {
          // For 0 Node names the last stream there is.
          session.goaway(code, lastStreamId ?? 0, Buffer.from(reason));
          // Destroying at once would discard the frame.
          setImmediate(() => session.destroy());
        } else if (lastStreamId === undefined) {
          // Sends a GOAWAY that names the last stream there is; a second one must not name a later one than the first.
          session.close();
        } else {
          session.goaway(code, lastStreamId);
          // As servers do with connections that are to go: what stays on one in silence is not waited for.
          session.setTimeout(GOING_AWAY_MS, () => session.destroy());
        }
      }
    },
    closeByServer,
    async restart({ keepMemory = true, downMs = 0 } = {}) {
      listener.shut();
      // Before the calls end, which a server that is killed does not see.
      if (keepMemory) keep();
      await listener.drop();
      // A server that starts again is not a server that was told to be slow.
      gate.open();
      listener.read(true);
      if (!keepMemory) forget();
      if (downMs > 0) await sleep(downMs);
      await listener.open();
    },
  };
}
