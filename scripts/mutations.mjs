// Breaks one line of the source at a time, in a copy, and expects the test that guards it to fail.
// npm run test:mutations [-- part of a name]
import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { mutations } from "./mutation-list.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const wanted = process.argv[2] ?? "";
const copy = mkdtempSync(join(tmpdir(), "kubemq-es-mutations-"));
let survived = 0;
try {
  for (const name of ["src", "gen", "test", "proto", "package.json", "tsconfig.json", "jest.config.mjs"]) {
    cpSync(join(root, name), join(copy, name), { recursive: true });
  }
  symlinkSync(join(root, "node_modules"), join(copy, "node_modules"));
  for (const { name, file, from, to, test, only } of mutations) {
    if (!name.includes(wanted)) continue;
    const path = join(copy, file);
    const source = readFileSync(path, "utf8");
    const parts = source.split(from);
    if (parts.length !== 2) {
      survived += 1;
      console.log(`STALE    ${name}: ${file} has the line ${parts.length - 1} times`);
      continue;
    }
    writeFileSync(path, parts.join(to));
    const jest = ["--experimental-vm-modules", "node_modules/jest/bin/jest.js", test, "-t", only, "--forceExit"];
    const { status, signal } = spawnSync(process.execPath, jest, { cwd: copy, stdio: "ignore", timeout: 120_000 });
    writeFileSync(path, source);
    const caught = status !== 0 || signal !== null;
    if (!caught) survived += 1;
    console.log(`${caught ? "caught  " : "SURVIVED"} ${name}`);
  }
} finally {
  rmSync(copy, { recursive: true, force: true });
}
if (survived > 0) process.exitCode = 1;
