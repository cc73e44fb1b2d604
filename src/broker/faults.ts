import { constants } from "node:http2";
import type { Calls } from "./grpc/calls.js";
import type { Gate } from "./grpc/gate.js";
import type { Listener } from "./grpc/listener.js";
import { setImmediate, sleep } from "./timers.js";

/** How long a connection after GOAWAY may be silent, in milliseconds, before it is ended. */
const GOING_AWAY_MS = 1_000;

/** How long a client may leave its side of a finished connection open, in milliseconds. */
const FINISH_MS = 1_000;

/**
 * The faults that a test can inject.
 *
 * @example
 * ```ts
 * await broker.faults.restart({ downMs: 200 });
 * broker.faults.endStreams({ rpc: "SubscribeToEvents", code: 14 });
 * broker.faults.delayReplies(50);
 * ```
 */
export interface Faults {
  /** Breaks every connection without notice, like a pulled cable. New connections are accepted. */
  dropConnections(): Promise<void>;
  /**
   * Ends every connection with FIN, as the operating system does for a server that is terminated or
   * killed: no GOAWAY, no trailers, no reset. New connections are accepted. Resolves when the
   * clients have closed theirs, after a second at most.
   */
  finishConnections(): Promise<void>;
  /** Refuses new connections. Open connections stay open. */
  refuseConnections(): void;
  /** Accepts connections again after {@link Faults.refuseConnections}, on the same port. */
  allowConnections(): Promise<void>;
  /**
   * Stops reading from every connection: calls, messages and HTTP/2 pings stay unanswered, although
   * the connection is open. The broker still sends.
   */
  pauseReading(): void;
  /** Reads again, starting with the data that has accumulated. */
  resumeReading(): void;
  /**
   * Holds back every answer and message. Requests are still received, and HTTP/2 pings answered.
   */
  pauseWriting(): void;
  /** Sends the data held back, and writes again. */
  resumeWriting(): void;
  /** Delays every answer and message by this many milliseconds; 0 ends the delay. */
  delayReplies(ms: number): void;
  /** Ends running calls, on connections that stay open. Returns the number of calls. */
  endStreams(end?: StreamEnd): number;
  /**
   * Resets running calls with RST_STREAM, on connections that stay open: data in flight to the
   * client is lost, and no status is sent. Returns the number of calls.
   */
  resetStreams(reset?: StreamReset): number;
  /**
   * Sends GOAWAY on every connection. Without an error code, running streams up to `lastStreamId`
   * (if given) may finish, and a connection whose streams are silent for a second is ended. With an
   * error code the connection is closed, as a server does after too many pings (`{ code: 11,
   * reason: "too_many_pings" }`).
   */
  goAway(how?: GoAway): void;
  /**
   * Sends CloseByServer to every consumer on QueuesDownstream and takes its messages back. The
   * calls stay open, but the broker ignores further requests on them. Newer servers do this when
   * they shut down. Returns the number of calls.
   */
  closeByServer(): number;
  /**
   * Stops and restarts on the same port: connections break, new ones are refused for `downMs`, and
   * stored data is kept, or lost with `keepMemory: false`.
   */
  restart(how?: RestartOptions): Promise<void>;
  /** The lasting faults that are in force at this moment. */
  active(): ActiveFaults;
}

/** The faults in force. */
export interface ActiveFaults {
  /** Whether new connections are refused. */
  readonly connectionsRefused: boolean;
  /** Whether nothing is read. */
  readonly readingPaused: boolean;
  /** Whether answers and messages are held back. */
  readonly writingPaused: boolean;
  /** The delay of answers and messages, in milliseconds. */
  readonly replyDelayMs: number;
}

/** Selects the calls to end, and the status. */
export interface StreamEnd {
  /** The RPC, such as `"SubscribeToEvents"`. @default all of them */
  readonly rpc?: string | undefined;
  /** The gRPC status code; 0 ends the call normally. @default 0 */
  readonly code?: number | undefined;
  /** The status message. @default "" */
  readonly message?: string | undefined;
}

/** Selects the calls to reset, and the error code. */
export interface StreamReset {
  /** The RPC, such as `"SubscribeToEvents"`. @default all of them */
  readonly rpc?: string | undefined;
  /** The HTTP/2 error code. @default 8, CANCEL */
  readonly code?: number | undefined;
}

/** How connections are told to leave. */
export interface GoAway {
  /** The HTTP/2 error code. @default 0, no error */
  readonly code?: number | undefined;
  /** The reason, as debug data. @default "" */
  readonly reason?: string | undefined;
  /** The last stream that may finish. @default the last one that was opened */
  readonly lastStreamId?: number | undefined;
}

/** How the broker restarts. */
export interface RestartOptions {
  /** Whether stored data is kept. @default true */
  readonly keepMemory?: boolean | undefined;
  /** How long connections are refused, in milliseconds. @default 0 */
  readonly downMs?: number | undefined;
}

/** The parts of the broker that {@link createFaults} controls. @internal */
export interface FaultPoints {
  readonly listener: Listener;
  readonly calls: Calls;
  readonly gate: Gate;
  /** Tells the models that the server restarts, and that they keep their state. */
  readonly keep: () => void;
  /** Replaces the memory by an empty one. */
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
          // Node.js replaces 0 by the id of the last stream.
          session.goaway(code, lastStreamId ?? 0, Buffer.from(reason));
          // Destroying the session immediately would discard the frame.
          setImmediate(() => session.destroy());
        } else if (lastStreamId === undefined) {
          // Sends a GOAWAY with the id of the last stream. A second GOAWAY must not have a higher
          // id than the first.
          session.close();
        } else {
          session.goaway(code, lastStreamId);
          // Servers do not wait for a silent stream on a connection that is closing.
          session.setTimeout(GOING_AWAY_MS, () => session.destroy());
        }
      }
    },
    closeByServer,
    active: () => ({
      connectionsRefused: !listener.isOpen,
      readingPaused: !listener.isReading,
      writingPaused: gate.isShut,
      replyDelayMs: gate.delayMs,
    }),
    async restart({ keepMemory = true, downMs = 0 } = {}) {
      listener.shut();
      // Runs before the calls end, because a killed server does not see their end.
      if (keepMemory) keep();
      await listener.drop();
      // A restart ends the faults that delay answers.
      gate.open();
      listener.read(true);
      if (!keepMemory) forget();
      if (downMs > 0) await sleep(downMs);
      await listener.open();
    },
  };
}
