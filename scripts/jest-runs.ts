// Runs single tests in copies of the source tree, so that the source can be broken there.
import { spawn, type ChildProcess } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("../", import.meta.url));

/** The parts of the tree that tests need, if they exist. */
const PARTS = [
  "src",
  "gen",
  "test",
  "proto",
  "scripts",
  "examples",
  "package.json",
  "tsconfig.json",
  "jest.config.mjs",
  "jest.slow.config.mjs",
];

/**
 * Copies of the tree, one per runner. Dependencies are linked: jest and Node.js both follow the
 * link.
 */
export class Copies implements Disposable {
  readonly #folder = realpathSync(mkdtempSync(join(tmpdir(), "kubemq-es-mutations-")));
  readonly folders: readonly string[];

  constructor(count: number) {
    process.once("exit", () => this[Symbol.dispose]());
    this.folders = Array.from({ length: count }, (_, at) => {
      const copy = join(this.#folder, String(at));
      mkdirSync(copy);
      for (const part of PARTS) {
        if (existsSync(join(root, part))) cpSync(join(root, part), join(copy, part), { recursive: true });
      }
      symlinkSync(realpathSync(join(root, "node_modules")), join(copy, "node_modules"), "junction");
      return copy;
    });
  }

  [Symbol.dispose](): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

export interface TestResult {
  readonly file: string;
  readonly name: string;
  readonly outcome: "passed" | "failed";
  readonly message: string;
}

export type Ended =
  /** `failedSuites` lists the files that could not be loaded. */
  | { readonly kind: "ended"; readonly results: readonly TestResult[]; readonly failedSuites: readonly string[] }
  | { readonly kind: "crashed"; readonly output: string }
  | { readonly kind: "killed" };

const running = new Set<ChildProcess>();
process.on("exit", () => running.forEach(kill));
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(130));

/** Kills the whole process group: jest and tests start further processes. */
function kill({ pid }: ChildProcess): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // it has already ended
  }
}

interface Report {
  readonly testResults: readonly {
    readonly name: string;
    readonly status: string;
    readonly message: string;
    readonly assertionResults: readonly {
      readonly fullName: string;
      readonly status: string;
      readonly failureMessages: readonly string[] | null;
    }[];
  }[];
}

/** Runs the tests of the given files whose names match. */
export async function runJest(
  copy: string,
  files: readonly string[],
  pattern: string,
  boundMs: number,
  testTimeoutMs?: number,
): Promise<Ended> {
  const report = join(copy, "report.json");
  rmSync(report, { force: true });
  const flags = ["--experimental-vm-modules", "--disable-warning=ExperimentalWarning"];
  // Those of `npm run test:slow` hold promises, too.
  const jest = [
    "node_modules/jest/bin/jest.js",
    "--testMatch=**/*.test.ts",
    "--json",
    `--outputFile=${report}`,
    "--forceExit",
    "--silent",
  ];
  const workers = files.length === 1 ? ["--runInBand"] : [];
  const timeout = testTimeoutMs === undefined ? [] : [`--testTimeout=${testTimeoutMs}`];
  const args = [...flags, ...jest, ...workers, ...timeout, "--testNamePattern", pattern, "--runTestsByPath", ...files];
  const child = spawn(process.execPath, args, { cwd: copy, detached: true, stdio: ["ignore", "ignore", "pipe"] });
  running.add(child);
  let output = "";
  child.stderr.on("data", (chunk: Buffer) => (output = (output + chunk.toString()).slice(-2_000)));
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    kill(child);
  }, boundMs);
  await new Promise<void>((resolve) => child.once("exit", () => resolve()));
  clearTimeout(timer);
  kill(child); // processes that the tests left behind
  running.delete(child);
  if (isLate) return { kind: "killed" };
  if (!existsSync(report)) return { kind: "crashed", output };
  const { testResults } = JSON.parse(readFileSync(report, "utf8")) as Report;
  const failedSuites: string[] = [];
  const results: TestResult[] = [];
  for (const { name: path, status, assertionResults } of testResults) {
    const file = path.slice(copy.length + 1);
    if (status === "failed" && assertionResults.length === 0) failedSuites.push(file);
    for (const { fullName, status: outcome, failureMessages } of assertionResults) {
      if (outcome !== "passed" && outcome !== "failed") continue;
      results.push({ file, name: fullName, outcome, message: failureMessages?.[0] ?? "" });
    }
  }
  return { kind: "ended", results, failedSuites };
}
