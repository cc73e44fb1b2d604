import { start } from "../children.js";
import type { Ports } from "../server.js";
import type { ScalingOrder, ScalingSample } from "../scaling.js";
import { median } from "../statistics.js";

export interface Point {
  readonly messages: number;
  readonly subscriptions: number;
  readonly cpuMicros: number;
  readonly perSecond: number;
}

export interface Scaling {
  readonly byMessages: readonly Point[];
  readonly bySubscriptions: readonly Point[];
  /** The same without client and transport: the cost of node:http2, decoding and the loop. */
  readonly byHand: readonly Point[];
  /** The cost of node:http2 alone, with the content of frames ignored. */
  readonly frames: readonly Point[];
  readonly idle: { readonly subscriptions: number; readonly bytesEach: number };
  /** Heap while the loop's body never ends and the server keeps sending. */
  readonly stalled: readonly { readonly seconds: number; readonly heapBytes: number }[];
}

/** The client's cost per message, by number of messages and by number of subscriptions. */
export async function scaling(rounds: number, scale: number): Promise<Scaling> {
  using server = await start("server.js");
  const { receive, silent } = server.greeting as Ports;
  using child = await start("scaling.js", [], { nodeFlags: ["--expose-gc"] });
  const ask = (order: ScalingOrder) => child.ask(order) as Promise<ScalingSample>;
  const port = receive[16] ?? 0;
  const counts = [10_000, 31_600, 100_000, 316_000, 1_000_000].map((count) => Math.round(count * scale));
  const subscriptions = [1, 10, 100, 1000];
  const spreadOver = Math.round(200_000 * scale);
  const samples = new Map<string, ScalingSample[]>();
  const add = (key: string, sample: ScalingSample) => samples.set(key, [...(samples.get(key) ?? []), sample]);
  const measure = async (messages: number, subscriptions: number) => {
    // Messages arrive in batches of thousands, so a short run may count one batch more or less.
    const runs = Math.min(10, Math.ceil((100_000 * scale) / messages));
    let sample: ScalingSample = { ms: 0, cpuMs: 0 };
    for (let run = 0; run < runs; run++) {
      const { ms, cpuMs } = await ask({ task: "receive", port, messages, subscriptions });
      sample = { ms: sample.ms + ms / runs, cpuMs: sample.cpuMs + cpuMs / runs };
    }
    add(`${messages} ${subscriptions}`, sample);
  };
  // One process each: these subscriptions are never closed.
  const measureAlone = async (task: "receive by hand" | "receive frames", messages: number, subscriptions: number) => {
    using alone = await start("scaling.js");
    const order: ScalingOrder = { task, port, messages, subscriptions };
    add(`${task} ${messages} ${subscriptions}`, (await alone.ask(order)) as ScalingSample);
  };
  await ask({ task: "receive", port, messages: 50_000, subscriptions: 1 }); // warms up
  for (let round = 0; round < rounds; round++) {
    for (const count of counts) await measure(count, 1);
    for (const count of subscriptions) await measure(spreadOver, count);
    for (const count of subscriptions) await measureAlone("receive by hand", spreadOver, count);
    for (const count of subscriptions) await measureAlone("receive frames", spreadOver, count);
  }
  const point = (messages: number, subscriptions: number, by = ""): Point => {
    const all = samples.get(`${by}${messages} ${subscriptions}`) ?? [];
    const cpuMicros = median(all.map(({ cpuMs }) => (cpuMs / messages) * 1000));
    return { messages, subscriptions, cpuMicros, perSecond: median(all.map(({ ms }) => (messages / ms) * 1000)) };
  };
  const idle = await ask({ task: "idle", port: silent, subscriptions: 1000 });
  const stalled = await ask({
    task: "stalled",
    port: receive[1024] ?? 0,
    seconds: [0.5, 1, 2, 4].map((s) => s * Math.min(1, scale * 2)),
  });
  return {
    byMessages: counts.map((count) => point(count, 1)),
    bySubscriptions: subscriptions.map((count) => point(spreadOver, count)),
    byHand: subscriptions.map((count) => point(spreadOver, count, "receive by hand ")),
    frames: subscriptions.map((count) => point(spreadOver, count, "receive frames ")),
    idle: { subscriptions: 1000, bytesEach: idle.bytesEach ?? Number.NaN },
    stalled: stalled.heap ?? [],
  };
}
