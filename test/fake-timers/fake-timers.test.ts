import { afterEach, expect, jest, test } from "@jest/globals";
import { runProgram } from "../docs/program.js";
import { programAt } from "../support/program.js";
import { EXPECTED, everything } from "./everything.js";

afterEach(() => {
  jest.useRealTimers();
});

test("a client and a broker work under Jest's fake timers", async () => {
  jest.useFakeTimers();
  expect(await everything()).toEqual(EXPECTED);
});

test("a client and a broker work under the mock timers of node:test", async () => {
  const { code, stdout } = await runProgram(programAt("test/programs/fake-timers.ts"), 15_000);
  expect(stdout).toContain("# pass 1");
  expect(code).toBe(0);
});
