import { Code, ConnectError } from "@connectrpc/connect";
import type { Http2SessionManager } from "@connectrpc/connect-node";
import type {
  ClientHttp2Stream,
  ClientSessionRequestOptions,
  Http2Session,
  OutgoingHttpHeaders,
  Settings,
} from "node:http2";
import { isTransportError, TransportError } from "../../support/transport-error.js";
import { messageOf } from "../response.js";
import { cutSocket, keepWatch, knowSession, retireSession } from "./lifetime.js";
import { type Greeting, markSilent, watchSession } from "./lost.js";
import { Refusals } from "./refusals.js";
import { connectionDefaults, type ConnectionOptions, type SessionSource } from "./options.js";
import { clearTimeout, setImmediate, setTimeout } from "../../support/timers.js";

/** An attempt to connect, which lasts until the peer's SETTINGS frame. */
interface Attempt {
  readonly timer: NodeJS.Timeout;
  /** Present when the socket is connected. */
  session?: Http2Session;
}

/**
 * A session manager of connect-node, which connects when there is no connection. Adds four
 * things: a limit for the time to connect, a flow-control window, listeners for errors, and a check
 * of connections that were replaced.
 */
export class Connector implements SessionSource {
  readonly authority: string;
  readonly #options: Required<ConnectionOptions>;
  readonly #greeting: Greeting;
  readonly #known = new WeakSet<Http2Session>();
  #current: Http2Session | undefined;
  readonly #refusals = new Refusals((session, count) => this.#replace(session, count));
  #isWatching = false;
  #attempt: Attempt | undefined;
  /** Maximum concurrent streams that the peer allows; Infinity until the peer reports it. */
  streamLimit = Infinity;
  #waiting = 0;

  readonly #sessions: Http2SessionManager;

  constructor(sessions: Http2SessionManager, options: ConnectionOptions = {}) {
    this.#sessions = sessions;
    this.authority = sessions.authority;
    this.#options = { ...connectionDefaults, ...options };
    this.#greeting = { isHeard: false, server: this.#options.server };
  }

  /** @throws TransportError of kind "no-connection" when no connection can be made */
  async request(
    method: string,
    path: string,
    headers: OutgoingHttpHeaders,
    options: Omit<ClientSessionRequestOptions, "signal">,
  ): Promise<ClientHttp2Stream> {
    const request = this.#sessions.request(method, path, headers, options);
    // node:http2 does not limit the time of a connection attempt, and the operating system takes
    // minutes to give up.
    const watched = this.#sessions.state() === "connecting";
    if (watched) this.#watch();
    try {
      const stream = await request;
      if (stream.session !== undefined && !this.#known.has(stream.session)) this.#prepare(stream.session);
      return stream;
    } catch (error) {
      throw connectFailed(error);
    } finally {
      if (watched) this.#unwatch();
    }
  }

  notifyResponseByteRead(stream: ClientHttp2Stream): void {
    this.#sessions.notifyResponseByteRead(stream);
  }

  /** Watches this connection and those that replace it, with SETTINGS frames. */
  watchSessions(): void {
    if (this.#isWatching) return;
    this.#isWatching = true;
    if (this.#current?.destroyed === false) keepWatch(this.#current, this.#options.keepalive);
  }

  #prepare(session: Http2Session): void {
    this.#known.add(session);
    this.#current = session;
    session.on("remoteSettings", (settings) => {
      if (this.#current === session) this.streamLimit = limitOf(settings);
    });
    watchSession(session, this.#greeting);
    this.#refusals.watch(session);
    this.#awaitSettings(session);
    knowSession(this.#sessions, session, this.#options.keepalive);
    if (this.#isWatching) keepWatch(session, this.#options.keepalive);
    session.once("goaway", this.#options.onGoaway);
    // The session manager removes its listeners when it replaces a dying session; the last error of
    // that would be uncaught. No upstream issue found.
    session.on("error", () => {});
    // The setting for streams does not raise the window of the connection, 64 KiB:
    // https://github.com/nodejs/node/issues/31084
    session.setLocalWindowSize(this.#options.connectionWindowBytes);
  }

  #replace(session: Http2Session, count: number): void {
    // Not in the callback of a stream of this session, which node:http2 may still be reading.
    setImmediate(() => {
      if (session.destroyed || session.closed) return;
      retireSession(session, this.#options.keepalive);
      this.#options.onRefused(count);
    });
  }

  /** A server that accepts connections and sends nothing has not answered the attempt. */
  #awaitSettings(session: Http2Session): void {
    const attempt = this.#attempt;
    if (attempt === undefined) return;
    this.#attempt = undefined;
    attempt.session = session; // promise: silent-connection-ended
    attempt.timer.unref();
    const isDone = () => clearTimeout(attempt.timer);
    session.once("remoteSettings", isDone);
    session.once("close", isDone);
  }

  #watch(): void {
    this.#waiting++;
    if (this.#attempt !== undefined) return;
    // Waits for a turn: after a blocked event loop, timers run before the socket is read.
    const timer = setTimeout(() => setImmediate(() => this.#onLate(attempt)), this.#options.connectTimeoutMs);
    const attempt: Attempt = { timer };
    this.#attempt = attempt;
  }

  #onLate({ session }: Attempt): void {
    const { connectTimeoutMs } = this.#options;
    if (session !== undefined) {
      if (markSilent(session, connectTimeoutMs)) cutSocket(session);
      return;
    }
    this.#attempt = undefined;
    if (this.#sessions.state() !== "connecting") return;
    this.#sessions.abort(
      new TransportError(
        { kind: "no-connection" },
        Code.Unavailable,
        `no connection to ${this.#sessions.authority} within ${connectTimeoutMs} ms`,
      ),
    );
  }

  #unwatch(): void {
    this.#waiting--;
    if (this.#waiting > 0) return;
    clearTimeout(this.#attempt?.timer);
    this.#attempt = undefined;
  }
}

function limitOf(settings: Settings): number {
  return settings.maxConcurrentStreams ?? Infinity;
}

function connectFailed(error: unknown): TransportError {
  if (isTransportError(error)) return error;
  // An invalid header is an error of the caller, and the connection is fine.
  if (!(error instanceof ConnectError) && error instanceof TypeError) {
    return new TransportError({ kind: "unsendable" }, Code.Internal, messageOf(error), { cause: error });
  }
  // The session manager wraps the errors of node:net and node:tls.
  const cause = error instanceof ConnectError ? (error.cause ?? error) : error;
  const message = cause instanceof ConnectError ? cause.rawMessage : messageOf(cause);
  return new TransportError({ kind: "no-connection" }, Code.Unavailable, `connection failed: ${message}`, { cause });
}
