import { execFile, spawn, type ChildProcessByStdio } from "node:child_process";
import { cp, mkdtemp, rm } from "node:fs/promises";
import type { Readable, Writable } from "node:stream";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const root = fileURLToPath(new URL("../../", import.meta.url));
let folder: string | undefined;
const running = new Set<ChildProcessByStdio<Writable, Readable, Readable>>();

/** Builds the published command, beside the dependencies. */
export async function build(): Promise<void> {
  folder = await mkdtemp(`${root}node_modules/.cli-test-`);
  await promisify(execFile)(process.execPath, ["scripts/bundle.mjs", `${folder}/dist`], { cwd: root });
  await cp(`${root}package.json`, `${folder}/package.json`);
}

/** Removes the output of `build`. */
export async function discard(): Promise<void> {
  if (folder !== undefined) await rm(folder, { recursive: true, force: true });
}

export function main(): string {
  if (folder === undefined) throw new Error("build() first");
  return `${folder}/dist/src/cli/main.js`;
}

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

const environment = () =>
  Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("KUBEMQ_")));

/** Starts the command with pipes for all three streams. */
export function start(...args: string[]): ChildProcessByStdio<Writable, Readable, Readable> {
  return startWith({}, ...args);
}

export function startWith(
  env: Readonly<Record<string, string>>,
  ...args: string[]
): ChildProcessByStdio<Writable, Readable, Readable> {
  return track(spawn(process.execPath, [main(), ...args], { env: { ...environment(), ...env } }));
}

/** Starts the command on a pseudo-terminal, which it sees as all three streams. */
export function startOnTerminal(...args: string[]): ChildProcessByStdio<Writable, Readable, Readable> {
  const command = [process.execPath, main(), ...args];
  const quoted = command.map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(" ");
  // "exec": otherwise the shell in between may handle Ctrl-C itself.
  const script =
    process.platform === "darwin" ? ["-q", "/dev/null", ...command] : ["-qec", `exec ${quoted}`, "/dev/null"];
  return track(spawn("script", script, { env: environment() }));
}

function track<Child extends ChildProcessByStdio<Writable, Readable, Readable>>(child: Child): Child {
  running.add(child);
  child.once("exit", () => running.delete(child));
  child.stdin.on("error", () => {}); // the command may end without reading all of it
  return child;
}

/** Collects the output of a command until it ends. */
export async function ended(child: ChildProcessByStdio<Writable, Readable, Readable>): Promise<Ended> {
  let stdout = "";
  let stderr = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  const code = await new Promise<number | null>((resolve) => {
    child.once("close", resolve);
  });
  return { code, stdout, stderr };
}

/** Runs the command to its end with the given standard input. */
export async function run(args: readonly string[], stdin = ""): Promise<Ended> {
  const child = start(...args);
  child.stdin.end(stdin);
  return ended(child);
}

export function endAll(): void {
  for (const child of running) child.kill("SIGKILL");
}
