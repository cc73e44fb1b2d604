import { readFileSync } from "node:fs";
import { describePrograms } from "./page-programs.js";
import { guides, root } from "./program.js";
import { snippetsOf } from "./snippets.js";

for (const guide of guides) {
  if (snippetsOf(readFileSync(`${root}${guide}`, "utf8")).length > 0) describePrograms(guide);
}
