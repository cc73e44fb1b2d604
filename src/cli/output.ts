import type { Incoming } from "../index.js";

/** Lines on standard output: readable ones for people, JSON ones for programs. */
export interface Output {
  readonly json: boolean;
  /** Resolves when the line has been handed over, so that a message is acknowledged only after it was seen. */
  print(forPeople: string, forPrograms: object): Promise<void>;
}

export function createOutput(json: boolean): Output {
  return {
    json,
    print: (forPeople, forPrograms) => write(json ? jsonOf(forPrograms) : forPeople),
  };
}

function write(line: string): Promise<void> {
  return new Promise((resolve, reject) => {
    process.stdout.write(`${line}\n`, (error) => (error ? reject(error) : resolve()));
  });
}

/** JSON has no integers of 64 bits: they travel as text. */
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

/** A message as one line for people: what identifies it, then metadata and tags, then the body. */
export function lineOf(message: Incoming<unknown>, ...marks: string[]): string {
  const tags = Object.entries(message.tags).map(([key, value]) => `${key}=${value}`);
  const metadata = message.metadata === "" ? [] : [JSON.stringify(message.metadata)];
  const body = textOf(message.body) ?? `base64:${base64(message.body)}`;
  return [`[${[message.channel, ...marks].join(" ")}]`, ...metadata, ...tags, body].join(" ");
}

/** A message as an object for programs: the body as text, or in base64 when it is not text. */
export function recordOf(message: Incoming<unknown>, more: object = {}): object {
  const { id, channel, metadata, tags, body } = message;
  const text = textOf(body);
  const payload = text === undefined ? { bodyBase64: base64(body) } : { body: text };
  return { channel, id, ...more, metadata, tags, ...payload };
}
