import type { Command } from "commander";
import { createInterface } from "node:readline";
import { buffer } from "node:stream/consumers";
import { EXIT, Failure } from "../exit.js";
import type { Terminal } from "./terminal.js";
import { tag } from "../values.js";

/** Options of every sending command, without the body. */
export interface MessageOptions {
  readonly metadata?: string;
  readonly tag?: Readonly<Record<string, string>>;
  readonly id?: string;
}

export function messageOptions(command: Command): Command {
  return command
    .option("--metadata <text>", "a metadata string")
    .option("--tag <key=value>", "a tag; may be repeated", tag)
    .option("--id <id>", "the message's id (default: a random one)");
}

/** The fields of an outgoing message that the options give. */
export function envelope(channel: string, { metadata, tag: tags, id }: MessageOptions) {
  return {
    channel,
    ...(metadata !== undefined && { metadata }),
    ...(tags !== undefined && { tags }),
    ...(id !== undefined && { id }),
  };
}

/** The body given as an argument, otherwise all of standard input. */
export async function readBody(
  { stdin }: Terminal,
  given: string | undefined,
  hasMetadata = false,
): Promise<string | Uint8Array> {
  if (given !== undefined) return given;
  if (!stdin.isTTY) return buffer(stdin);
  if (hasMetadata) return "";
  throw new Failure("there is no body: give it after the channel, or pipe it in", EXIT.usage);
}

/** Standard input line by line, without empty lines; ends early when the signal aborts. */
export async function* readLines({ stdin }: Terminal, signal: AbortSignal): AsyncGenerator<string, void> {
  for await (const line of createInterface({ input: stdin, crlfDelay: Infinity, signal })) {
    if (line !== "") yield line;
  }
}
