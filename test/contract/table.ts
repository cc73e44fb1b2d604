import type { Outcome } from "./suite.js";

/** What was found on one server. */
export interface Findings {
  /** The server, as its answer to a ping names it. */
  readonly server: string;
  readonly date: string;
  readonly parts: readonly Part[];
}

/** The promises of one suite, in order. */
export interface Part {
  readonly title: string;
  readonly rows: readonly Row[];
}

export interface Row {
  readonly promise: string;
  /** Of each round. */
  readonly outcomes: readonly Outcome[];
  /** Why it does not hold, if that is known. */
  readonly reason?: string | undefined;
}

const MARKED = /(<!-- contract -->\n)[^]*?(<!-- end of contract -->)/;

/** The document with the findings between its marks. */
export function withFindings(document: string, findings: Findings): string {
  if (!MARKED.test(document)) throw new Error("the document has no marks for the table: <!-- contract -->");
  return document.replace(MARKED, (_, start: string, end: string) => `${start}\n${markdown(findings)}\n\n${end}`);
}

/** The promises that a document has a row for. */
export function promisesIn(document: string): string[] {
  const table = MARKED.exec(document)?.[0] ?? "";
  return [...table.matchAll(/^\| (.+?) \| (?:holds|does not hold)/gm)].map((row) => String(row[1]));
}

/** Not formatted: the formatter would pad each cell to the width of its column. */
function markdown({ server, date, parts }: Findings): string {
  const all = parts.flatMap(({ rows }) => rows);
  const held = all.filter(({ outcomes }) => outcomes.every(({ kind }) => kind === "holds")).length;
  const rounds = all[0]?.outcomes.length ?? 0;
  const sections = parts.map(({ title, rows }) =>
    [`### ${title}`, "", "<!-- prettier-ignore -->", "| Promise | Result |", "| --- | --- |", ...rows.map(line)].join(
      "\n",
    ),
  );
  const head = `Server: ${server}. Date: ${date}. Rounds: ${rounds}. ${held} of ${all.length} promises hold in each.`;
  return [head, ...sections].join("\n\n");
}

/** A row as `npm run test:server` prints and writes it. */
export function line(row: Row): string {
  return `| ${row.promise} | ${result(row)} |`;
}

function result({ outcomes, reason }: Row): string {
  const [failure] = outcomes.flatMap((outcome) => (outcome.kind === "holds" ? [] : [outcome.why]));
  if (failure === undefined) return "holds";
  const held = outcomes.filter(({ kind }) => kind === "holds").length;
  const how = held === 0 ? "does not hold" : `holds in ${held} of ${outcomes.length} rounds`;
  return `${how}: ${(reason ?? firstLine(failure)).replaceAll("|", "\\|")}`;
}

const firstLine = (why: string) => why.split("\n")[0]?.replace(/^(\w+Error)( \[\w+\])?: /, "") ?? "";
