import type { StartUpSample } from "../suites/start-up.js";

/** Loads a client, waits for its first message, and reports both durations. */
export async function firstMessage<Modules>(
  load: () => Promise<Modules>,
  subscribe: (modules: Modules, address: string, onMessage: () => void) => void,
): Promise<void> {
  const started = performance.now();
  const modules = await load();
  const importMs = performance.now() - started;
  await new Promise<void>((resolve) => subscribe(modules, `127.0.0.1:${process.argv[2] ?? ""}`, resolve));
  const firstMessageMs = performance.now() - started;
  const { user, system } = process.cpuUsage();
  process.on("disconnect", () => process.exit());
  process.send?.({ importMs, firstMessageMs, cpuMs: (user + system) / 1000 } satisfies StartUpSample);
}
