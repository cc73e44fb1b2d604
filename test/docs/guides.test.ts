import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { BOUND_MS, ProgramRuns, programsOf, type PageProgram } from "./page-programs.js";
import { comparable, guides, type Ended } from "./program.js";

const pages = ["README.md", ...guides]
  .map((page) => ({ page, programs: programsOf(page) }))
  .filter(({ programs }) => programs.length > 0);
const all = pages.flatMap(({ programs }) => programs);

describe("the programs of README.md and the guides", () => {
  let runs: ProgramRuns;
  let outcomes: ReadonlyMap<PageProgram, Ended>;

  beforeAll(
    async () => {
      runs = await ProgramRuns.compile(all);
      outcomes = await runs.run();
    },
    60_000 + all.length * BOUND_MS,
  );
  afterAll(() => runs[Symbol.asyncDispose]());

  test("README.md has programs, and so has a guide for each pattern", () => {
    const names = pages.map(({ page }) => page);
    const patterns = ["events", "events-store", "queues", "requests"];
    expect(names).toEqual(expect.arrayContaining(["README.md", ...patterns.map((name) => `docs/${name}.md`)]));
  });

  test("they are valid TypeScript", async () => {
    expect(await runs.typeErrors()).toBe("");
  }, 60_000);

  describe.each(pages)("$page", ({ programs }) => {
    test.each(programs)("$heading, line $line, runs to its end and prints what the page says", (program) => {
      const outcome = outcomes.get(program);
      expect(outcome).toMatchObject({ code: 0, stderr: "" });
      if (program.prints !== undefined)
        expect(comparable(outcome?.stdout ?? "", program.prints)).toEqual(program.prints);
    });
  });
});
