// Writes the tables of RELIABILITY.md between its marks, from the list that `npm run test:mutations` works through.
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath, pathToFileURL } from "node:url";
import { chapters } from "../test/mutations/index.js";
import type { Chapter, HeldPromise } from "../test/mutations/promise.js";

const file = fileURLToPath(new URL("../RELIABILITY.md", import.meta.url));
const MARKED = /(<!-- promises -->\n)[^]*?(<!-- end of promises -->)/;

/** RELIABILITY.md as it ought to be. */
export function withPromises(text: string): string {
  if (!MARKED.test(text)) throw new Error("RELIABILITY.md has no marks for its promises");
  return text.replace(
    MARKED,
    (_, start: string, end: string) => `${start}\n${chapters.map(section).join("\n\n")}\n\n${end}`,
  );
}

// The formatter would pad every cell to the longest of its column.
function section({ title, promises }: Chapter): string {
  const rows = promises.map((held) => `| ${[held.promise, testOf(held), lineOf(held)].map(cell).join(" | ")} |`);
  const head = "| What is promised | The test that holds it | The line that keeps it |\n| --- | --- | --- |";
  return `### ${title}\n\n<!-- prettier-ignore -->\n${head}\n${rows.join("\n")}`;
}

function testOf({ test, name }: HeldPromise): string {
  return `${link(test, "test/")}: ${name.replaceAll("<", "&lt;")}`;
}

function lineOf({ file: source, find, replace }: HeldPromise): string {
  const instead = replace === "" ? "" : `, red as ${code(replace)}`;
  return `${link(source, "src/")}: ${code(find.trim())}${instead}`;
}

const link = (path: string, under: string) => `[${path.replace(under, "").replace(/(\.test)?\.ts$/, "")}](${path})`;

const code = (text: string) => (text.includes("`") ? `\`\` ${text} \`\`` : `\`${text}\``);

const cell = (text: string) => text.replaceAll("|", "\\|");

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  writeFileSync(file, withPromises(readFileSync(file, "utf8")));
}
