import { spawn } from "node:child_process";
import type { IncomingRequest } from "../../index.js";

/** Maximum length of a program's output, and of the part of its error output that is kept. */
const MOST_OUTPUT = 100 * 1024 * 1024;
const MOST_ERRORS = 64 * 1024;

/**
 * Runs a program for a request: its body is the input. Resolves with the output; rejects when it
 * fails.
 */
export async function runFor(
  request: IncomingRequest,
  { command, shell, env }: { command: string; shell: boolean; env: Readonly<Record<string, string | undefined>> },
): Promise<Uint8Array> {
  const [file = "", ...args] = shell ? ["sh", "-c", command] : command.split(/\s+/).filter((word) => word !== "");
  const child = spawn(file, args, { env: { ...env, ...environmentOf(request) }, signal: request.signal });
  const output: Buffer[] = [];
  let size = 0;
  let errors = "";
  child.stdout.on("data", (chunk: Buffer) => {
    output.push(chunk);
    if ((size += chunk.length) > MOST_OUTPUT) child.kill();
  });
  child.stderr.setEncoding("utf8").on("data", (chunk: string) => (errors = (errors + chunk).slice(-MOST_ERRORS)));
  // A program may end without reading its input.
  child.stdin.on("error", () => {});
  child.stdin.end(request.body);
  const [code, killedBy] = await new Promise<[number | null, string | null]>((resolve, reject) => {
    child.once("error", ({ message }) => reject(new Error(message)));
    child.once("close", (code, signal) => resolve([code, signal]));
  });
  if (code === 0) return Buffer.concat(output);
  const why = errors.trim().split("\n").at(-1);
  const end = code === null ? `was ended by ${killedBy}` : `ended with code ${code}`;
  throw new Error(`${file} ${end}${why === undefined || why === "" ? "" : `: ${why}`}`);
}

/**
 * The environment variables that describe the request. Names of tags come from the sender: the
 * prefix keeps them from setting a variable such as PATH.
 */
function environmentOf({ id, channel, metadata, tags }: IncomingRequest): Record<string, string> {
  // promise: exec-tags-prefixed
  const named = Object.entries(tags).map(([name, value]) => [`KUBEMQ_TAG_${name.replaceAll(/\W/g, "_")}`, value]);
  return {
    ...(Object.fromEntries(named) as Record<string, string>),
    KUBEMQ_MESSAGE_ID: id,
    KUBEMQ_MESSAGE_CHANNEL: channel,
    KUBEMQ_MESSAGE_METADATA: metadata,
    KUBEMQ_MESSAGE_TAGS: JSON.stringify(tags),
  };
}
