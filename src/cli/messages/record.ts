import type { Incoming } from "../../index.js";
import { joined, styled, type Line, type Part } from "../terminal/line.js";

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function textOf(body: Uint8Array): string | undefined {
  try {
    return utf8.decode(body);
  } catch {
    return undefined;
  }
}

const base64 = (body: Uint8Array) => Buffer.from(body.buffer, body.byteOffset, body.length).toString("base64");

/** A body as a string: in base64 when it is not UTF-8. */
function bodyText(body: Uint8Array): string {
  return textOf(body) ?? `base64:${base64(body)}`;
}

/** A message as one readable line: identity, metadata, tags, body. */
export function lineOf(message: Incoming<unknown>, ...marks: string[]): Line {
  const tags = Object.entries(message.tags).map(([key, value]) => styled("cyan", `${key}=${value}`));
  const metadata: Part[] = message.metadata === "" ? [] : [styled("yellow", JSON.stringify(message.metadata))];
  const identity = styled("dim", `[${[message.channel, ...marks].join(" ")}]`);
  return joined([identity, ...metadata, ...tags, bodyText(message.body)]);
}

/**
 * A message as an object for programs: the body as a string, or in base64 when it is not UTF-8.
 * `sentRecord` reads it.
 */
export function recordOf(message: Incoming<unknown>, more: object = {}): object {
  const { id, channel, metadata, tags, body } = message;
  const text = textOf(body);
  const payload = text === undefined ? { bodyBase64: base64(body) } : { body: text };
  return { channel, id, ...more, metadata, tags, ...payload };
}
