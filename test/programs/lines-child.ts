import { limitingProxy } from "../support/limiting-proxy.js";
import { offer } from "../support/child.js";
import { TcpProxy } from "../support/tcp-proxy.js";

/**
 * The lines between clients and a broker in a separate process, controlled by its parent over IPC:
 * they carry bytes while the event loop of the clients is blocked.
 */
interface Options {
  readonly port: number;
  /** Streams that a connection of the southern line may have. */
  readonly southernStreams: number;
}

const { port, southernStreams } = JSON.parse(process.argv[2] ?? "{}") as Options;
const limits = await limitingProxy(`127.0.0.1:${port}`, southernStreams);
const lines = {
  north: await TcpProxy.start(port),
  east: await TcpProxy.start(port),
  south: await TcpProxy.start(limits.port),
};
const addresses = Object.fromEntries(Object.entries(lines).map(([name, line]) => [name, line.address]));
offer({ ...lines, seen: () => limits.seen }, { addresses });
