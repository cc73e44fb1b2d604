// The examples in the doc comments of the public API, compiled as they stand.
import { execFile } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "@jest/globals";
import { root } from "./program.js";

const FOLDERS = ["src", "src/api", "src/api/queues", "src/broker"];
/** Needs packages that users install. */
const OTHERS = ["src/opentelemetry.ts"];

/** Names that examples use without a definition. */
const PRELUDE = `
import { KubeMQClient, json, optionsFromEnv, type ProcessOptions, type RetryOptions } from "kubemq-es";
import { profiles, startBroker, type Broker } from "kubemq-es/testing";
declare const readings: string[], jobs: string[], paths: string[];
declare function work(...input: unknown[]): Promise<void>;
declare function insert(...input: unknown[]): Promise<void>;
declare function openDoor(name: string): Promise<void>;
declare function ship(order: unknown): Promise<void>;
declare function price(name: string): string;
`;

interface Example {
  readonly file: string;
  readonly code: string;
}

const sourcesIn = (folder: string) =>
  readdirSync(join(root, folder))
    .map((name) => `${folder}/${name}`)
    .filter((file) => file.endsWith(".ts") && !OTHERS.includes(file));

function examples(): Example[] {
  return FOLDERS.flatMap(sourcesIn).flatMap((file) => {
    const comments = readFileSync(join(root, file), "utf8").match(/^ *\/\*\*[^]*?\*\//gm) ?? [];
    return comments.flatMap((comment) => {
      const text = comment.replaceAll(/^ *\/?\*+(\/| |$)/gm, "");
      const found = [...text.matchAll(/@example\n(?:```ts\n([^]*?)\n```|([^]*?)(?=\n@|$(?![^])))/g)];
      return found.map(([, fenced, bare]) => ({ file, code: fenced ?? bare ?? "" }));
    });
  });
}

test("every example in a doc comment compiles", async () => {
  const all = examples();
  expect(all.length).toBeGreaterThan(30);
  const folder = mkdtempSync(join(root, ".doc-comments-"));
  try {
    const functions = all.map(
      ({ file, code }, n) =>
        `// ${file}\nexport async function example${n}(client: KubeMQClient, broker: Broker) {\n{${code}\n}}`,
    );
    writeFileSync(join(folder, "examples.ts"), PRELUDE + functions.join("\n"));
    const compilerOptions = { noEmit: true, noUnusedLocals: false, noUnusedParameters: false };
    const config = { extends: "../tsconfig.json", include: [], files: ["examples.ts"], compilerOptions };
    writeFileSync(join(folder, "tsconfig.json"), JSON.stringify(config));
    const compiled = promisify(execFile)(process.execPath, [
      join(root, "node_modules/typescript/bin/tsc"),
      "-p",
      folder,
    ]);
    const said = await compiled.then(
      ({ stdout }) => stdout,
      (error: { stdout: string }) => error.stdout,
    );
    expect(said).toBe("");
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
