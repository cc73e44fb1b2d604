import { beforeAll, describe, expect, test } from "@jest/globals";
import type { KubeMQClient } from "kubemq-es";
import { run, type Screen, withServer } from "./support.js";

let client: KubeMQClient;
let at: readonly string[];

withServer((server) => ({ client, at } = server));

const plain: Screen = { columns: 80, rows: 24, env: { NO_COLOR: "1" } };
const colored: Screen = { columns: 80, rows: 24 };

/** Clears the screen, sets the title, rings, moves left, and reverses the order of what follows. */
const hostile = "a\u001b[2J\u001b]0;title\u0007\b\r\nb\u009b31m\u007f\u202ec\td";
const shown = String.raw`a\x1b[2J\x1b]0;title\x07\x08\r\nb\x9b31m\x7f\u202ec` + "\td";

describe("a message with control characters", () => {
  beforeAll(async () => {
    await client.queues.send({ channel: "hostile", body: hostile, metadata: hostile, tags: { [hostile]: hostile } });
  });

  test("control characters of a message do not reach a terminal, and line ends are escaped", async () => {
    const { stdout } = await run(["queues", "peek", "hostile", "--max", "1", ...at], "", plain);
    expect(stdout.split("\n")).toHaveLength(2);
    expect(stdout).toContain(`${shown}=${shown} ${shown}\n`);
    // oxlint-disable-next-line no-control-regex -- these must not be there
    expect(stdout).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202e]/);
  });

  test("control characters are escaped between colours, and in JSON whose value stays the same", async () => {
    const { stdout } = await run(["queues", "peek", "hostile", "--max", "1", ...at], "", colored);
    expect(stdout).toContain(`\u001b[36m${shown}=${shown}\u001b[0m ${shown}\n`);
    const json = (await run(["queues", "peek", "hostile", "--max", "1", "--jsonl", ...at], "", colored)).stdout;
    // oxlint-disable-next-line no-control-regex -- these must not be there
    expect(json).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/);
    expect(JSON.parse(json)).toMatchObject({ body: hostile, metadata: hostile, tags: { [hostile]: hostile } });
  });

  test("a message with control characters reaches a pipe unchanged and without colours", async () => {
    const { stdout } = await run(["queues", "peek", "hostile", "--max", "1", ...at]);
    expect(stdout).toContain(`${hostile}=${hostile} ${hostile}\n`);
    expect(stdout).not.toContain("\u001b[2m");
  });

  test("control characters in an error message do not reach a terminal", async () => {
    const refusal = ["queries", "respond", "hostile", "--fail", hostile, "--count", "1", ...at];
    const responding = run(refusal, "", plain);
    const sent = run(["queries", "send", "hostile", "x", ...at], "", plain);
    expect((await sent).stderr).toBe(`kubemq-es: the query on hostile was refused: ${shown}\n`);
    await responding;
  });
});

test.each<[string, Screen["env"], string[], boolean]>([
  ["colours are on a terminal", {}, [], true],
  ["an empty NO_COLOR leaves them on", { NO_COLOR: "" }, [], true],
  ["NO_COLOR turns them off", { NO_COLOR: "1" }, [], false],
  ["--no-color turns them off", {}, ["--no-color"], false],
  ["a terminal without capabilities has none", { TERM: "dumb" }, [], false],
])("%s", async (_, env, options, colors) => {
  const screen = { columns: 80, rows: 24, env: { ...env } };
  const { stdout } = await run(["queues", "peek", "hostile", "--max", "1", ...options, ...at], "", screen);
  expect(stdout.includes("\u001b[")).toBe(colors);
});
