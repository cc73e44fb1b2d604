/** Runs the loads of one contestant, on request of the parent process. */
import { facade } from "./contestants/facade.js";
import { ownTransport, stockConnect } from "./contestants/connect.js";
import type { Contestant } from "./contestants/contestant.js";
import { grpcJs } from "./contestants/grpc-js.js";
import { kubemqJs } from "./contestants/kubemq-js.js";
import { raw } from "./contestants/raw.js";
import { rawStream } from "./contestants/raw-stream.js";
import type { ContestantName, Load } from "./loads.js";
import { profiled } from "./profile.js";
import type { Profile } from "./profile.js";
import type { Ports } from "./server.js";
import { median } from "./statistics.js";

export interface Order {
  readonly load: Load;
  readonly count: number;
  readonly ports: Ports;
  /** Also profile the CPU time. */
  readonly profile?: boolean;
}

export interface Sample {
  readonly ms: number;
  readonly cpuMs: number;
  /** Median of one round trip, for loads that measure round trips. */
  readonly p50Ms?: number | undefined;
  readonly profile?: Profile | undefined;
}

const contestants: Readonly<Record<ContestantName, () => Contestant | Promise<Contestant>>> = {
  facade,
  transport: ownTransport,
  connect: stockConnect,
  "grpc-js": () => grpcJs({ tuned: false }),
  "grpc-js tuned": () => grpcJs({ tuned: true }),
  "kubemq-js": kubemqJs,
  "node:http2": raw,
  "node:http2 stream": rawStream,
};

const contestant = await contestants[process.argv[2] as ContestantName]();

/**
 * Stands for the memory of an application. In a smaller heap, every 32 MB of received bodies may or
 * may not start another full marking: on Node.js 20, some processes then take half as long again as
 * identical ones, for seconds.
 */
export const heap = Array.from({ length: 300_000 }, (_, n) => ({ n, text: `row ${n}` }));

async function play({ load, count, ports }: Order): Promise<number[]> {
  if (load.kind === "poll") return contestant.poll(ports.queue, count);
  if (load.kind === "receive") await contestant.receive(ports.receive[load.size] ?? 0, count);
  else if (load.kind === "unary") await contestant.unary(ports.sink, count, load.atOnce);
  else if (load.kind === "plain") await contestant.plain(ports.sends, load.pattern, count, load.atOnce);
  else await contestant.send(load.answered ? ports.echo : ports.sink, load.size, count, load.answered);
  return [];
}

async function sample(order: Order): Promise<Sample> {
  const cpu = process.cpuUsage();
  const started = performance.now();
  const times = await play(order);
  const ms = performance.now() - started;
  const { user, system } = process.cpuUsage(cpu);
  return { ms, cpuMs: (user + system) / 1000, p50Ms: times.length === 0 ? undefined : median(times) };
}

process.on("message", (order: Order) => {
  const played = order.profile === true ? profiled(() => sample(order)) : sample(order);
  void played.then((answer) => process.send?.(answer));
});
process.on("disconnect", () => process.exit());
process.send?.("ready");
