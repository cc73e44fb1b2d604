import type { Incoming } from "../index.js";
import type { Terminal } from "./terminal.js";

/** Lines on standard output: readable ones for people, JSON ones for programs. */
export interface Output {
  readonly json: boolean;
  /** Resolves when the line is written, so that a message is acknowledged only after it is visible. */
  print(forPeople: string, forPrograms: object): Promise<void>;
}

export function createOutput({ stdout }: Terminal, json: boolean): Output {
  return {
    json,
    print: (forPeople, forPrograms) => write(stdout, json ? jsonOf(forPrograms) : forPeople),
  };
}

function write(stdout: Terminal["stdout"], line: string): Promise<void> {
  return new Promise((resolve, reject) => {
    stdout.write(`${line}\n`, (error) => (error ? reject(error) : resolve()));
  });
}

/** JSON has no 64-bit integers: they become strings. */
export function jsonOf(value: object): string {
  return JSON.stringify(value, (_key, it: unknown) => (typeof it === "bigint" ? String(it) : it));
}

const utf8 = new TextDecoder("utf-8", { fatal: true });

function textOf(body: Uint8Array): string | undefined {
  try {
    return utf8.decode(body);
  } catch {
    return undefined;
  }
}

const base64 = (body: Uint8Array) => Buffer.from(body.buffer, body.byteOffset, body.length).toString("base64");

/** A message as one readable line: identity, metadata, tags, body. */
export function lineOf(message: Incoming<unknown>, ...marks: string[]): string {
  const tags = Object.entries(message.tags).map(([key, value]) => `${key}=${value}`);
  const metadata = message.metadata === "" ? [] : [JSON.stringify(message.metadata)];
  const body = textOf(message.body) ?? `base64:${base64(message.body)}`;
  return [`[${[message.channel, ...marks].join(" ")}]`, ...metadata, ...tags, body].join(" ");
}

/** A message as an object for programs: the body as a string, or in base64 when it is not UTF-8. */
export function recordOf(message: Incoming<unknown>, more: object = {}): object {
  const { id, channel, metadata, tags, body } = message;
  const text = textOf(body);
  const payload = text === undefined ? { bodyBase64: base64(body) } : { body: text };
  return { channel, id, ...more, metadata, tags, ...payload };
}
