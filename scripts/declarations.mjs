// Removes from dist/ the declarations that no entry point refers to: those of internal modules are
// half of them, and nobody can import them.
import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { dirname, join, resolve } from "node:path";

const { exports } = JSON.parse(readFileSync("package.json", "utf8"));
const entries = Object.values(exports).flatMap(({ types }) => (types === undefined ? [] : [resolve(types)]));

/** The files that a declaration imports: `from "./x.js"`, `import "./x.js"` and `import("./x.js")`. */
const importsOf = (file) =>
  [...readFileSync(file, "utf8").matchAll(/\b(?:from|import)\s*\(?\s*"(\.[^"]+)\.js"/g)].map(([, path]) =>
    resolve(dirname(file), `${path}.d.ts`),
  );

const needed = new Set(entries);
for (const file of needed) for (const imported of importsOf(file)) needed.add(imported);

const missing = [...needed].filter((file) => !existsSync(file));
if (missing.length > 0) throw new Error(`there is no declaration ${missing.join(", ")}`);

for (const name of readdirSync("dist", { recursive: true })) {
  const file = resolve(join("dist", name));
  if (/\.d\.ts(\.map)?$/.test(name) && !needed.has(file.replace(/\.map$/, ""))) rmSync(file);
}
