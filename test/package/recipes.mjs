// The programs of docs/recipes.md that need other packages. The tests of the pages run the others.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { snippetsOf } from "../docs/snippets.ts";

const PACKAGES = [
  "fastify@5",
  "express@5",
  "@types/express@5",
  "hono@4",
  "@hono/node-server@2",
  "@msgpack/msgpack@3",
  "@nestjs/common@12",
  "@nestjs/core@12",
  "@nestjs/microservices@12",
  "reflect-metadata",
  "rxjs@7",
  "tsx",
  "@types/node@20",
];
const OPTIONS = "--noEmit --strict --skipLibCheck --module nodenext --target es2022 --lib es2023,esnext.disposable";

export function recipes({ root, tarball, compiler, address, npm, output, check }) {
  const cwd = mkdtempSync(join(tmpdir(), "kubemq-es-recipes-"));
  try {
    writeFileSync(join(cwd, "package.json"), JSON.stringify({ name: "user", private: true, type: "module" }));
    npm(["install", "--ignore-scripts", tarball, ...PACKAGES], cwd);
    const page = readFileSync(join(root, "docs/recipes.md"), "utf8").replaceAll("```ts\n", "```run\n");
    const programs = snippetsOf(page.replaceAll("```typescript\n", "```ts\n"));
    check("docs/recipes.md has programs for other packages", programs.length > 4, `it has ${programs.length}`);
    const files = programs.map(({ line, code }) => {
      writeFileSync(join(cwd, `line-${line}.ts`), code.replaceAll("localhost:50000", address));
      return `line-${line}.ts`;
    });
    const typed = output(process.execPath, [compiler, ...OPTIONS.split(" "), "--types", "node", ...files], cwd);
    check("TypeScript checks the programs of docs/recipes.md", typed.trim() === "", typed);
    for (const [index, { heading, line, prints }] of programs.entries()) {
      const said = output("npx", ["tsx", files[index]], cwd);
      check(`the program of "${heading}", line ${line}, prints what it says`, said.trim() === prints?.join("\n"), said);
    }
  } finally {
    rmSync(cwd, { recursive: true, force: true });
  }
}
