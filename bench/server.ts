/**
 * A server that speaks just enough HTTP/2 and gRPC, from prepared bytes, to be no part of what is measured.
 *
 * What it does depends on the port and not on the request, so that it need not read header blocks: one port for each kind of call.
 * Like a grpc-go server it sends one DATA frame a message, or as many as a large one needs. It makes nothing anew that it can prepare, and copies a
 * received message once: with less, large bodies are measured at the pace of this process, even while it looks half idle.
 */
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { Connection } from "./server/connection.js";
import type { Kind } from "./server/connection.js";
import { event } from "./server/messages.js";

export interface Ports {
  /** By size of the body. */
  readonly receive: Readonly<Record<number, number>>;
  /** Sends one event. */
  readonly one: number;
  readonly echo: number;
  readonly sink: number;
  readonly queue: number;
  /** Takes subscriptions, and sends them nothing. */
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
  queue: await listen("queue"),
  silent: await listen("silent"),
};
process.on("message", () => process.send?.(process.cpuUsage()));
process.on("disconnect", () => process.exit());
process.send?.(ports);
