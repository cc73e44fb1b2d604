import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { relative } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { startBroker, type Broker } from "kubemq-es/testing";
import { fieldsOf, tablesIn, withTables } from "../../scripts/docs-tables.js";
import { DEFAULTS } from "../../src/support/defaults.js";
import { chapters } from "../mutations/index.js";
import { mapConcurrent, root, runProgram, type Ended } from "./program.js";
import { snippetsOf, type Snippet } from "./snippets.js";

const readme = readFileSync(`${root}README.md`, "utf8");
const snippets = snippetsOf(readme);
const BOUND_MS = 90_000;

const nameOf = ({ heading, line }: Snippet) => `${heading}, line ${line}`;

describe("the snippets of README.md", () => {
  // Under the root, so that the package and its dependencies resolve as for a user.
  const folder = mkdtempSync(`${root}.snippets-`);
  const files = new Map<Snippet, string>();
  const brokers: Broker[] = [];
  const outcomes = new Map<Snippet, Ended>();

  beforeAll(
    async () => {
      for (const snippet of snippets) {
        const broker = await startBroker({ port: 0 });
        brokers.push(broker);
        mkdirSync(`${folder}/${snippet.line}`);
        files.set(snippet, `${folder}/${snippet.line}/snippet.ts`);
        writeFileSync(
          `${folder}/${snippet.line}/snippet.ts`,
          snippet.code.replaceAll("localhost:50000", broker.address),
        );
      }
      const config = {
        extends: "../tsconfig.json",
        compilerOptions: { noUnusedLocals: false, noUnusedParameters: false },
        include: [],
        files: [...files.values()],
      };
      writeFileSync(`${folder}/tsconfig.json`, JSON.stringify(config));
      await promisify(execFile)(process.execPath, [`${root}scripts/programs.mjs`, folder, ...files.values()]);
      await mapConcurrent(snippets, 2, async (snippet) => {
        const file = `${folder}/${relative(root, folder)}/${snippet.line}/snippet.js`;
        outcomes.set(snippet, await runProgram({ file, execArgv: [] }, BOUND_MS));
      });
    },
    60_000 + snippets.length * BOUND_MS,
  );
  afterAll(async () => {
    rmSync(folder, { recursive: true, force: true });
    await Promise.all(brokers.map((broker) => broker.close()));
  });

  test("README.md has snippets", () => {
    expect(snippets.length).toBeGreaterThan(0);
  });

  test("the snippets are valid TypeScript", async () => {
    const tsc = `${root}node_modules/typescript/bin/tsc`;
    const checked = promisify(execFile)(process.execPath, [tsc, "-p", `${folder}/tsconfig.json`], { cwd: folder });
    const errors = await checked.then(
      () => "",
      (error: { stdout: string }) => error.stdout,
    );
    expect(errors).toBe("");
  }, 60_000);

  test.each(snippets.map((snippet) => [nameOf(snippet), snippet] as const))("%s runs to its end", (_, snippet) => {
    expect(outcomes.get(snippet)).toMatchObject({ code: 0, stderr: "" });
  });
});

describe("tables and figures of README.md", () => {
  test("every table is up to date (npm run docs:tables writes them)", () => {
    expect(tablesIn(readme)).toEqual(expect.arrayContaining(["ClientOptions", "ErrorCode"]));
    expect(withTables(readme)).toBe(readme);
  });

  test("the stated number of promises is at most the number checked", () => {
    const [, told] = /more than (\d+) promises/.exec(readme) ?? [];
    expect(Number(told)).toBeLessThan(chapters.flatMap(({ promises }) => promises).length);
  });

  test("the table of error codes has every code", () => {
    const source = readFileSync(`${root}src/api/errors.ts`, "utf8");
    const codes = [...(/export type ErrorCode =([^;]*);/.exec(source)?.[1] ?? "").matchAll(/"([A-Z_]+)"/g)];
    const rows = [...readme.matchAll(/^\| `([A-Z_]+)` +\|/gm)].map(([, code]) => code);
    expect(codes.length).toBeGreaterThan(0);
    expect(rows).toEqual(codes.map(([, code]) => code));
  });

  test("the defaults in the comments are those of the code", () => {
    const told = Object.fromEntries(
      [...fieldsOf("ClientOptions"), ...fieldsOf("HandlerOptions")].map(({ name, preset }) => [name, preset]),
    );
    const { closeTimeoutMs: _, ...defaults } = DEFAULTS;
    for (const [name, value] of Object.entries(defaults)) {
      const text =
        typeof value === "object"
          ? `{ ${Object.entries(value)
              .map(([key, it]) => `${key}: ${it}`)
              .join(", ")} }`
          : JSON.stringify(value);
      expect([name, told[name]?.split(" (")[0]]).toEqual([name, text]);
    }
  });
});

describe("the commands that the pages name exist", () => {
  test.each(["README.md", "CONTRIBUTING.md", "docs/guarantees.md", "docs/performance.md"])(
    "%s: npm has them",
    (page) => {
      const { scripts } = JSON.parse(readFileSync(`${root}package.json`, "utf8")) as {
        scripts: Record<string, string>;
      };
      const named = [...readFileSync(`${root}${page}`, "utf8").matchAll(/npm run (?:-s )?([\w:]+)/g)].map(
        ([, name]) => name,
      );
      expect(named.length).toBeGreaterThan(0);
      expect(named.filter((name) => name === undefined || !(name in scripts))).toEqual([]);
    },
  );
});
