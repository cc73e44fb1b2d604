import { spawn } from "node:child_process";
import { programAt } from "./program.js";

export interface Ran {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly tookMs: number;
  /**
   * Milliseconds from the line `done` on standard output to the exit of the process; undefined
   * without that line.
   */
  readonly exitMs: number | undefined;
}

/**
 * Runs a program of test/programs in plain Node.js, where an unhandled rejection or an uncaught
 * error ends the process, unlike in jest.
 */
export async function run(
  file: string,
  args: readonly string[] = [],
  boundMs = 60_000,
  env: Readonly<Record<string, string>> = {},
): Promise<Ran> {
  const program = programAt(`test/programs/${file}`);
  const started = performance.now();
  const child = spawn(process.execPath, ["--expose-gc", ...program.execArgv, program.file, ...args], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, ...env },
  });
  let stdout = "";
  let stderr = "";
  let doneAt: number | undefined;
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
    if (doneAt === undefined && /^done$/m.test(stdout)) doneAt = performance.now();
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  const timer = setTimeout(() => child.kill("SIGKILL"), boundMs);
  const [code, signal] = await new Promise<[number | null, NodeJS.Signals | null]>((resolve) => {
    child.once("close", (...outcome) => resolve(outcome));
  });
  clearTimeout(timer);
  const ended = performance.now();
  return {
    code,
    signal,
    stdout,
    stderr,
    tookMs: ended - started,
    exitMs: doneAt === undefined ? undefined : ended - doneAt,
  };
}
