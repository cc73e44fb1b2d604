import type { InspectOptions } from "node:util";

/**
 * How `util.inspect`, and so `console.log`, shows the objects of this package, also in Bun and
 * Deno.
 */
export const customInspect = Symbol.for("nodejs.util.inspect.custom");

type Inspect = (value: unknown, options?: InspectOptions) => string;

/**
 * The arguments that `util.inspect` calls the method with: the remaining depth, its options,
 * itself.
 */
export type InspectArguments = readonly [depth: number, options: InspectOptions, inspect: Inspect];

/** Shows an object as its public type and the properties that are not undefined. */
export function shown(
  type: string,
  properties: Readonly<Record<string, unknown>>,
  [depth, options, inspect]: InspectArguments,
): string {
  if (depth < 0) return `[${type}]`;
  const known = Object.fromEntries(Object.entries(properties).filter(([, value]) => value !== undefined));
  return `${type} ${inspect(known, { ...options, depth: options.depth === null ? null : depth })}`;
}

/** Bytes of a body that are shown. */
const SHOWN_BYTES = 200;

/**
 * A body for {@link shown}: a string when it is UTF-8, with its length when it is cut, and bytes
 * otherwise.
 */
export function shownBody(body: Uint8Array): unknown {
  const text = textOf(body.subarray(0, SHOWN_BYTES), body.length > SHOWN_BYTES);
  if (text === undefined) return Buffer.from(body.buffer, body.byteOffset, body.length);
  if (body.length <= SHOWN_BYTES) return text;
  return {
    [customInspect]: (...[, options, inspect]: InspectArguments) => `${inspect(text, options)}... ${body.length} bytes`,
  };
}

/** Undefined for bytes that are not UTF-8. A character that is cut at the end is left out. */
function textOf(bytes: Uint8Array, stream: boolean): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes, { stream });
  } catch {
    return undefined;
  }
}
