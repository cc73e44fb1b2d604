import { spawn } from "node:child_process";
import { programAt } from "./program.js";

export interface Ran {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Runs a program of test/programs in plain Node.js, where an unhandled rejection or an uncaught
 * error ends the process, unlike in jest.
 */
export async function run(file: string, args: readonly string[] = [], boundMs = 60_000): Promise<Ran> {
  const program = programAt(`test/programs/${file}`);
  const child = spawn(process.execPath, ["--expose-gc", ...program.execArgv, program.file, ...args], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  let stdout = "";
  let stderr = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  const timer = setTimeout(() => child.kill("SIGKILL"), boundMs);
  const [code, signal] = await new Promise<[number | null, NodeJS.Signals | null]>((resolve) => {
    child.once("close", (...outcome) => resolve(outcome));
  });
  clearTimeout(timer);
  return { code, signal, stdout, stderr };
}
