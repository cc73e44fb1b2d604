import { KubeMQError, type QueuePolicy } from "../../index.js";
import { EXIT, Failure } from "../exit.js";
import type { Session } from "../session.js";
import { envelope, readLines, type MessageOptions } from "../terminal/input.js";
import type { Terminal } from "../terminal/terminal.js";

/** A message to send, read from a line that `--jsonl` of a receiving command has printed. */
export interface SentRecord {
  readonly body: string | Uint8Array;
  readonly id?: string;
  readonly metadata?: string;
  readonly tags?: Readonly<Record<string, string>>;
  readonly policy?: QueuePolicy;
}

/** How a sending command reads standard input. */
export interface InputOptions {
  readonly lines?: true;
  readonly jsonl?: boolean;
}

/**
 * The messages on standard input, one per line or one per JSON object. Undefined when the command
 * sends one message: its argument, or the whole of standard input.
 */
export function messagesOfInput(
  { terminal, signal }: Pick<Session, "terminal" | "signal">,
  body: string | undefined,
  { lines, jsonl }: InputOptions,
): AsyncGenerator<SentRecord, void> | undefined {
  if (lines && body !== undefined) throw new Failure("--lines reads standard input, and a body is given", EXIT.usage);
  if (lines) return readBodies(terminal, signal);
  return jsonl && body === undefined ? readRecords(terminal, signal) : undefined;
}

async function* readBodies(terminal: Terminal, signal: AbortSignal): AsyncGenerator<SentRecord, void> {
  for await (const body of readLines(terminal, signal)) yield { body };
}

async function* readRecords(terminal: Terminal, signal: AbortSignal): AsyncGenerator<SentRecord, void> {
  let line = 0;
  for await (const json of readLines(terminal, signal)) {
    line += 1;
    yield sentRecord(json, (why) => refusedAt(line, why));
  }
}

/** Counts the messages that are read, to name the one that the client refuses. */
export function numbered<T>(messages: AsyncIterable<T>) {
  let read = 0;
  async function* each(): AsyncGenerator<T, void> {
    for await (const message of messages) {
      read += 1;
      yield message;
    }
  }
  return {
    messages: each(),
    /** The client checks each message before it reads the next one: a refusal is about the last. */
    named: (error: unknown) => (KubeMQError.is(error, "INVALID_ARGUMENT") ? refusedAt(read, reasonOf(error)) : error),
  };
}

/** Without the index, because the messages of standard input are counted from 1. */
function reasonOf({ message }: KubeMQError): string {
  return message.replace(/^message at index \d+: /, "");
}

function refusedAt(message: number, why: string): Failure {
  const before = message === 1 ? "" : "; the messages before it may have been sent";
  return new Failure(`message ${message} of standard input: ${why}${before}`, EXIT.usage);
}

/** A message to send: the options of the command replace the properties of the record. */
export function merged(channel: string, options: MessageOptions, record: SentRecord) {
  const { policy: _, ...message } = record;
  const { tags, ...given } = envelope(channel, options);
  return { ...message, ...given, tags: { ...message.tags, ...tags } };
}

/** Properties that cannot be sent, such as the sequence, are ignored. */
function sentRecord(json: string, refused: (why: string) => Failure): SentRecord {
  const record = parsed(json, refused);
  const { id, metadata, tags, policy } = record;
  if (id !== undefined && typeof id !== "string") throw refused("id must be a string");
  if (metadata !== undefined && typeof metadata !== "string") throw refused("metadata must be a string");
  if (tags !== undefined && !isTags(tags)) throw refused("tags must be an object of strings");
  if (policy !== undefined && !isObject(policy)) throw refused("policy must be an object");
  return {
    body: bodyOf(record, refused),
    ...(id !== undefined && { id }),
    ...(metadata !== undefined && { metadata }),
    ...(tags !== undefined && { tags }),
    ...(policy !== undefined && { policy }),
  };
}

function parsed(json: string, refused: (why: string) => Failure): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch (error) {
    throw refused(`it is not JSON (${error instanceof Error ? error.message : String(error)})`);
  }
  if (!isObject(value)) throw refused("it is not a JSON object");
  return value;
}

function bodyOf({ body, bodyBase64 }: Record<string, unknown>, refused: (why: string) => Failure): string | Uint8Array {
  if (body !== undefined && bodyBase64 !== undefined) throw refused("it has body and bodyBase64");
  if (typeof body === "string") return body;
  if (body !== undefined) throw refused("body must be a string: use bodyBase64 for bytes");
  if (bodyBase64 === undefined) return "";
  const bytes = typeof bodyBase64 === "string" ? Buffer.from(bodyBase64, "base64") : undefined;
  // Buffer ignores characters that are not base64, which would change the body.
  if (bytes?.toString("base64") !== bodyBase64) throw refused("bodyBase64 must be base64");
  return bytes;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isTags(value: unknown): value is Record<string, string> {
  return isObject(value) && Object.values(value).every((it) => typeof it === "string");
}
