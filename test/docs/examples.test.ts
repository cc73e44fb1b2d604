import { readdirSync, readFileSync } from "node:fs";
import { beforeAll, describe, expect, test } from "@jest/globals";
import { startBroker } from "kubemq-es/testing";
import { programAt } from "../support/program.js";
import { comparable, mapConcurrent, root, runProgram, type Ended } from "./program.js";

/** Shared by the examples. */
const NOT_ALONE = ["broker.ts"];
const BOUND_MS = 60_000;

const programs = readdirSync(`${root}examples`).filter((file) => file.endsWith(".ts") && !NOT_ALONE.includes(file));
/** Run by jest itself. */
const tested = programs.filter((file) => file.endsWith(".test.ts"));
const files = programs.filter((file) => !tested.includes(file));
/** The programs of examples/shop.ts, and the contracts that they share. */
const shared = readdirSync(`${root}examples/shop`).map((file) => `shop/${file}`);

/**
 * The expected output of an example, from the comment at its end; `…` matches anything within a
 * line.
 */
function promisesOf(file: string): string[] {
  const block = /\/\* prints:\n([^]*?)\n\*\/\n$/.exec(readFileSync(`${root}examples/${file}`, "utf8"))?.[1];
  return block === undefined ? [] : block.split("\n");
}

const compared = (file: string, outcome: Ended | undefined) => comparable(outcome?.stdout ?? "", promisesOf(file));

describe("examples", () => {
  let outcomes: ReadonlyMap<string, Ended>;

  beforeAll(async () => {
    const run = async (file: string) => [file, await runProgram(programAt(`examples/${file}`), BOUND_MS)] as const;
    outcomes = new Map(await mapConcurrent(files, 2, run));
  }, files.length * BOUND_MS);

  test.each(files)("%s prints what its last comment says, and ends by itself", (file) => {
    expect(outcomes.get(file)).toMatchObject({ code: 0, stderr: "" });
    expect(promisesOf(file)).not.toEqual([]);
    expect(compared(file, outcomes.get(file))).toEqual(promisesOf(file));
  });

  test("--address runs the examples on the given server", async () => {
    await using broker = await startBroker({ port: 0 });
    const outcome = await runProgram(programAt("examples/query-cache.ts"), BOUND_MS, "--address", broker.address);
    expect(compared("query-cache.ts", outcome)).toEqual(promisesOf("query-cache.ts"));
    expect(broker.stats().cachedResponses).toBe(1);
  }, 60_000);

  test.each([...files, ...tested, ...shared])("%s is short, and starts with a description", (file) => {
    const source = readFileSync(`${root}examples/${file}`, "utf8");
    expect(source).toMatch(/^\/\/ [A-Z]/);
    expect(source.trimEnd().split("\n").length).toBeLessThan(40);
  });

  test.each([...files, ...tested])("%s runs on its own broker", (file) => {
    const source = readFileSync(`${root}examples/${file}`, "utf8");
    expect(source).toMatch(/from "\.\/broker\.js"|from "kubemq-es\/testing"/);
  });
});
