/**
 * A server that speaks the minimum of HTTP/2 and gRPC, from prepared bytes, so that it is not the
 * bottleneck.
 *
 * Each kind of call has its own port, so that the server need not decode header blocks. Like a
 * grpc-go server, it sends one DATA frame per message, or several for a large one. It prepares all
 * it can, and copies each received message only once: with more work, large bodies would be limited
 * by this process.
 */
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { Connection } from "./server/connection.js";
import type { Kind } from "./server/connection.js";
import { event } from "./server/messages.js";

export interface Ports {
  /** Ports by body size. */
  readonly receive: Readonly<Record<number, number>>;
  /** Sends one event. */
  readonly one: number;
  readonly echo: number;
  readonly sink: number;
  /** Single queue messages and stored events. */
  readonly sends: number;
  readonly queue: number;
  /** Accepts subscriptions and sends nothing. */
  readonly silent: number;
}

async function listen(kind: Kind, size = 0): Promise<number> {
  const message = event(size);
  const server = createServer((socket) => new Connection(socket, kind, message));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return (server.address() as AddressInfo).port;
}

const receive: Record<number, number> = {};
for (const size of [16, 1024, 65_536]) receive[size] = await listen("receive", size);
const ports: Ports = {
  receive,
  one: await listen("one", 16),
  echo: await listen("echo"),
  sink: await listen("sink"),
  sends: await listen("sends"),
  queue: await listen("queue"),
  silent: await listen("silent"),
};
process.on("message", () => process.send?.(process.cpuUsage()));
process.on("disconnect", () => process.exit());
process.send?.(ports);
