// oxlint-disable-next-line no-control-regex -- these are the characters to escape
const CONTROL = /[\u0000-\u0008\u000a-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

const NAMED: Readonly<Record<string, string>> = { "\n": String.raw`\n`, "\r": String.raw`\r` };

/**
 * Escapes the characters by which a message could control a terminal or change the order of what it
 * shows: all control characters except the tab, line separators and bidirectional marks. A line
 * remains a line, so that a message cannot imitate another one.
 */
export function escaped(untrusted: string): string {
  return untrusted.replaceAll(CONTROL, (it) => NAMED[it] ?? code(it));
}

/** As `escaped`, for JSON, which stays valid and equal. */
export function escapedJson(json: string): string {
  return json.replaceAll(CONTROL, (it) => String.raw`\u${hex(it, 4)}`);
}

const hex = (it: string, digits: number) => it.charCodeAt(0).toString(16).padStart(digits, "0");

function code(it: string): string {
  return it.charCodeAt(0) > 0xff ? String.raw`\u${hex(it, 4)}` : String.raw`\x${hex(it, 2)}`;
}
