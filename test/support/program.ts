import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../", import.meta.url));

export interface Program {
  readonly file: string;
  /** Arguments for Node.js, before the file. */
  readonly execArgv: readonly string[];
}

/**
 * A program of this repository, by its path from the root. Jest compiles the programs before it
 * starts (see compile-programs.mjs); outside of jest they run from source.
 */
export function programAt(path: string): Program {
  const folder = process.env["KUBEMQ_ES_PROGRAMS"];
  if (folder === undefined) return { file: `${root}${path}`, execArgv: ["--import", "tsx"] };
  const file = `${folder}/${path.replace(/\.ts$/, ".js")}`;
  if (!existsSync(file)) throw new Error(`${path} is not compiled: it is neither in examples/ nor in test/programs/`);
  return { file, execArgv: [] };
}
