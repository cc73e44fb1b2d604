import { escaped } from "./escape.js";

const CODES = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33, cyan: 36 } as const;

export type Style = keyof typeof CODES;

/**
 * A piece of a line. Styles stand beside the string, which is escaped: it may be from a message.
 */
export type Part = string | { readonly style: Style; readonly text: string };

/** A line for people. */
export type Line = string | readonly Part[];

/** How a stream shows lines. */
export interface Rendering {
  /** Whether it is a terminal, which control characters would control. */
  readonly escape: boolean;
  readonly colors: boolean;
}

export function styled(style: Style, text: string): Part {
  return { style, text };
}

export function rendered(line: Line, { escape, colors }: Rendering): string {
  const shown = (part: string) => (escape ? escaped(part) : part);
  if (typeof line === "string") return shown(line);
  return line
    .map((part) => {
      if (typeof part === "string") return shown(part);
      return colors ? `\u001b[${CODES[part.style]}m${shown(part.text)}\u001b[0m` : shown(part.text);
    })
    .join("");
}

/** The parts with a separator between them. */
export function joined(parts: readonly Part[], separator = " "): Part[] {
  return parts.flatMap((part, n) => (n === 0 ? [part] : [separator, part]));
}
