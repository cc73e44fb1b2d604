import type { Http2Server, Http2Session, ServerHttp2Session } from "node:http2";
import type { AddressInfo, Server, Socket } from "node:net";
import { createServer } from "node:net";
import { clearInterval, clearTimeout, setInterval, setTimeout } from "../timers.js";

/** After this many cancelled calls, well below the limit of Node.js 20, a connection is read by force. */
const MANY_CANCELLED = 500;

/** Interval of reading by force, in milliseconds. */
const FORCED_READ_MS = 100;

/**
 * Listens on one port and tracks the connections accepted there.
 *
 * It is separate from HTTP/2, so that the port can be released and taken again while connections
 * stay open, and connections can be dropped while the port stays open.
 */
export class Listener {
  readonly #http2: Http2Server;
  readonly #host: string;
  #port: number;
  #server: Server | undefined;
  readonly #sockets = new Set<Socket>();
  readonly #sessions = new Set<ServerHttp2Session>();
  /** Number of cancelled calls. */
  readonly #cancelled = new WeakMap<Http2Session, number>();
  #reading = true;

  constructor(http2: Http2Server, host: string, port: number) {
    this.#http2 = http2;
    this.#host = host;
    this.#port = port;
    http2.on("session", (session) => {
      this.#sessions.add(session);
      session.once("close", () => this.#sessions.delete(session));
      // Errors of a connection are handled by its client; without a listener they would end the
      // process.
      session.on("error", () => {});
    });
    http2.on("sessionError", () => {});
  }

  get host(): string {
    return this.#host;
  }

  /** The port in use, or the one to use again. */
  get port(): number {
    return this.#port;
  }

  get connections(): number {
    return this.#sockets.size;
  }

  get isOpen(): boolean {
    return this.#server !== undefined;
  }

  get isReading(): boolean {
    return this.#reading;
  }

  get sessions(): Iterable<ServerHttp2Session> {
    return this.#sessions;
  }

  /** Starts accepting connections. Rejects when the port is taken. */
  async open(): Promise<void> {
    if (this.#server !== undefined) return;
    const server = createServer({ noDelay: true }, (socket) => this.#accept(socket));
    this.#server = server;
    try {
      await new Promise<void>((resolve, reject) => {
        server.once("error", reject);
        server.listen(this.#port, this.#host, resolve);
      });
    } catch (error) {
      this.#server = undefined;
      throw error;
    }
    // Node.js types the address by the kind of socket; this one listens on a port.
    this.#port = (server.address() as AddressInfo).port;
  }

  /** Refuses new connections. Open connections stay open. */
  shut(): void {
    this.#server?.close();
    this.#server = undefined;
  }

  /** Breaks every connection without notice. */
  async drop(): Promise<void> {
    const closed = [...this.#sockets].map(
      (socket) =>
        new Promise<void>((resolve) => {
          socket.once("close", () => resolve());
          socket.destroy();
        }),
    );
    for (const session of this.#sessions) session.destroy();
    await Promise.all(closed);
  }

  /**
   * Ends every connection with FIN, without a word of HTTP/2. Resolves when the clients have closed
   * their sides; those that have not within `patienceMs` are broken.
   */
  async finish(patienceMs: number): Promise<void> {
    const closed = [...this.#sockets].map(
      (socket) =>
        new Promise<void>((resolve) => {
          const timer = setTimeout(() => socket.destroy(), patienceMs);
          socket.once("close", () => {
            clearTimeout(timer);
            resolve();
          });
          socket.end();
        }),
    );
    await Promise.all(closed);
  }

  /** Stops or resumes reading from every connection, including new ones. */
  read(on: boolean): void {
    this.#reading = on;
    for (const socket of this.#sockets) setReading(socket, on);
  }

  /**
   * Records that a client has cancelled a call. After more than 1000 of them Node.js 20 sends GOAWAY,
   * and stops reading without closing the socket: it would never notice that the client has closed
   * the connection (Node.js 22 has options for the limit, see `streamResetBurst`). Reading continues
   * by force then.
   */
  cancelled(session: Http2Session): void {
    const count = (this.#cancelled.get(session) ?? 0) + 1;
    this.#cancelled.set(session, count);
    if (count !== MANY_CANCELLED) return;
    const interval = setInterval(() => this.read(this.#reading), FORCED_READ_MS).unref();
    session.once("close", () => clearInterval(interval));
  }

  #accept(socket: Socket): void {
    this.#sockets.add(socket);
    socket.once("close", () => this.#sockets.delete(socket));
    socket.on("error", () => {});
    this.#http2.emit("connection", socket);
    if (!this.#reading) setReading(socket, false);
  }
}

interface Readable {
  readStart(): unknown;
  readStop(): unknown;
}

// HTTP/2 reads from the handle below the socket: pausing the socket has no effect, and Node.js has
// no public way to pause a session.
function setReading(socket: Socket, on: boolean): void {
  const { _handle: handle } = socket as { _handle?: Readable | null };
  if (on) handle?.readStart();
  else handle?.readStop();
}
