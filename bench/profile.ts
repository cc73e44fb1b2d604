import { Session } from "node:inspector/promises";

/** Share of the CPU time per room of the source tree, largest first. */
export type Profile = readonly { readonly room: string; readonly share: number }[];

/** Runs a function under V8's sampling profiler. */
export async function profiled<T extends object>(run: () => Promise<T>): Promise<T & { readonly profile: Profile }> {
  const session = new Session();
  session.connect();
  try {
    await session.post("Profiler.enable");
    await session.post("Profiler.setSamplingInterval", { interval: 200 });
    await session.post("Profiler.start");
    const outcome = await run();
    const { profile } = await session.post("Profiler.stop");
    return { ...outcome, profile: byRoom(profile) };
  } finally {
    session.disconnect();
  }
}

interface SampledProfile {
  readonly nodes: readonly { readonly id: number; readonly callFrame: { functionName: string; url: string } }[];
  readonly samples?: readonly number[] | undefined;
}

function byRoom({ nodes, samples = [] }: SampledProfile): Profile {
  const rooms = new Map(nodes.map(({ id, callFrame }) => [id, roomOf(callFrame.url, callFrame.functionName)]));
  const counts = new Map<string, number>();
  let busy = 0;
  for (const id of samples) {
    const room = rooms.get(id);
    if (room === undefined) continue;
    busy += 1;
    counts.set(room, (counts.get(room) ?? 0) + 1);
  }
  return [...counts].map(([room, count]) => ({ room, share: count / busy })).toSorted((a, b) => b.share - a.share);
}

/** The room that a function belongs to; undefined while the process is idle. */
function roomOf(url: string, name: string): string | undefined {
  if (name === "(idle)") return undefined;
  if (name === "(garbage collector)") return "garbage collector";
  if (url.startsWith("node:") || url === "") return "Node.js and V8";
  if (url.includes("/node_modules/")) return /node_modules\/((@[^/]+\/)?[^/]+)/.exec(url)?.[1] ?? "other packages";
  if (url.includes("/src/transport/") || url.includes("/gen/")) return "transport and codec";
  if (url.endsWith("/uplink.js") || url.endsWith("/connection.js")) return "connection and uplink";
  if (url.includes("/src/stream/engine.js") || url.endsWith("/fifo.js")) return "stream engine";
  if (url.includes("/src/events/publish/")) return "publisher";
  if (url.includes("/src/")) return "checks and mapping of messages";
  return "the benchmark's own loop";
}
