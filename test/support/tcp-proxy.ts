import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";

/** `up` is from client to server. */
export type Direction = "up" | "down" | "both";

/** One connection through the proxy: two sockets, and the data held back between them. */
class Link {
  readonly client: Socket;
  readonly server: Socket;
  readonly #proxy: TcpProxy;
  readonly #held = { up: [] as Buffer[], down: [] as Buffer[] };
  #stranded = false;

  constructor(client: Socket, server: Socket, proxy: TcpProxy) {
    this.client = client;
    this.server = server;
    this.#proxy = proxy;
    client.on("data", (chunk) => this.#pass("up", chunk));
    server.on("data", (chunk) => this.#pass("down", chunk));
    client.on("end", () => this.#whenPassing("up", () => server.end()));
    server.on("end", () => this.#whenPassing("down", () => client.end()));
    client.on("error", () => this.#whenPassing("up", () => server.destroy()));
    server.on("error", () => this.#whenPassing("down", () => client.destroy()));
    client.on("close", () => this.#whenPassing("up", () => server.destroy()));
    server.on("close", () => this.#whenPassing("down", () => client.destroy()));
  }

  release(direction: "up" | "down"): void {
    const to = direction === "up" ? this.server : this.client;
    for (const chunk of this.#held[direction].splice(0)) if (!to.destroyed) to.write(chunk);
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
    const { delayMs } = this.#proxy;
    if (direction === "up") this.#proxy.sent += 1;
    if (this.#isSwallowed(direction)) return;
    // Data must not overtake data that is still held back by a longer delay.
    if (this.#proxy.isPaused(direction) || delayMs > 0 || this.#held[direction].length > 0) {
      this.#held[direction].push(chunk);
      if (delayMs > 0) setTimeout(() => !this.#proxy.isPaused(direction) && this.release(direction), delayMs);
      return;
    }
    if (direction === "up" && this.#proxy.upBytesPerSecond !== Infinity) this.#slowDown(chunk.length);
    const to = direction === "up" ? this.server : this.client;
    if (!to.destroyed) to.write(direction === "up" ? chunk : this.#proxy.rewriteDown(chunk));
  }

  #slowDown(bytes: number): void {
    this.client.pause();
    setTimeout(() => this.client.resume(), (bytes / this.#proxy.upBytesPerSecond) * 1000);
  }

  /** A half-open connection does not report that its other end has gone. */
  #whenPassing(direction: "up" | "down", tell: () => void): void {
    if (!this.#proxy.isPaused(direction) && !this.#isSwallowed(direction)) tell();
  }

  #isSwallowed(direction: "up" | "down"): boolean {
    return this.#stranded || this.#proxy.isDropping(direction);
  }
}

/** A TCP proxy between a client and a server, which simulates network faults. */
export class TcpProxy implements AsyncDisposable {
  /** Number of accepted connections, without refused ones. */
  accepted = 0;
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

  isDropping(direction: "up" | "down"): boolean {
    return this.#dropping.has(direction);
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
    for (const { client, server } of this.#links) {
      breakOff(client);
      breakOff(server);
    }
  }

  /** Closes every connection with a FIN. */
  fin(): void {
    for (const { client, server } of this.#links) {
      client.end();
      server.end();
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
