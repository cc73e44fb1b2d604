import { once } from "node:events";
import { createServer } from "node:http2";
import type { IncomingHttpHeaders, ServerHttp2Session, ServerHttp2Stream } from "node:http2";
import type { AddressInfo, Socket } from "node:net";
import { until as untilNamed } from "./until.js";

/** Handles a request on a stream of the raw server. */
export type RawHandler = (stream: ServerHttp2Stream, headers: IncomingHttpHeaders, server: RawGrpcServer) => void;

/** A server that speaks HTTP/2 but not gRPC, so that a test can send exact frames. */
export class RawGrpcServer implements AsyncDisposable {
  readonly sessions = new Set<ServerHttp2Session>();
  readonly sockets = new Set<Socket>();
  readonly streams = new Set<ServerHttp2Stream>();
  /** Codes of RST_STREAM frames, in the order in which the streams closed. */
  readonly rstCodes: number[] = [];
  readonly url: string;
  private readonly closing: () => Promise<void>;

  private constructor(server: ReturnType<typeof createServer>, handler: RawHandler) {
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    server.on("connection", (socket: Socket) => {
      this.sockets.add(socket);
      socket.on("error", () => {});
      socket.on("close", () => this.sockets.delete(socket));
    });
    server.on("session", (session) => {
      this.sessions.add(session);
      session.on("error", () => {});
      session.on("close", () => this.sessions.delete(session));
    });
    server.on("stream", (stream, headers) => {
      this.streams.add(stream);
      stream.on("error", () => {});
      stream.on("close", () => {
        this.streams.delete(stream);
        this.rstCodes.push(stream.rstCode ?? -1);
      });
      handler(stream, headers, this);
    });
    this.closing = async () => {
      for (const session of this.sessions) session.destroy();
      const closed = once(server, "close");
      server.close();
      await closed;
    };
  }

  static async start(handler: RawHandler): Promise<RawGrpcServer> {
    const server = createServer();
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return new RawGrpcServer(server, handler);
  }

  /** Resolves when the clients have processed what was sent to them, and what they answered has arrived. */
  async roundTrip(): Promise<void> {
    for (let trip = 0; trip < 2; trip++) {
      await Promise.all([...this.sessions].map((session) => new Promise((resolve) => session.ping(resolve))));
    }
  }

  /** Ends every connection like a killed process, or like a machine that crashed. */
  dropConnections(how: "end" | "reset" = "end"): void {
    for (const socket of this.sockets) {
      if (how === "end") socket.destroy();
      else socket.resetAndDestroy();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.closing();
  }
}

/** Adds the gRPC length prefix to bytes. */
export function envelope(bytes: Uint8Array, flags = 0): Buffer {
  const result = Buffer.alloc(5 + bytes.length);
  result[0] = flags;
  result.writeUInt32BE(bytes.length, 1);
  result.set(bytes, 5);
  return result;
}

/** Opens a gRPC response whose trailers are sent when the stream ends. */
export function respond(stream: ServerHttp2Stream, trailers: Record<string, string> = { "grpc-status": "0" }): void {
  stream.respond({ ":status": 200, "content-type": "application/grpc+proto" }, { waitForTrailers: true });
  stream.on("wantTrailers", () => stream.sendTrailers(trailers));
}

/** Splits request bytes into messages, as a gRPC server does. */
export function onMessages(stream: ServerHttp2Stream, onMessage: (bytes: Buffer) => void): void {
  let rest: Buffer = Buffer.alloc(0);
  stream.on("data", (chunk: Buffer) => {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    let at = 0;
    while (rest.length - at >= 5) {
      const size = rest.readUInt32BE(at + 1);
      if (rest.length - at - 5 < size) break;
      onMessage(rest.subarray(at + 5, at + 5 + size));
      at += 5 + size;
    }
    rest = rest.subarray(at);
  });
}

/** Waits for a condition. The error of one that does not hold in time shows its source. */
export function until(condition: () => boolean): Promise<void> {
  return untilNamed(condition.toString(), condition);
}
