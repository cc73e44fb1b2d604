// Writes the tables of README.md and docs/ from the doc comments, between `<!-- table: NAME -->` and
// `<!-- end of table -->`: the error codes (NAME is ErrorCode) or the fields of an interface in src/.
// And the table of docs/servers.md with what the profiles of the embedded broker keep.
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath, pathToFileURL } from "node:url";
import { KubeMQError, type ErrorCode } from "kubemq-es";
import { withProfiles } from "../test/contract/profiles.js";

const root = fileURLToPath(new URL("../", import.meta.url));
const MARKED = /(<!-- table: (\w+) -->\n)[^]*?(<!-- end of table -->)/g;

/** A page with its tables up to date. */
export function withTables(page: string): string {
  return page.replaceAll(
    MARKED,
    (_, start: string, name: string, end: string) => `${start}\n${tableOf(name)}\n\n${end}`,
  );
}

/** The names of the tables in a document. */
export function tablesIn(page: string): string[] {
  return [...page.matchAll(MARKED)].map((match) => String(match[2]));
}

function tableOf(name: string): string {
  return name === "ErrorCode" ? errorCodes() : fields(name);
}

function errorCodes(): string {
  // Bullets are wrapped.
  const source = readFileSync(`${root}src/api/errors.ts`, "utf8").replaceAll(/\n \* {3}/g, " ");
  const rows = [...source.matchAll(/^ \* - `([A-Z_]+)`: (.+)\. ([A-Z].+)$/gm)].map(([, code, meaning, advice]) => {
    const { retryable } = new KubeMQError(code as ErrorCode, "");
    return [`\`${code}\``, String(meaning), retryable ? "yes" : "no", String(advice)];
  });
  return table(["code", "meaning", "`retryable`", "what to do"], rows);
}

export interface Field {
  readonly name: string;
  readonly text: string;
  readonly preset: string | undefined;
}

/** The fields of an interface in src/, with their comments. */
export function fieldsOf(name: string): Field[] {
  for (const file of readdirSync(`${root}src/api`, { recursive: true, encoding: "utf8" })) {
    if (!file.endsWith(".ts")) continue;
    const source = readFileSync(`${root}src/api/${file}`, "utf8");
    const body = new RegExp(`^export interface ${name}(?:<[^{]*>)?(?: extends [^{]*)? \\{\\n([^]*?)^\\}`, "m").exec(
      source,
    )?.[1];
    if (body === undefined) continue;
    return [...body.matchAll(/^ {2}\/\*\*([^]*?)\*\/\n {2}(?:readonly )?(\w+)\??[:(<]/gm)].map(([, comment, field]) => {
      const text = String(comment)
        .replaceAll(/\n? +\* ?/g, " ")
        .replaceAll(/\{@link (\w+)\}/g, "`$1`")
        .trim();
      const [meaning = "", preset] = text.split(/ *@default */);
      return { name: String(field), text: meaning.trim(), preset };
    });
  }
  throw new Error(`a page has a table for ${name}, but src/ has no such interface`);
}

function fields(name: string): string {
  const rows = fieldsOf(name).map(({ name: field, text, preset }) => {
    const [, told] = / Default: (.+?)\.?$/.exec(text) ?? [];
    const meaning = text.replace(/ Default: .+$/, "");
    // Only the first sentence: the reference has the rest.
    const sentence = /^.+?\.(?= [A-Z`]|$)/.exec(meaning)?.[0] ?? meaning;
    return [`\`${field}\``, preset === undefined ? (told ?? "") : code(preset), sentence.replace(/\.$/, "")];
  });
  return table(["option", "default", "meaning"], rows);
}

/** Puts a literal in backticks, but not its explanation. */
function code(preset: string): string {
  const [, literal = preset, more = ""] = /^("[^"]*"|\{.*\}|[\w.]+)(.*)$/.exec(preset) ?? [];
  return `\`${literal}\`${more}`;
}

/** Aligns the columns as the formatter does. */
function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const cells = [head, ...rows].map((row) => row.map((cell) => cell.replaceAll("|", "\\|")));
  const widths = head.map((_, column) => Math.max(3, ...cells.map((row) => (row[column] ?? "").length)));
  const line = (row: readonly string[]) => `| ${row.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join(" | ")} |`;
  const [first = [], ...others] = cells;
  return [line(first), line(widths.map((width) => "-".repeat(width))), ...others.map(line)].join("\n");
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  for (const page of ["README.md", ...readdirSync(`${root}docs`).map((name) => `docs/${name}`)]) {
    if (!page.endsWith(".md")) continue;
    const before = readFileSync(`${root}${page}`, "utf8");
    const after = page === "docs/servers.md" ? withProfiles(withTables(before)) : withTables(before);
    if (after !== before) writeFileSync(`${root}${page}`, after);
  }
}
