import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";

/** `up` is from client to server. */
export type Direction = "up" | "down" | "both";

/** The end of a connection. */
export interface Closing {
  /** By the wall clock, which processes share, in milliseconds. */
  readonly at: number;
  /** The side that was first. `line`: the proxy itself, as a fault. */
  readonly by: "client" | "server" | "line";
  /** FIN, or the code of the error. */
  readonly how: string;
  /** How long the connection was open, in milliseconds. */
  readonly openMs: number;
}

/** One connection through the proxy: two sockets, and the data held back between them. */
class Link {
  readonly client: Socket;
  readonly server: Socket;
  readonly #proxy: TcpProxy;
  /** Data, and ends that must not overtake it. */
  readonly #held = { up: [] as (Buffer | (() => void))[], down: [] as (Buffer | (() => void))[] };
  #stranded = false;
  readonly #openedAt = Date.now();
  #isClosing = false;

  constructor(client: Socket, server: Socket, proxy: TcpProxy) {
    this.client = client;
    this.server = server;
    this.#proxy = proxy;
    client.on("data", (chunk) => this.#pass("up", chunk));
    server.on("data", (chunk) => this.#pass("down", chunk));
    for (const [by, socket] of [
      ["client", client],
      ["server", server],
    ] as const) {
      socket.on("end", () => this.closes(by, "FIN"));
      socket.on("error", (error: NodeJS.ErrnoException) => this.closes(by, error.code ?? error.message));
    }
    client.on("end", () => this.#whenPassing("up", () => server.end()));
    server.on("end", () => this.#whenPassing("down", () => client.end()));
    client.on("error", () => this.#whenPassing("up", () => server.destroy()));
    server.on("error", () => this.#whenPassing("down", () => client.destroy()));
    client.on("close", () => this.#whenPassing("up", () => server.destroy()));
    server.on("close", () => this.#whenPassing("down", () => client.destroy()));
  }

  /** Records which side is the first to close. */
  closes(by: Closing["by"], how: string): void {
    if (this.#isClosing) return;
    this.#isClosing = true;
    const at = Date.now();
    this.#proxy.closings.push({ at, by, how, openMs: at - this.#openedAt });
  }

  /** Whether data is held back. */
  holds(direction: "up" | "down"): boolean {
    return this.#held[direction].length > 0;
  }

  release(direction: "up" | "down"): void {
    const to = direction === "up" ? this.server : this.client;
    for (const held of this.#held[direction].splice(0)) {
      if (typeof held === "function") held();
      else if (to.writable) to.write(held);
    }
  }

  /** Passes on the events of one end that could not be passed on earlier. */
  tell(): void {
    if (this.client.destroyed) this.server.destroy();
    if (this.server.destroyed) this.client.destroy();
  }

  /** Makes this connection half-open permanently. */
  strand(): void {
    this.#stranded = true;
  }

  #pass(direction: "up" | "down", chunk: Buffer): void {
    if (direction === "up") this.#proxy.sent += 1;
    if (this.#isSwallowed(direction)) return;
    if (this.#proxy.isPaused(direction) || this.#isDelayed(direction)) return this.#hold(direction, chunk);
    if (direction === "up" && this.#proxy.upBytesPerSecond !== Infinity) this.#slowDown(chunk.length);
    const to = direction === "up" ? this.server : this.client;
    if (!to.destroyed) to.write(direction === "up" ? chunk : this.#proxy.rewriteDown(chunk));
  }

  /** Nothing must overtake data that is still held back by a longer delay. */
  #isDelayed(direction: "up" | "down"): boolean {
    return this.#proxy.delayMs > 0 || this.holds(direction);
  }

  #hold(direction: "up" | "down", held: Buffer | (() => void)): void {
    this.#held[direction].push(held);
    const { delayMs } = this.#proxy;
    if (delayMs > 0) setTimeout(() => !this.#proxy.isPaused(direction) && this.release(direction), delayMs);
  }

  #slowDown(bytes: number): void {
    this.client.pause();
    setTimeout(() => this.client.resume(), (bytes / this.#proxy.upBytesPerSecond) * 1000);
  }

  /** A half-open connection does not report that its other end has gone. */
  #whenPassing(direction: "up" | "down", tell: () => void): void {
    if (this.#proxy.isPaused(direction) || this.#isSwallowed(direction)) return;
    if (this.#isDelayed(direction)) this.#hold(direction, tell);
    else tell();
  }

  #isSwallowed(direction: "up" | "down"): boolean {
    return this.#stranded || this.#proxy.isDropping(direction);
  }
}

/** A TCP proxy between a client and a server, which simulates network faults. */
export class TcpProxy implements AsyncDisposable {
  /** Number of accepted connections, without refused ones. */
  accepted = 0;
  /** The ends of connections, in their order. */
  readonly closings: Closing[] = [];
  /** Number of chunks that clients have sent, those that were swallowed included. */
  sent = 0;
  delayMs = 0;
  /** How many bytes a second pass from the client to the server, as over a slow line. */
  upBytesPerSecond = Infinity;
  /** Rewrites each chunk from the server; the length must not change. */
  rewriteDown: (chunk: Buffer) => Buffer = (chunk) => chunk;
  #target: number;
  readonly #host: string;
  #server: Server | undefined;
  #port = 0;
  readonly #links = new Set<Link>();
  readonly #sockets = new Set<Socket>();
  readonly #paused = new Set<"up" | "down">();
  readonly #dropping = new Set<"up" | "down">();

  private constructor(target: number, host: string) {
    this.#target = target;
    this.#host = host;
  }

  static async start(target: number, host = "127.0.0.1"): Promise<TcpProxy> {
    const proxy = new TcpProxy(target, host);
    await proxy.accept();
    return proxy;
  }

  get port(): number {
    return this.#port;
  }

  get address(): string {
    return `127.0.0.1:${this.#port}`;
  }

  /** Number of open connections. */
  get open(): number {
    let open = 0;
    for (const { client } of this.#links) if (!client.destroyed) open += 1;
    return open;
  }

  isPaused(direction: "up" | "down"): boolean {
    return this.#paused.has(direction);
  }

  /** Whether a connection has data that is held back. */
  holds(direction: "up" | "down"): boolean {
    return [...this.#links].some((link) => link.holds(direction));
  }

  isDropping(direction: "up" | "down"): boolean {
    return this.#dropping.has(direction);
  }

  /** Delays all data. */
  delay(ms: number): void {
    this.delayMs = ms;
  }

  /** The ends of connections since a time of the wall clock. */
  closedSince(at: number): readonly Closing[] {
    return this.closings.filter((closing) => closing.at >= at);
  }

  /** Sends new connections to another port. */
  retarget(port: number): void {
    this.#target = port;
  }

  /** Holds back data from one side, or from both, until `resume`. */
  pause(direction: Direction): void {
    for (const one of each(direction)) this.#paused.add(one);
  }

  resume(): void {
    this.#paused.clear();
    for (const link of this.#links) {
      for (const one of each("both")) link.release(one);
      link.tell();
    }
  }

  /**
   * Half-open: discards all data of one side, its FIN and RST included, without telling the other.
   * Lasts until `restore`.
   */
  drop(direction: Direction): void {
    for (const one of each(direction)) this.#dropping.add(one);
  }

  /** Makes the `count` oldest connections half-open permanently. The others keep working. */
  strand(count: number): void {
    for (const link of [...this.#links].slice(0, count)) link.strand();
  }

  /** Lets new connections work again. Connections that lost bytes are closed. */
  restore(): void {
    const { size } = this.#dropping;
    this.#dropping.clear();
    if (size > 0) this.reset();
  }

  /** Breaks every connection with an RST. */
  reset(): void {
    for (const link of this.#links) {
      link.closes("line", "RST");
      breakOff(link.client);
      breakOff(link.server);
    }
  }

  /** Closes every connection with a FIN. */
  fin(): void {
    for (const link of this.#links) {
      link.closes("line", "FIN");
      link.client.end();
      link.server.end();
    }
  }

  /** Accepts no more connections: attempts fail with ECONNREFUSED. */
  refuse(): void {
    this.#server?.close();
    this.#server = undefined;
  }

  /** Accepts connections again, on the same port. */
  async accept(): Promise<void> {
    if (this.#server !== undefined) return;
    const server = createServer({ noDelay: true }, (client) => this.#link(client));
    this.#server = server;
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(this.#port, "127.0.0.1", resolve);
    });
    this.#port = (server.address() as AddressInfo).port;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.refuse();
    for (const socket of this.#sockets) socket.destroy();
    await Promise.resolve();
  }

  #link(client: Socket): void {
    this.accepted += 1;
    const server = connect({ port: this.#target, host: this.#host, noDelay: true });
    const link = new Link(client, server, this);
    this.#links.add(link);
    for (const socket of [client, server]) {
      this.#sockets.add(socket);
      socket.on("close", () => {
        this.#sockets.delete(socket);
        if (client.destroyed && server.destroyed) this.#links.delete(link);
      });
    }
  }
}

function each(direction: Direction): readonly ("up" | "down")[] {
  return direction === "both" ? ["up", "down"] : [direction];
}

/**
 * Closes with an RST. When a FIN is in flight that fails, and Node.js leaves the handle open, which
 * keeps the process alive.
 */
function breakOff(socket: Socket): void {
  const { _handle: handle } = socket as unknown as { _handle?: { close(): void } | null };
  socket.on("error", (error: NodeJS.ErrnoException) => {
    if (error.syscall === "reset") handle?.close();
  });
  socket.resetAndDestroy();
}
