import { describe, expect, test } from "@jest/globals";
import { communityRaces, type Exceptions } from "./exceptions.js";
import { promiseNames, suites } from "./promises/index.js";
import { type Check, CHECK_MS, outcomeOf } from "./suite.js";
import type { Server } from "./world.js";

// A check may wait for its turn.
const testMs = 2 * CHECK_MS;

/** Marks the name of a test that a promise does not hold: test/support/exceptions-reporter.mjs counts them. */
const DOES_NOT_HOLD = "does not hold: ";

/**
 * Makes a test of each promise. A promise of `exceptions` must not hold: when the server keeps it after all, its test fails, so that
 * the list stays true.
 */
export function testContract(server: Server, exceptions: Exceptions = {}): void {
  const expected = (name: string): unknown =>
    Object.hasOwn(exceptions, name) ? expect.objectContaining({ why: expect.any(String) }) : { kind: "holds" };
  const named = (name: string): string =>
    Object.hasOwn(exceptions, name) ? `${DOES_NOT_HOLD}${exceptions[name]} (${name})` : name;
  const rows = (checks: Readonly<Record<string, Check>>) =>
    Object.entries(checks).map(([name, check]) => [named(name), name, check] as const);
  const concurrent = suites.map(({ title, promises }) => ({ title, checks: rows(promises) }));
  const alone = suites
    .map(({ title, alone = {} }) => ({ title, checks: rows(alone) }))
    .filter(({ checks }) => checks.length > 0);

  describe.each(concurrent)("$title", ({ checks }) => {
    test.concurrent.each(checks)(
      "%s",
      async (_, name, check) => expect(await outcomeOf(server, check)).toEqual(expected(name)),
      testMs,
    );
  });
  describe.each(alone)("$title, one at a time", ({ checks }) => {
    test.each(checks)(
      "%s",
      async (_, name, check) => expect(await outcomeOf(server, check)).toEqual(expected(name)),
      testMs,
    );
  });
  test("each promise has a unique name, and each exception is a promise", () => {
    const names = promiseNames();
    expect(names).toEqual([...new Set(names)]);
    expect(names).toEqual(expect.arrayContaining(Object.keys({ ...exceptions, ...communityRaces })));
  });
}
