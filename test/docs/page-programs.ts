import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { relative } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { startBroker, type Broker } from "kubemq-es/testing";
import { comparable, mapConcurrent, root, runProgram, type Ended } from "./program.js";
import { snippetsOf, type Snippet } from "./snippets.js";

const BOUND_MS = 90_000;

/**
 * Compiles and runs every program of a page as it stands, each on a broker of its own, and compares
 * what it prints with the block behind it.
 */
export function describePrograms(page: string): void {
  const snippets = snippetsOf(readFileSync(`${root}${page}`, "utf8"));
  const named = snippets.map((snippet) => [`${snippet.heading}, line ${snippet.line}`, snippet] as const);

  describe(`the programs of ${page}`, () => {
    // Under the root, so that the package and its dependencies resolve as for a user.
    const folder = mkdtempSync(`${root}.snippets-`);
    const brokers: Broker[] = [];
    const outcomes = new Map<Snippet, Ended>();

    beforeAll(
      async () => {
        const files: string[] = [];
        for (const { line, code } of snippets) {
          const broker = await startBroker({ port: 0 });
          brokers.push(broker);
          mkdirSync(`${folder}/${line}`);
          files.push(`${folder}/${line}/snippet.ts`);
          writeFileSync(`${folder}/${line}/snippet.ts`, code.replaceAll("localhost:50000", broker.address));
        }
        const config = {
          extends: "../tsconfig.json",
          compilerOptions: { noUnusedLocals: false, noUnusedParameters: false },
          include: [],
          files,
        };
        writeFileSync(`${folder}/tsconfig.json`, JSON.stringify(config));
        await promisify(execFile)(process.execPath, [`${root}scripts/programs.mjs`, folder, ...files]);
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

    test("they exist", () => {
      expect(snippets.length).toBeGreaterThan(0);
    });

    test("they are valid TypeScript", async () => {
      const tsc = `${root}node_modules/typescript/bin/tsc`;
      const checked = promisify(execFile)(process.execPath, [tsc, "-p", `${folder}/tsconfig.json`], { cwd: folder });
      const errors = await checked.then(
        () => "",
        (error: { stdout: string }) => error.stdout,
      );
      expect(errors).toBe("");
    }, 60_000);

    test.each(named)("%s runs to its end and prints what the page says", (_, snippet) => {
      const outcome = outcomes.get(snippet);
      expect(outcome).toMatchObject({ code: 0, stderr: "" });
      if (snippet.prints !== undefined)
        expect(comparable(outcome?.stdout ?? "", snippet.prints)).toEqual(snippet.prints);
    });
  });
}
