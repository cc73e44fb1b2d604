import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { fieldsOf, tablesIn, withTables } from "../../scripts/docs-tables.js";
import { DEFAULTS } from "../../src/support/defaults.js";
import { chapters } from "../mutations/index.js";
import { guides, root } from "./program.js";

const pages = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", ...guides];
const read = (page: string) => readFileSync(`${root}${page}`, "utf8");

/** The name of a heading in a link, as GitHub makes it. */
const anchorOf = (heading: string) =>
  heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N} _-]/gu, "")
    .replaceAll(" ", "-");

const anchorsOf = (page: string) =>
  [...read(page).matchAll(/^#+ (.+)$/gm)].map(([, heading]) => anchorOf(`${heading}`));

/** The default in the comment of an option, without its explanation. */
const statedDefault = (options: string, option: string) =>
  fieldsOf(options)
    .find(({ name }) => name === option)
    ?.preset?.split(" (")[0];

/** A default as comments write it. */
const literal = (value: string | number | boolean | object) =>
  typeof value === "object"
    ? `{ ${Object.entries(value)
        .map(([key, it]) => `${key}: ${it}`)
        .join(", ")} }`
    : JSON.stringify(value);

const { files: shipped } = JSON.parse(read("package.json")) as { files: string[] };
/** Whether npm puts a file into the package. */
const isShipped = (file: string) =>
  /^(README\.md|LICENSE|package\.json)$/.test(file) || shipped.includes(`${file.split("/")[0]}`);

/** Why a link leads nowhere; undefined for a good one. */
function broken(page: string, link: string): string | undefined {
  const [path = "", anchor] = link.split("#");
  const target = path === "" ? page : join(dirname(page), path);
  if (!existsSync(`${root}${target}`)) return `${link}: no such file`;
  if (isShipped(page) && !isShipped(target)) return `${link}: not in the npm package, name it without a link`;
  if (anchor === undefined || anchorsOf(target).includes(anchor)) return undefined;
  return `${link}: no such heading`;
}

describe("tables and figures of the pages", () => {
  test.each(pages)("the tables of %s are up to date (npm run docs:tables writes them)", (page) => {
    expect(withTables(read(page))).toBe(read(page));
  });

  test("the options of the client and the error codes have a table each", () => {
    expect(pages.flatMap((page) => tablesIn(read(page)))).toEqual(
      expect.arrayContaining(["ClientOptions", "ErrorCode"]),
    );
  });

  test("the stated number of promises is at most the number checked", () => {
    const [, stated] = /more than (\d+) promises/.exec(read("README.md")) ?? [];
    expect(Number(stated)).toBeLessThan(chapters.flatMap(({ promises }) => promises).length);
  });

  test("the table of error codes has every code", () => {
    const source = read("src/api/errors.ts");
    const codes = [...(/export type ErrorCode =([^;]*);/.exec(source)?.[1] ?? "").matchAll(/"([A-Z_]+)"/g)];
    const table = pages.map(read).find((page) => tablesIn(page).includes("ErrorCode")) ?? "";
    const rows = [...table.matchAll(/^\| `([A-Z_]+)` +\|/gm)].map(([, code]) => code);
    expect(codes.length).toBeGreaterThan(0);
    expect(rows).toEqual(codes.map(([, code]) => code));
  });

  test("the defaults in the comments are those of the code", () => {
    const { closeTimeoutMs, concurrency, drainTimeoutMs, processDrainTimeoutMs, retryDelay, ...options } = DEFAULTS;
    const { maxAttempts: _, ...delay } = retryDelay;
    for (const [name, value] of Object.entries(options)) {
      expect([name, statedDefault("ClientOptions", name)]).toEqual([name, literal(value)]);
    }
    expect(statedDefault("HandlerOptions", "concurrency")).toBe(literal(concurrency));
    expect(statedDefault("HandlerOptions", "drainTimeoutMs")).toBe(
      `${drainTimeoutMs} for requests, ${processDrainTimeoutMs} for queues`,
    );
    expect(statedDefault("RetryOptions", "delay")).toBe(literal(delay));
    expect(read("src/client.ts")).toContain(`\`timeoutMs\`: in milliseconds. @default ${closeTimeoutMs}\n`);
  });
});

describe("references of the pages", () => {
  test.each(pages)("the npm scripts that %s names exist", (page) => {
    const { scripts } = JSON.parse(read("package.json")) as { scripts: Record<string, string> };
    const named = [...read(page).matchAll(/npm run (?:-s )?([\w:]+)/g)].map(([, name]) => name);
    expect(named.filter((name) => name === undefined || !(name in scripts))).toEqual([]);
  });

  test.each(pages)("the links of %s lead to files and headings", (page) => {
    const prose = read(page).replaceAll(/^```[^]*?^```$/gm, "");
    const links = [...prose.matchAll(/\]\((?!https?:)([^)\s]+)\)/g)].map(([, link]) => `${link}`);
    expect(links.map((link) => broken(page, link)).filter((reason) => reason !== undefined)).toEqual([]);
  });

  test("the program for Jest in docs/testing.md is the example that Jest runs", () => {
    const program = /^```ts jest\n([^]*?)^```$/m.exec(read("docs/testing.md"))?.[1];
    expect(program).toBe(read("examples/testing.test.ts"));
  });

  test("the messages in the headings of docs/troubleshooting.md are in the source, or codes", () => {
    const headings = [...read("docs/troubleshooting.md").matchAll(/^### (`.*)$/gm)].map(([, heading]) => `${heading}`);
    const quoted = headings.flatMap((heading) =>
      [...heading.matchAll(/`([^`]+)`/g)].map(([, message]) => `${message}`),
    );
    const sources = readdirSync(`${root}src`, { recursive: true, encoding: "utf8" })
      .filter((file) => file.endsWith(".ts"))
      .map((file) => read(`src/${file}`));
    const foreign = ["connect ECONNREFUSED", "SyntaxError", "await using", "AsyncDisposable", "process"];
    const unknown = quoted.filter((message) => !sources.some((source) => source.includes(message)));
    expect(quoted.length).toBeGreaterThan(10);
    expect(unknown.filter((message) => !foreign.includes(message))).toEqual([]);
  });

  test("docs/internals.md and CONTRIBUTING.md have every room of src/", () => {
    const rooms = readdirSync(`${root}src`, { withFileTypes: true }).filter((entry) => entry.isDirectory());
    const names = rooms.map(({ name }) => name).toSorted();
    const rows = [...read("docs/internals.md").matchAll(/^\| `(\w+)\/` +\|/gm)].map(([, name]) => `${name}`);
    const lines = [...read("CONTRIBUTING.md").matchAll(/^src\/(\w+)\/ /gm)].map(([, name]) => `${name}`);
    expect(rows.toSorted()).toEqual(names);
    expect(lines.toSorted()).toEqual(names);
  });

  test("README.md leads to every guide", () => {
    expect(guides.filter((guide) => !read("README.md").includes(`(${guide}`))).toEqual([]);
  });
});
