import { spawn } from "node:child_process";
import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Program } from "../support/program.js";

export const root = fileURLToPath(new URL("../../", import.meta.url));

/** The pages of docs/, by their paths from the root. */
export const guides = readdirSync(`${root}docs`)
  .filter((file) => file.endsWith(".md"))
  .map((file) => `docs/${file}`);

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Runs a program to its end. A program that does not end by itself is killed, and has no exit code.
 */
export async function runProgram(
  { file, execArgv }: Program,
  boundMs: number,
  ...args: readonly string[]
): Promise<Ended> {
  const child = spawn(process.execPath, [...execArgv, file, ...args], {
    cwd: root,
    stdio: ["ignore", "pipe", "pipe"],
  });
  let stdout = "";
  let stderr = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  const kill = setTimeout(() => child.kill("SIGKILL"), boundMs);
  try {
    const code = await new Promise<number | null>((resolve) => {
      child.once("close", resolve);
    });
    return { code, stdout, stderr };
  } finally {
    clearTimeout(kill);
  }
}

/** Whether a printed line is the expected one, in which `…` matches anything. */
export function isLine(printed: string, expected: string): boolean {
  const pattern = expected.split("…").map((text) => text.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`));
  return new RegExp(`^${pattern.join(".*")}$`).test(printed);
}

/** The lines of an output, each replaced by the expected line that it matches. */
export function comparable(stdout: string, expected: readonly string[]): string[] {
  const lines = stdout.trimEnd().split("\n");
  return lines.map((line, n) => (isLine(line, expected[n] ?? "") ? (expected[n] ?? "") : line));
}

/**
 * Runs `work` for every item, at most `concurrency` at a time, and keeps the order of the results.
 */
export async function mapConcurrent<T, R>(
  items: readonly T[],
  concurrency: number,
  work: (item: T) => Promise<R>,
): Promise<R[]> {
  const results: R[] = [];
  let next = 0;
  const worker = async () => {
    for (let at = next++; at < items.length; at = next++) results[at] = await work(items[at] as T);
  };
  await Promise.all(Array.from({ length: concurrency }, worker));
  return results;
}
