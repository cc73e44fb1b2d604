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
 * Maximum length of a line, in characters: a message of 100 MiB in base64 has half of it, and V8
 * allows strings of twice this length.
 */
const MOST_CHARACTERS = 2 ** 28;

/**
 * Standard input line by line, without empty lines; ends early when the signal aborts. Not by
 * `node:readline`: it also ends a line at U+2028, which JSON has unescaped in strings.
 *
 * @throws {Failure} when a line is longer than `most` characters
 */
export async function* readLines(
  { stdin }: Pick<Terminal, "stdin">,
  signal: AbortSignal,
  most = MOST_CHARACTERS,
): AsyncGenerator<string, void> {
  const decoder = new TextDecoder();
  const stop = () => stdin.destroy();
  signal.addEventListener("abort", stop, { once: true });
  // The parts of the line that has arrived in part. Joined once: joining at each chunk would take
  // hours for a line of many megabytes.
  let parts: string[] = [];
  let length = 0;
  const add = (part: string) => {
    length += part.length;
    if (length > most) throw new Failure(`a line of standard input has more than ${most} characters`, EXIT.usage);
    parts.push(part);
  };
  const take = () => {
    const line = parts.join("");
    parts = [];
    length = 0;
    return line.endsWith("\r") ? line.slice(0, -1) : line;
  };
  try {
    for await (const chunk of stdin) {
      // promise: jsonl-restored
      const [first = "", ...others] = decoder.decode(chunk as Uint8Array, { stream: true }).split("\n");
      add(first);
      for (const part of others) {
        const line = take();
        if (line !== "") yield line;
        add(part);
      }
    }
    add(decoder.decode());
    const last = take();
    if (last !== "") yield last;
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    signal.removeEventListener("abort", stop);
  }
}
