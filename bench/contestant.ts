/** A process that plays the loads of one contestant, as it is told to. */
import { grpcJs } from "./contestants/grpc-js.js";
import { ours, stock } from "./contestants/connect.js";
import { raw } from "./contestants/raw.js";
import type { Load } from "./loads.js";
import type { Ports } from "./server.js";

/** What a contestant can do. Each method resolves when all is done, with its stream ended. */
export interface Contestant {
  /** Subscribes and takes so many events. */
  receive(port: number, count: number): Promise<void>;
  /** Publishes so many events on one stream, at most `WINDOW` of them unanswered when there are answers. */
  send(port: number, size: number, count: number, answered: boolean): Promise<void>;
  /** Makes so many unary calls, so many at a time. */
  unary(port: number, count: number, atOnce: number): Promise<void>;
}

export interface Order {
  readonly load: Load;
  readonly count: number;
  readonly ports: Ports;
}

export interface Sample {
  readonly ms: number;
  readonly cpuMs: number;
}

const contestants: Readonly<Record<string, (options: { tuned: boolean }) => Contestant>> = {
  ours: () => ours(),
  stock: () => stock(),
  "grpc-js": grpcJs,
  "grpc-js tuned": () => grpcJs({ tuned: true }),
  raw: () => raw(),
};

const name = process.argv[2] ?? "";
const contestant = contestants[name]?.({ tuned: false });
if (contestant === undefined) throw new Error(`no contestant ${name}`);

async function play({ load, count, ports }: Order, by: Contestant): Promise<void> {
  if (load.kind === "receive") await by.receive(ports.receive[load.size] ?? 0, count);
  else if (load.kind === "send")
    await by.send(load.answered ? ports.echo : ports.sink, load.size, count, load.answered);
  else await by.unary(ports.unary, count, load.atOnce);
}

process.on("message", (order: Order) => {
  void (async () => {
    const cpu = process.cpuUsage();
    const started = process.hrtime.bigint();
    await play(order, contestant);
    const ms = Number(process.hrtime.bigint() - started) / 1e6;
    const { user, system } = process.cpuUsage(cpu);
    process.send?.({ ms, cpuMs: (user + system) / 1000 } satisfies Sample);
  })();
});
process.on("disconnect", () => process.exit());
process.send?.("ready");
