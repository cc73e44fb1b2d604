// Writes the tables of RELIABILITY.md between its marks, from the list that `npm run test:mutations` works through.
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath, pathToFileURL } from "node:url";
import { chapters } from "../test/mutations/index.js";
import { rows } from "../test/mutations/rows.js";
import type { Chapter, HeldPromise, Row } from "../test/mutations/promise.js";

const file = fileURLToPath(new URL("../RELIABILITY.md", import.meta.url));
const MARKED = /(<!-- (promises|rows) -->\n)[^]*?(<!-- end of \2 -->)/g;

/** RELIABILITY.md as it ought to be. */
export function withPromises(text: string): string {
  const parts: Record<string, string> = { promises: chapters.map(section).join("\n\n"), rows: table(rows) };
  const missing = Object.keys(parts).filter((part) => !text.includes(`<!-- ${part} -->`));
  if (missing.length > 0) throw new Error(`RELIABILITY.md has no mark for its ${missing.join(", ")}`);
  return text.replaceAll(
    MARKED,
    (_, start: string, name: string, end: string) => `${start}\n${parts[name] ?? ""}\n\n${end}`,
  );
}

function table(all: readonly Row[]): string {
  const lines = all.map(({ happens, holds, tests }) => {
    const names = tests.map(([test, name]) => `${link(test, "test/")}: ${name}`).join("; ");
    return `| ${[happens, holds, names].map(cell).join(" | ")} |`;
  });
  return `<!-- prettier-ignore -->\n| What happens | What holds | Tests |\n| --- | --- | --- |\n${lines.join("\n")}`;
}

// Not formatted: the formatter would pad each cell to the width of its column.
function section({ title, promises }: Chapter): string {
  const lines = promises.map((held) => `| ${[held.promise, testOf(held)].map(cell).join(" | ")} |`);
  const head = "| What is promised | The test that holds it |\n| --- | --- |";
  return `### ${title}\n\n<!-- prettier-ignore -->\n${head}\n${lines.join("\n")}`;
}

function testOf({ test, name }: HeldPromise): string {
  return `${link(test, "test/")}: ${name.replaceAll("<", "&lt;")}`;
}

const link = (path: string, under: string) =>
  `[${path.replace(under, "").replace(/(\.slow)?(\.test)?\.ts$/, "")}](${path})`;

const cell = (text: string) => text.replaceAll("|", "\\|");

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  writeFileSync(file, withPromises(readFileSync(file, "utf8")));
}
