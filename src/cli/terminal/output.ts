import { escapedJson } from "./escape.js";
import { rendered, type Line, type Rendering } from "./line.js";
import { tableOf, type Column } from "./table.js";
import type { Terminal } from "./terminal.js";

/** Lines on standard output: readable ones for people, JSON ones for programs. */
export interface Output {
  readonly jsonl: boolean;
  /** How standard output shows lines. */
  readonly rendering: Rendering;
  /**
   * Resolves when the line is written, so that a message is acknowledged only after it is visible.
   */
  print(forPeople: Line, forPrograms: object): Promise<void>;
  /** Prints a message: by the template of `--format`, if there is one. */
  message(forPeople: Line, forPrograms: object): Promise<void>;
  /** Prints a table, or a JSON line for each row. */
  table<Row extends object>(columns: readonly Column<Row>[], rows: readonly Row[]): Promise<void>;
}

export interface OutputOptions {
  readonly jsonl?: boolean;
  /** False by `--no-color`. */
  readonly color?: boolean;
  /** Makes the line of a message. */
  readonly format?: (record: object) => string;
}

export function createOutput(terminal: Terminal, { jsonl = false, color, format }: OutputOptions): Output {
  const { stdout } = terminal;
  const tty = stdout.isTTY === true;
  const rendering = { escape: tty, colors: color !== false && hasColors(terminal) }; // promise: terminal-escaped
  // promise: terminal-json-escaped
  const json = (record: object) => (tty ? escapedJson(jsonOf(record)) : jsonOf(record));
  const print: Output["print"] = (forPeople, forPrograms) =>
    write(stdout, jsonl ? json(forPrograms) : rendered(forPeople, rendering));
  return {
    jsonl,
    rendering,
    print,
    message: (forPeople, forPrograms) => print(format?.(forPrograms) ?? forPeople, forPrograms),
    async table(columns, rows) {
      const lines = jsonl ? rows.map(json) : tableOf(columns, rows).map((line) => rendered(line, rendering));
      if (rows.length > 0) await write(stdout, lines.join("\n"));
    },
  };
}

/** https://no-color.org: any value that is not empty turns colours off. */
function hasColors({ stdout, env }: Terminal): boolean {
  return stdout.isTTY === true && (env["NO_COLOR"] ?? "") === "" && env["TERM"] !== "dumb";
}

function write(stdout: Terminal["stdout"], line: string): Promise<void> {
  return new Promise((resolve, reject) => {
    stdout.write(`${line}\n`, (error) => (error ? reject(error) : resolve()));
  });
}

/** Reports on standard error. The string may come from a server or a message. */
export function report({ stderr }: Terminal, what: string): void {
  stderr.write(`${rendered(`kubemq-es: ${what}`, { escape: stderr.isTTY === true, colors: false })}\n`);
}

/** JSON has no 64-bit integers: they become strings. */
export function jsonOf(value: object): string {
  return JSON.stringify(value, (_key, it: unknown) => (typeof it === "bigint" ? String(it) : it));
}
