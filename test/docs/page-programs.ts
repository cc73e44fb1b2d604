import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { relative } from "node:path";
import { promisify } from "node:util";
import { startBroker, type Broker } from "kubemq-es/testing";
import { mapConcurrent, root, runProgram, type Ended } from "./program.js";
import { snippetsOf, type Snippet } from "./snippets.js";

export const BOUND_MS = 90_000;

/** A program of a page, and where it is. */
export interface PageProgram extends Snippet {
  readonly page: string;
}

export function programsOf(page: string): PageProgram[] {
  return snippetsOf(readFileSync(`${root}${page}`, "utf8")).map((snippet) => ({ page, ...snippet }));
}

/** Programs in a folder, each for a broker of its own. Compiled and checked together: a compiler each is most of the time. */
export class ProgramRuns implements AsyncDisposable {
  // Under the root, so that the package and its dependencies resolve as for a user.
  readonly #folder = mkdtempSync(`${root}.snippets-`);
  readonly #brokers: Broker[] = [];
  readonly #programs: readonly PageProgram[];

  private constructor(programs: readonly PageProgram[]) {
    this.#programs = programs;
  }

  static async compile(programs: readonly PageProgram[]): Promise<ProgramRuns> {
    const runs = new ProgramRuns(programs);
    const files = await Promise.all(programs.map(async (program) => runs.#write(program)));
    const config = {
      extends: "../tsconfig.json",
      compilerOptions: { noUnusedLocals: false, noUnusedParameters: false },
      include: [],
      files,
    };
    writeFileSync(`${runs.#folder}/tsconfig.json`, JSON.stringify(config));
    await promisify(execFile)(process.execPath, [`${root}scripts/programs.mjs`, runs.#folder, ...files]);
    return runs;
  }

  async #write(program: PageProgram): Promise<string> {
    const broker = await startBroker({ port: 0 });
    this.#brokers.push(broker);
    const folder = `${this.#folder}/${pathOf(program)}`;
    mkdirSync(folder, { recursive: true });
    const code = program.code
      .replaceAll("localhost:50000", broker.address)
      // A user generates this code; here it is that of the example.
      .replaceAll('"./gen/', `"${relative(folder, root)}/examples/rpc/gen/`);
    writeFileSync(`${folder}/snippet.ts`, code);
    return `${folder}/snippet.ts`;
  }

  /** What the compiler says about all programs; empty when it accepts them. */
  async typeErrors(): Promise<string> {
    const tsc = `${root}node_modules/typescript/bin/tsc`;
    const checked = promisify(execFile)(process.execPath, [tsc, "-p", `${this.#folder}/tsconfig.json`], {
      cwd: this.#folder,
    });
    return checked.then(
      () => "",
      (error: { stdout: string }) => error.stdout,
    );
  }

  /** Runs each program to its end. */
  async run(): Promise<Map<PageProgram, Ended>> {
    const outcomes = new Map<PageProgram, Ended>();
    await mapConcurrent(this.#programs, 2, async (program) => {
      const file = `${this.#folder}/${relative(root, this.#folder)}/${pathOf(program)}/snippet.js`;
      outcomes.set(program, await runProgram({ file, execArgv: [] }, BOUND_MS));
    });
    return outcomes;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    rmSync(this.#folder, { recursive: true, force: true });
    await Promise.all(this.#brokers.map((broker) => broker.close()));
  }
}

const pathOf = ({ page, line }: PageProgram) => `${page.replaceAll(/\W/g, "-")}/${line}`;
