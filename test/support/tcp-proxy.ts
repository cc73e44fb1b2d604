import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";

/** `up` is from the client to the server. */
export type Direction = "up" | "down" | "both";

/** One connection through the proxy: two sockets, and what waits to go on from one to the other. */
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

  /** What one end did while it could not be told. */
  tell(): void {
    if (this.client.destroyed) this.server.destroy();
    if (this.server.destroyed) this.client.destroy();
  }

  /** From now on this connection, and no other, is half-open for good. */
  strand(): void {
    this.#stranded = true;
  }

  #pass(direction: "up" | "down", chunk: Buffer): void {
    const { delayMs } = this.#proxy;
    if (this.#isSwallowed(direction)) return;
    // Nothing overtakes what is still held back from a longer delay.
    if (this.#proxy.isPaused(direction) || delayMs > 0 || this.#held[direction].length > 0) {
      this.#held[direction].push(chunk);
      if (delayMs > 0) setTimeout(() => !this.#proxy.isPaused(direction) && this.release(direction), delayMs);
      return;
    }
    const to = direction === "up" ? this.server : this.client;
    if (!to.destroyed) to.write(direction === "up" ? chunk : this.#proxy.rewriteDown(chunk));
  }

  /** A half-open connection tells nobody that its other end has gone. */
  #whenPassing(direction: "up" | "down", tell: () => void): void {
    if (!this.#proxy.isPaused(direction) && !this.#isSwallowed(direction)) tell();
  }

  #isSwallowed(direction: "up" | "down"): boolean {
    return this.#stranded || this.#proxy.isDropping(direction);
  }
}

/** A TCP proxy between a client and a server on this machine, that does to connections what networks do. */
export class TcpProxy implements AsyncDisposable {
  /** How many connections were made through it, refused ones not counted. */
  accepted = 0;
  delayMs = 0;
  /** Changes what comes from the server, chunk by chunk; the length must stay. */
  rewriteDown: (chunk: Buffer) => Buffer = (chunk) => chunk;
  #target: number;
  #server: Server | undefined;
  #port = 0;
  readonly #links = new Set<Link>();
  readonly #sockets = new Set<Socket>();
  readonly #paused = new Set<"up" | "down">();
  readonly #dropping = new Set<"up" | "down">();

  private constructor(target: number) {
    this.#target = target;
  }

  static async start(target: number): Promise<TcpProxy> {
    const proxy = new TcpProxy(target);
    await proxy.accept();
    return proxy;
  }

  get port(): number {
    return this.#port;
  }

  get address(): string {
    return `127.0.0.1:${this.#port}`;
  }

  /** Open connections. */
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

  /** Holds back what comes from one side, or from both, until `resume`. */
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

  /** Half-open: what one side sends vanishes, its FIN and RST too, and the other is never told. Lasts until `restore`. */
  drop(direction: Direction): void {
    for (const one of each(direction)) this.#dropping.add(one);
  }

  /** Half-open for good: so many connections, the oldest first. The others work. */
  strand(count: number): void {
    for (const link of [...this.#links].slice(0, count)) link.strand();
  }

  /** New connections work again; those that lost bytes are broken for good, and are closed. */
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

  /** Takes no more connections: whoever tries gets ECONNREFUSED. */
  refuse(): void {
    this.#server?.close();
    this.#server = undefined;
  }

  /** Takes connections, again on the same port. */
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
    const server = connect({ port: this.#target, host: "127.0.0.1", noDelay: true });
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

/** With an RST. Where a FIN is on its way that fails, and Node leaves the handle open, which holds the process. */
function breakOff(socket: Socket): void {
  const { _handle: handle } = socket as unknown as { _handle?: { close(): void } | null };
  socket.on("error", (error: NodeJS.ErrnoException) => {
    if (error.syscall === "reset") handle?.close();
  });
  socket.resetAndDestroy();
}
