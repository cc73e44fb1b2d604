import { startMisbehavingServer, type Misdeeds } from "./misbehaving-server.js";

/**
 * The reports of the process: its address, and its misdeeds every tenth of a second and after a
 * stop request.
 */
export interface Misbehaved {
  readonly port: number;
  readonly answers: number;
  readonly misdeeds: Misdeeds;
}

/**
 * Runs the misbehaving server in a separate process: `misbehaving-child.ts SEED`. Any message stops
 * it.
 */
const server = await startMisbehavingServer(Number(process.argv[2]));
const tell = () => {
  const { port, answers, misdeeds } = server;
  process.send?.({ port, answers, misdeeds } satisfies Misbehaved);
};
const timer = setInterval(tell, 100);
process.on("disconnect", () => process.exit());
process.once("message", () => {
  clearInterval(timer);
  server[Symbol.dispose]();
  tell();
  process.disconnect();
});
tell();
