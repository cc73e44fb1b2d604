import { startBroker, type BrokerOptions } from "kubemq-es/testing";

/** A broker in a separate process, controlled by its parent over IPC. */
const broker = await startBroker(JSON.parse(process.argv[2] ?? "{}") as BrokerOptions);
process.on("disconnect", () => process.exit());
// Ctrl-C reaches the whole process group; the parent decides when this process ends.
process.on("SIGINT", () => {});
process.on("message", async ({ id, path, args }: { id: number; path: string[]; args: unknown[] }) => {
  const reply = (answer: object) => process.send?.({ id, ...answer });
  try {
    let owner: unknown;
    let value: unknown = broker;
    for (const name of path) {
      owner = value;
      value = (value as Record<string, unknown>)[name];
    }
    reply({ value: await (value as (...args: unknown[]) => unknown).apply(owner, args) });
  } catch (error) {
    reply({ error: String(error) });
  }
});
process.send?.({ port: broker.port });
