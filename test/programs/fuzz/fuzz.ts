import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { startBroker } from "kubemq-es/testing";
import type { FuzzReport } from "./fuzz-client.js";
import type { Misbehaved } from "./misbehaving-child.js";
import { programAt } from "../../support/program.js";
import { stopwatch, until, within } from "../../support/until.js";

/**
 * `fuzz.ts ANSWERS [SEED]`: runs clients in one process against a misbehaving server in another,
 * until it has misbehaved ANSWERS times. This process only watches, so that it can tell a crash, an
 * endless loop and a hanging process from success.
 */
const enough = Number(process.argv[2] ?? 1_000);
const seed = Number(process.argv[3] ?? Date.now() % 1_000_000);
/** Without a further answer for this long, the clients hang. */
const silenceMs = 20_000;

function start(file: string, ...args: string[]): ChildProcess {
  const program = programAt(`test/programs/fuzz/${file}`);
  return fork(program.file, args, {
    execArgv: [...program.execArgv],
    stdio: ["ignore", "inherit", "pipe", "ipc"],
  });
}

/** How a process ended; undefined for a normal exit. */
async function end(child: ChildProcess): Promise<string | undefined> {
  if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
  if (child.signalCode !== null) return `ended by ${child.signalCode}`;
  return child.exitCode === 0 ? undefined : `ended with code ${child.exitCode}`;
}

const elapsed = stopwatch();
const failures: string[] = [];
const server = start("misbehaving-child.ts", String(seed));
let told: Misbehaved = { port: 0, answers: 0, misdeeds: {} };
let toldAt = elapsed();
server.on("message", (news: Misbehaved) => {
  if (news.answers > told.answers) toldAt = elapsed();
  told = news;
});
server.stderr?.pipe(process.stderr);
const serverEnd = end(server);
await until("the server listens", () => told.port > 0, 30_000);

const clients = start("fuzz-client.ts", `127.0.0.1:${told.port}`, String(seed));
let stderr = "";
clients.stderr?.setEncoding("utf8").on("data", (text: string) => (stderr += text));
let report: FuzzReport | undefined;
let stopped = false;
clients.on("message", (word: "stopped" | FuzzReport) => {
  if (word === "stopped") stopped = true;
  else report = word;
});
let gone = false;
const clientsEnd = end(clients).then((how) => {
  gone = true;
  return how;
});
const tell = (word: string) => clients.connected && clients.send(word);

try {
  toldAt = elapsed();
  await until(
    "it has misbehaved enough",
    () => {
      if (elapsed() - toldAt > silenceMs) throw new Error(`the clients do nothing for ${silenceMs} ms`);
      return told.answers >= enough || stopped || gone;
    },
    2 ** 31 - 1,
  );
  tell("stop");
  await until("every round has ended", () => stopped || gone, 30_000);
  server.send("stop");
  const serverFailed = await within(10_000, "the server has ended", serverEnd);
  if (serverFailed !== undefined) failures.push(`the server's process ${serverFailed}`);
  await using broker = await startBroker({ port: told.port });
  if (broker.port !== told.port) failures.push("the good server is somewhere else");
  tell("healthy");
  await until("the clients have told how it went", () => report !== undefined || gone, 60_000);
  const how = await within(15_000, "the clients' process has ended by itself", clientsEnd);
  if (how !== undefined) failures.push(`the clients' process ${how}`);
} catch (error) {
  failures.push(String(error));
} finally {
  clients.kill("SIGKILL");
  server.kill("SIGKILL");
}
if (report === undefined) failures.push("the clients' process told nothing");
else failures.push(...report.failures);
if (stderr !== "") failures.push(`the clients' process wrote: ${stderr}`);

const { answers, misdeeds } = told;
// In the long form, every misdeed that a promise names was done to every kind of call.
const promised = ["malformed frames", "truncated messages", "wrong trailers", "giant headers", "random bytes"] as const;
for (const misdeed of answers >= 5_000 ? promised : []) {
  for (const kind of ["unary", "receiving", "both ways"] as const) {
    if ((misdeeds[misdeed]?.[kind] ?? 0) === 0) failures.push(`no ${misdeed} for a call of the kind: ${kind}`);
  }
}
const { rounds, outcomes, reconnects } = report ?? {};
const seconds = Math.round(performance.now() / 100) / 10;
console.log(
  JSON.stringify({ answers, seed, node: process.version, seconds, rounds, misdeeds, outcomes, reconnects, failures }),
);
if (failures.length === 0) console.log("done");
process.exitCode = failures.length === 0 ? 0 : 1;
