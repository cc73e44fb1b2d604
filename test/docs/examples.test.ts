import { readdirSync, readFileSync } from "node:fs";
import { beforeAll, describe, expect, test } from "@jest/globals";
import { KubeMQClient } from "kubemq-es";
import { startBroker } from "kubemq-es/testing";
import { mapConcurrent, root, runProgram, type Ended } from "./program.js";

/** Shared by the examples. */
const NOT_ALONE = ["broker.ts"];
const BOUND_MS = 60_000;

const programs = readdirSync(`${root}examples`).filter((file) => file.endsWith(".ts") && !NOT_ALONE.includes(file));
/** Run by jest itself. */
const tested = programs.filter((file) => file.endsWith(".test.ts"));
const files = programs.filter((file) => !tested.includes(file));

/** What an example promises to print, in a comment at its end; `…` stands for anything within a line. */
function promised(source: string): string[] {
  const block = /\/\* prints:\n([^]*?)\n\*\/\n$/.exec(source)?.[1];
  return block === undefined ? [] : block.split("\n");
}

function keeps(line: string | undefined, promise: string): boolean {
  const pattern = promise.split("…").map((text) => text.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`));
  return new RegExp(`^${pattern.join(".*")}$`).test(line ?? "");
}

describe("examples", () => {
  let outcomes: ReadonlyMap<string, Ended>;

  beforeAll(async () => {
    const run = async (file: string) => [file, await runProgram(`${root}examples/${file}`, BOUND_MS)] as const;
    outcomes = new Map(await mapConcurrent(files, 2, run));
  }, files.length * BOUND_MS);

  /** An unkept promise shows as it stands beside what was printed. */
  const expectKept = (file: string, outcome: Ended | undefined) => {
    expect(outcome).toMatchObject({ code: 0, stderr: "" });
    const expected = promised(readFileSync(`${root}examples/${file}`, "utf8"));
    expect(expected).not.toEqual([]);
    const lines = outcome?.stdout.trimEnd().split("\n") ?? [];
    expect(lines.map((line, n) => (keeps(line, expected[n] ?? "") ? expected[n] : line))).toEqual(expected);
  };

  test.each(files)("%s prints what it promises, and ends by itself", (file) => {
    expectKept(file, outcomes.get(file));
  });

  test("--address names the server that they run on", async () => {
    await using broker = await startBroker({ port: 0 });
    for (const file of ["queue-send.ts", "query-cache.ts"]) {
      expectKept(file, await runProgram(`${root}examples/${file}`, BOUND_MS, "--address", broker.address));
    }
    await using client = await KubeMQClient.connect({ address: broker.address });
    const seen = await client.queues.info("example.send");
    expect(seen.queues).toMatchObject([{ name: "example.send" }]);
  }, 60_000);

  test.each([...files, ...tested])("%s is short, says what it shows, and runs on a broker of its own", (file) => {
    const source = readFileSync(`${root}examples/${file}`, "utf8");
    expect(source).toMatch(/^\/\/ [A-Z]/);
    expect(source.trimEnd().split("\n").length).toBeLessThan(40);
    expect(source).toMatch(/from "\.\/broker\.js"|from "kubemq-es\/testing"/);
  });
});
