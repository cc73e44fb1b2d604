import { startMisbehavingServer, type Misdeeds } from "./misbehaving-server.js";

/** What the child tells: where it listens, and at every tenth of a second what it has done; the last time when it was asked to stop. */
export interface Misbehaved {
  readonly port: number;
  readonly answers: number;
  readonly misdeeds: Misdeeds;
}

/** The misbehaving server in a process of its own: `misbehaving-child.ts SEED`. Any message makes it stop. */
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
