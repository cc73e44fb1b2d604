import { community, type Exceptions, newest } from "./exceptions.js";
import { suites, promisesOf } from "./promises/index.js";

/** The promises that a profile of the embedded broker cannot keep. Tests show that it keeps all others. */
const profiles: Readonly<Record<string, Exceptions>> = { default: {}, community, newest };

const MARKED = /(<!-- contract of profiles -->\n)[^]*?(<!-- end of contract of profiles -->)/;

/** The document with a column for each profile between its marks. */
export function withProfiles(document: string): string {
  if (!MARKED.test(document)) throw new Error("the document has no marks for the table: <!-- contract of profiles -->");
  return document.replace(MARKED, (_, start: string, end: string) => `${start}\n${table()}\n\n${end}`);
}

/** Not formatted, as the table of a server. */
function table(): string {
  const names = Object.keys(profiles);
  const head = `| Promises | ${names.map((name) => `\`${name}\``).join(" | ")} |`;
  const rule = `| --- |${" --- |".repeat(names.length)}`;
  const rows = suites.map((suite) => {
    const cells = Object.values(profiles).map((exceptions) => cell(promisesOf(suite), exceptions));
    return `| ${suite.title} | ${cells.join(" | ")} |`;
  });
  return ["<!-- prettier-ignore -->", head, rule, ...rows].join("\n");
}

function cell(promises: readonly string[], exceptions: Exceptions): string {
  const reasons = promises.flatMap((promise) => exceptions[promise] ?? []);
  const count = promises.length;
  if (reasons.length === 0) return `${count} hold`;
  return `${count - reasons.length} of ${count} hold. ${[...new Set(reasons)].join(" ")}`;
}
