import type { OutgoingMessage } from "../../index.js";
import type { Command } from "commander";
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
export function envelope(
  channel: string,
  { metadata, tag: tags, id }: MessageOptions,
): Pick<OutgoingMessage, "id" | "channel" | "metadata" | "tags"> {
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

/**
 * Standard input line by line, without empty lines; ends early when the signal aborts. Not by
 * `node:readline`: it also ends a line at U+2028, which JSON has unescaped in strings.
 */
export async function* readLines({ stdin }: Terminal, signal: AbortSignal): AsyncGenerator<string, void> {
  const decoder = new TextDecoder();
  const stop = () => stdin.destroy();
  signal.addEventListener("abort", stop, { once: true });
  let rest = "";
  try {
    for await (const chunk of stdin) {
      // promise: jsonl-restored
      const lines = (rest + decoder.decode(chunk as Uint8Array, { stream: true })).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) {
        const complete = line.endsWith("\r") ? line.slice(0, -1) : line;
        if (complete !== "") yield complete;
      }
    }
    if (rest !== "") yield rest;
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    signal.removeEventListener("abort", stop);
  }
}
