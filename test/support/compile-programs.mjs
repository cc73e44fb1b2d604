// Before the first test: bundles the sources, and compiles the programs that tests start. Jest's workers find the folder in their environment.
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { compilePrograms } from "../../scripts/programs.mjs";
import { bundleSources } from "./bundle-sources.mjs";

const root = fileURLToPath(new URL("../../", import.meta.url));

const programs = ["examples", "test/programs"].flatMap((folder) =>
  readdirSync(`${root}${folder}`, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(".ts") && !entry.name.endsWith(".test.ts"))
    .map((entry) => `${entry.parentPath}/${entry.name}`),
);

export default async function compile() {
  // Under the root, where Node.js finds the dependencies.
  const folder = mkdtempSync(`${root}.programs-`);
  process.env["KUBEMQ_ES_PROGRAMS"] = folder;
  process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
  await Promise.all([bundleSources(), compilePrograms(folder, programs)]);
}
